"""Settings: defaults, then the TOML file, then `LIVEGIST_*` in the environment, then flags."""

import ast
import inspect
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from tui import credentials
from tui.errors import ConfigError
from tui.paths import config_file

ENVIRONMENT = "LIVEGIST_"
API_KEY = "ASSEMBLYAI_API_KEY"
"""Variable that holds the vendor's key. It is never a setting, so that it is never shown or written."""
LLM_KEY = "LIVEGIST_LLM_KEY"
"""Variable that holds the key of the server at `llm_url`."""
TOKEN = "LIVEGIST_TOKEN"  # noqa: S105 - a variable's name
"""Variable that holds what clients of `livegist serve` must present."""
RESERVED = frozenset({"LIVEGIST_HOME", LLM_KEY, TOKEN, credentials.Key.HOOK.variable})

HOURLY_RATES = {
    "u3-rt-pro": 0.45,
    "universal-3-6-pro": 0.45,
    "universal-3-5-pro": 0.45,
    "universal-streaming-english": 0.15,
    "universal-streaming-multilingual": 0.15,
}
"""Dollars an hour of open socket, by speech model, as published in October 2026."""

Option = str | int | float | bool


Style = Literal["mark", "accent", "good", "warn", "bad", "strong"]
"""How something stands out: by what the theme has for it."""


class Highlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens when something that a person waits for is said."""

    style: Style = "mark"
    bell: bool = False
    """Ring the terminal's bell."""
    notify: bool | Literal["9", "777"] = False
    """Have the terminal show a desktop notification; by OSC 9 or 777 where it should not be guessed."""
    command: str = ""
    """Command the dashboard runs, without a shell; it gets the turn as JSON on stdin."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. Each can stand in `config.toml` and, in capitals after `LIVEGIST_`, in the environment."""

    source: str = "mic"
    """What to listen to: mic, mic:NAME, a file, - (stdin), or cmd:PROGRAM that writes raw 16 kHz mono s16le."""
    engine: Literal["auto", "cloud", "local"] = "auto"
    """Who recognises speech: the vendor (cloud), this machine (local), or whichever is possible (auto)."""
    url: str = ""
    """Streaming v3 endpoint, such as wss://streaming.eu.assemblyai.com. Empty: by engine."""
    llm_url: str = ""
    """OpenAI-compatible server that answers prompts, such as http://127.0.0.1:11434. Empty: by engine."""
    speech_model: str = "u3-rt-pro"
    """The endpoint's speech model."""
    llm_model: str = "claude-sonnet-4-20250514"
    """The model that answers prompts, checked against the server's list when it has one."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 4000
    """Most tokens of an answer."""
    context_tokens: Annotated[int, msgspec.Meta(ge=500, le=10_000_000)] = 100_000
    """Tokens the model reads at once; `ask` and `analyse` take a longer session in parts."""
    prompt: str = "summary"
    """Id of the prompt a session starts with: the name of its file."""
    format_turns: bool = True
    """Ask the endpoint for punctuation and capitals."""
    stream_options: dict[str, Any] = {}
    """Further parameters of the endpoint's query, such as keyterms_prompt or speaker_labels."""
    chunk_ms: Annotated[int, msgspec.Meta(ge=50, le=1000)] = 50
    """Milliseconds of audio in one message."""
    mic_latency_ms: Annotated[int, msgspec.Meta(ge=0, le=2000)] = 0
    """Latency asked of the sound system, in ms; 0 takes the device's own low latency."""
    mic_channels: Annotated[int, msgspec.Meta(ge=1, le=2)] = 1
    """Channels a microphone is opened with: 2 shows left and right apart, and what is recorded is their mix."""
    analyse_at_end: bool = True
    """Analyse the whole session when it ends."""
    private: bool = False
    """Write nothing of a session to the disk: it is gone when the next one starts or the engine ends."""
    flac: bool = False
    """Keep the recording as FLAC once a session is over: half the size, and every sample the same."""
    keep_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 0
    """Days after which a session is deleted, when another ends; 0 keeps all."""
    keep_tagged: bool = True
    """Keep sessions that have a tag, however old."""
    hook_command: str = ""
    """Command run when a session has ended; it gets the session as JSON on stdin."""
    hook_url: str = ""
    """Address to which the session is posted as JSON when it has ended."""
    gist_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0
    """Seconds after which a turn's answer counts as missing."""
    drain_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 12.0
    """Seconds to wait, after a stop, for what is still to come."""
    unattended_minutes: Annotated[float, msgspec.Meta(ge=-1)] = 30.0
    """Minutes a session goes on without a viewer; 0 stops at once, 10 s after a viewer was lost; -1 never."""
    local_model: str = "tiny.en"
    """Whisper model of the local engine: a name faster-whisper knows, or a folder."""
    local_device: str = "auto"
    """Where the local model runs: auto, cpu or cuda."""
    hourly_rates: dict[str, float] = msgspec.field(default_factory=lambda: dict(HOURLY_RATES))
    """Dollars an hour of open socket, by speech model; for the estimate of the cost."""
    input_rate: float = 3.0
    """Dollars a million tokens sent to the LLM."""
    output_rate: float = 15.0
    """Dollars a million tokens the LLM writes."""
    theme: str = "night"
    """Name of a theme: one that ships with livegist or a file in the themes folder beside the config."""
    fps: Annotated[int, msgspec.Meta(ge=1, le=60)] = 20
    """Frames a second of the level meter."""
    low_bandwidth: bool = False
    """Spare the line to the terminal: a slow meter, and what is still growing once a second."""
    plain: bool = False
    """Lines and words instead of a screen: for screen readers, pipes and very bad lines."""
    ascii: bool = False
    """Paint with ASCII alone, for a terminal without Unicode."""
    keys: dict[str, str] = {}
    """Other keys for actions, by the action's id, such as start = "f5"."""
    highlights: dict[str, Style | Highlight] = {}
    """Words, or /expressions/, that stand out when they are said: a style, or style, bell, notify and command."""


