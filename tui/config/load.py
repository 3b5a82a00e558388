"""Load the settings: defaults, then the TOML file, then `LIVEGIST_*` variables, then command-line flags."""

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tui.config.format import toml
from tui.config.schema import FIELDS, Config, Scalar, Settings, describe_type, entry_type, is_list, is_table
from tui.credentials import SERVE_TOKEN, Key
from tui.errors import ConfigError
from tui.paths import config_file

ENVIRONMENT = "LIVEGIST_"
"""Prefix of the variables that hold settings."""
HOOK_SESSION = "LIVEGIST_SESSION"
"""Variable that names the session's folder to the command of a hook."""
RESERVED = frozenset({"LIVEGIST_HOME", SERVE_TOKEN, HOOK_SESSION, *(key.variable for key in Key)})
"""Variables with that prefix that hold no setting: folders, and secrets, which are never shown or written."""

Locate = Callable[[str, str], str]
"""Return where a setting, or the entry of a table with that key, is written."""


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in effect.

    Args:
        flags: override all other values; a flag that is `None` is ignored.
        file: the TOML file, which may be missing; `None` is the default one.
        environ: `None` is the environment of the process.

    Raises:
        ConfigError: the file cannot be read, or a setting is unknown or invalid.
    """
    file = config_file() if file is None else file
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origin = dict.fromkeys(FIELDS, "default")
    for name, value in parse(read(file), file).items():
        values[name] = value
        origin[name] = str(file)
    for variable, text in environ.items():
        if variable.startswith(ENVIRONMENT) and variable not in RESERVED:
            name = variable.removeprefix(ENVIRONMENT).lower()
            values[name] = _convert(name, _parse_variable(name, text, variable), _in(variable), strict=False)
            origin[name] = variable
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = _convert(name, value, _in("the command line"), strict=False)
            origin[name] = "flag"
    return Settings(msgspec.convert(values, Config), origin)


def read(file: Path) -> str:
    """Return the text of a config file; empty if it is missing.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise ConfigError(
            f"{file} cannot be read: {why}.", "Check its permissions and that it is encoded as UTF-8."
        ) from error


def parse(text: str, file: Path) -> dict[str, Any]:
    """Return the settings in the text of a config file, validated.

    Args:
        text: TOML.
        file: its path, for error messages.

    Raises:
        ConfigError: it is not valid TOML, or a setting is unknown or invalid.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}", "See `livegist config show` for an example.") from error

    def locate(name: str, key: str) -> str:
        return f"{file}:{_line(text, name, key)}"

    return {name: _convert(name, value, locate, strict=True) for name, value in table.items()}


def parse_value(name: str, text: str) -> Scalar:
    """Return the value of a setting that is not a table, as typed by a user.

    Raises:
        ConfigError: it is invalid.
    """
    value: Scalar = _convert(name, _parse_list(name, text), _in("settings"), strict=False)
    return value


def _parse_list(name: str, text: str) -> Any:
    """Return the list that a user typed as JSON for a setting that may be one; any other text as it is."""
    if not is_list(name) or not text.lstrip().startswith("["):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _in(place: str) -> Locate:
    return lambda name, key: place


def _line(text: str, name: str, key: str) -> int:
    """Return the number of the line that sets `name` or opens its table; 1 if there is none.

    Args:
        text: of the file.
        name: of the setting.
        key: of an entry of its table, searched from that line on; empty for the setting itself.
    """
    inside = False
    found_at = 0
    for number, line in enumerate(text.split("\n"), 1):
        if found_at and line.lstrip().startswith("["):
            return found_at
        found = re.match(rf"""\s*(\[*)\s*["']?{re.escape(name)}["']?\s*[]=.]""", line)
        start = found.end() if found and line[found.end() - 1] == "." else 0
        if (found_at or start) and re.match(rf"""\s*(["']?){re.escape(key)}\1\s*[=.]""", line[start:]):
            return number
        if not found_at and found and (found[1] or not inside):
            if not key:
                return number
            found_at = number
        inside = inside or line.lstrip().startswith("[")
    return found_at or 1


def _parse_variable(name: str, text: str, variable: str) -> Any:
    """Return the value of an environment variable; a table is written as JSON."""
    if name not in FIELDS or not is_table(name):
        return _parse_list(name, text) if name in FIELDS else text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{variable} is not valid JSON: {error}", 'Write a JSON object, such as {"max_speakers": 3}.'
        ) from error


def _convert(name: str, value: Any, locate: Locate, *, strict: bool) -> Any:
    """Return `value` as the type of the setting.

    Raises:
        ConfigError: the setting is unknown, or the value is invalid; the hint says what is allowed.
    """
    if name not in FIELDS:
        raise _unknown(name, locate(name, ""))
    kind = FIELDS[name].type
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        if isinstance(value, dict) and is_table(name):
            _check_entries(name, value, locate, strict=strict)
        raise _invalid(name, value, kind, locate(name, ""), error) from error


def _check_entries(name: str, table: dict[str, Any], locate: Locate, *, strict: bool) -> None:
    """Raise `ConfigError` for the first invalid entry of a table."""
    kind = entry_type(name)
    for key, entry in table.items():
        try:
            msgspec.convert(entry, kind, strict=strict)
        except msgspec.ValidationError as error:
            raise _invalid(f"{name}.{key}", entry, kind, locate(name, key), error) from error


def _unknown(name: str, place: str) -> ConfigError:
    from difflib import get_close_matches

    close = get_close_matches(name, FIELDS, 1)
    meant = f"; did you mean {close[0]}?" if close else "."
    return ConfigError(f"{place}: unknown setting {name!r}{meant}", f"Settings: {', '.join(FIELDS)}.")


def _invalid(name: str, value: Any, kind: Any, place: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"{place}: {name} = {toml(value)} is invalid ({error}).", f"{name} must be {describe_type(kind)}."
    )