FIELDS = {field.name: field for field in msgspec.structs.fields(Config)}


class Settings(msgspec.Struct, frozen=True):
    """A config and where each value came from."""

    config: Config
    origin: dict[str, str]
    """By setting: `default`, the file's path, the variable's name, or `flag`."""


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in force.

    Args:
        flags: values that come before all others; a `None` among them is no value.
        file: the TOML file, which may be missing; `None` is the usual one.
        environ: `None` is the process's own.

    Raises:
        ConfigError: the file cannot be read, or an entry is unknown or of a wrong kind.
    """
    file = config_file() if file is None else file
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origin = dict.fromkeys(FIELDS, "default")
    for name, value in entries(read(file), file).items():
        values[name] = value
        origin[name] = str(file)
    for variable, written in environ.items():
        if variable.startswith(ENVIRONMENT) and variable not in RESERVED:
            name = variable.removeprefix(ENVIRONMENT).lower()
            values[name] = _checked(name, _parsed(name, written, variable), _at(variable), strict=False)
            origin[name] = variable
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = _checked(name, value, _at("the command line"), strict=False)
            origin[name] = "flag"
    return Settings(msgspec.convert(values, Config), origin)


def entries(text: str, file: Path) -> dict[str, Any]:
    """Return what a config file's text sets, checked.

    Raises:
        ConfigError: it is not TOML, or an entry is unknown or of a wrong kind.
    """
    return {
        name: _checked(name, value, lambda name, key: f"{file}:{_line(text, name, key)}", strict=True)
        for name, value in _table(text, file).items()
    }


def typed(name: str, written: str) -> Option:
    """Return what a person wrote for a setting that is no table, as its type.

    Raises:
        ConfigError: it is of a wrong kind.
    """
    found: Option = _checked(name, written, _at("settings"), strict=False)
    return found


def choices(name: str) -> tuple[Option, ...]:
    """Return the values of a setting that has but a few; empty for any other."""
    kind = _type(name)
    if kind is bool:
        return (False, True)
    return get_args(kind) if get_origin(kind) is Literal else ()


def api_key(environ: Mapping[str, str] | None = None) -> str:
    """Return the vendor's key, or an empty string.

    Raises:
        LivegistError: one is kept and cannot be had.
    """
    found = credentials.find(credentials.Key.VENDOR, environ)
    return found.value if found else ""


def llm_key(environ: Mapping[str, str] | None = None) -> str:
    """Return the key of the server at `llm_url`, or an empty string.

    Raises:
        LivegistError: one is kept and cannot be had.
    """
    found = credentials.find(credentials.Key.LLM, environ)
    return found.value if found else ""


def documentation() -> dict[str, str]:
    """Return each setting's one-line description, read from the docstring under it."""
    body = ast.parse(inspect.getsource(Config)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = text
    return found


def shown(settings: Settings) -> str:
    """Return the settings as a commented TOML file, each with its origin."""
    described = documentation()
    lines: list[str] = []
    tables: list[str] = []
    for name in FIELDS:
        value = getattr(settings.config, name)
        about = [f"# {described[name]}", f"# from: {settings.origin[name]}"]
        if isinstance(value, dict):
            entries = [f"{_toml(key)} = {_toml(entry)}" for key, entry in value.items() if entry is not None]
            tables += [*about, f"[{name}]", *entries, ""]
        else:
            lines += [*about, f"{name} = {_toml(value)}", ""]
    return "\n".join(lines + tables)


def _toml(value: Any) -> str:
    match value:
        case dict():
            entries = (f"{_toml(key)} = {_toml(entry)}" for key, entry in value.items() if entry is not None)
            return "{ " + ", ".join(entries) + " }"
        case msgspec.Struct():
            return _toml(msgspec.structs.asdict(value))
        case list():
            return "[" + ", ".join(_toml(entry) for entry in value) + "]"
        case float():
            return str(value)
        case _:
            # JSON's texts are TOML's, but for a control character that JSON leaves as it is.
            return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def read(file: Path) -> str:
    """Return a config file's text, empty if it is missing.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{file} cannot be read: {why}.", "Make it UTF-8 text that you may read.") from error


def _table(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{file} is not TOML: {error}", "See `livegist config show` for how it should look."
        ) from error


Where = Callable[[str, str], str]
"""Says where a setting, or with a key an entry of its table, was written."""


def _at(place: str) -> Where:
    return lambda name, key: place


def _line(text: str, name: str, key: str) -> int:
    """Return the number of the line that sets `name` or heads its table, 1 if it cannot be told.

    Args:
        text: of the file.
        name: of the setting.
        key: of an entry of its table, whose line is looked for from there on; empty for the setting itself.
    """
    inside = False
    found_at = 0
    for number, line in enumerate(text.split("\n"), 1):
        if found_at and line.lstrip().startswith("["):
            return found_at
        if found_at and re.match(rf"""\s*(["']?){re.escape(key)}\1\s*[=.]""", line):
            return number
        found = re.match(rf"""\s*(\[*)\s*["']?{re.escape(name)}["']?\s*[]=.]""", line)
        if not found_at and found and (found[1] or not inside):
            if not key:
                return number
            found_at = number
        inside = inside or line.lstrip().startswith("[")
    return found_at or 1


def _parsed(name: str, written: str, variable: str) -> Any:
    """Return an environment variable's value: tables are written as JSON."""
    if name not in FIELDS or get_origin(_type(name)) is not dict:
        return written
    try:
        return json.loads(written)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{variable} is not JSON: {error}", 'Write a table, such as {"speaker_labels": true}.'
        ) from error


def _checked(name: str, value: Any, where: Where, *, strict: bool) -> Any:
    """Return `value` as the setting's type, or say what is allowed."""
    if name not in FIELDS:
        from difflib import get_close_matches

        close = get_close_matches(name, FIELDS, 1)
        meant = f"; do you mean {close[0]}?" if close else "."
        raise ConfigError(f"{where(name, '')}: there is no setting {name!r}{meant}", f"There are: {', '.join(FIELDS)}.")
    kind = _type(name)
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        if isinstance(value, dict) and get_origin(kind) is dict:
            _check_entries(name, value, where, strict=strict)
        raise _wrong(name, value, kind, where(name, ""), error) from error


def _check_entries(name: str, table: dict[str, Any], where: Where, *, strict: bool) -> None:
    """Say which entry of a table is wrong."""
    kind = get_args(_type(name))[1]
    for key, entry in table.items():
        try:
            msgspec.convert(entry, kind, strict=strict)
        except msgspec.ValidationError as error:
            raise _wrong(f"{name}.{key}", entry, kind, where(name, key), error) from error


def _wrong(name: str, value: Any, kind: Any, where: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"{where}: {name} = {_toml(value)} is not allowed ({error}).", f"{name} takes {_in_words(kind)}."
    )


def _type(name: str) -> Any:
    return get_type_hints(Config, include_extras=True)[name]


def allowed(name: str) -> str:
    """Return in words what values a setting takes."""
    return _in_words(_type(name))


def _in_words(kind: Any) -> str:
    if kind == Style | Highlight:
        return f"{_in_words(Style)}, or a table of {', '.join(Highlight.__struct_fields__)}"
    if get_origin(kind) is Literal:
        return " or ".join(json.dumps(value) for value in get_args(kind))
    if get_origin(kind) is Annotated:
        base, limits = get_args(kind)
        low = limits.ge if limits.ge is not None else limits.gt
        word = "a whole number" if base is int else "a number"
        above = "from" if limits.ge is not None else "above"
        return f"{word} {above} {low}" + (f" to {limits.le}" if limits.le is not None else "")
    if get_origin(kind) is dict:
        return "a table"
    return {bool: "true or false", str: "a text in quotes", float: "a number", int: "a whole number"}[kind]
