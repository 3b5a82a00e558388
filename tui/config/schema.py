"""The settings: type, limits, default, group and description of each."""

import json
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

HOURLY_RATES = {
    "u3-rt-pro": 0.45,
    "universal-3-6-pro": 0.45,
    "universal-3-5-pro": 0.45,
    "universal-streaming-english": 0.15,
    "universal-streaming-multilingual": 0.15,
}
"""US dollars per hour of open connection, by speech model, as published in October 2026."""

Scalar = str | int | float | bool | list[str]
"""Value of a setting that is not a table."""

Style = Literal["mark", "accent", "good", "warn", "bad", "strong"]
"""Style of highlighted text; the theme defines its colour."""

AUDIO = Meta(extra={"group": "Audio"})
RECOGNITION = Meta(extra={"group": "Speech recognition"})
LLM = Meta(extra={"group": "LLM"})
SESSION = Meta(extra={"group": "Session"})
SCREEN = Meta(extra={"group": "Screen"})
COSTS = Meta(extra={"group": "Costs"})


class Highlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reaction to a highlighted word or phrase."""

    style: Style = "mark"
    bell: bool = False
    """Ring the terminal bell."""
    notify: bool | Literal["9", "777"] = False
    """Show a desktop notification; "9" or "777" selects the OSC sequence instead of detecting it."""
    command: str = ""
    """Command that the dashboard runs without a shell, with the turn as JSON on stdin; empty: none."""

    @property
    def raises_alarm(self) -> bool:
        """Whether a match does more than to stand out."""
        return bool(self.bell or self.notify or self.command)


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. Each can be set in `config.toml` and, in capitals after `LIVEGIST_`, in the environment.

    The file is flat: a group is no table of it.
    """

    source: Annotated[
        str | list[str],
        AUDIO,
        Meta(
            description="Audio source: mic (the default microphone), mic:NAME, system (what this machine plays), "
            "a file, - (stdin), or cmd:PROGRAM, which writes raw 16 kHz mono s16le to stdout. A list of up to four, "
            "each SOURCE or NAME=SOURCE, records a track from each."
        ),
    ] = "mic"
    mic_latency_ms: Annotated[
        int,
        AUDIO,
        Meta(
            ge=0,
            le=2000,
            description="Latency requested from the sound system in milliseconds; 0 uses the device's own low latency.",
        ),
    ] = 0
    mic_channels: Annotated[
        int,
        AUDIO,
        Meta(ge=1, le=2, description="Microphone channels; 2 shows left and right levels and records their mix."),
    ] = 1
    mix: Annotated[
        bool,
        AUDIO,
        Meta(
            description="Send all tracks over one connection, with labels of the speakers in place of the tracks' "
            "names; the service bills one connection instead of one for each track."
        ),
    ] = False
    remove_echo: Annotated[
        bool,
        AUDIO,
        Meta(
            description="With several tracks, leave out of a turn what its microphone recorded from the loudspeakers "
            "and another track has as well."
        ),
    ] = True
    engine: Annotated[
        Literal["auto", "cloud", "local"],
        RECOGNITION,
        Meta(
            description="Speech recognition engine: cloud (AssemblyAI), local (Whisper on this machine), or auto "
            "(cloud if a key is set, otherwise local)."
        ),
    ] = "auto"
    url: Annotated[
        str,
        RECOGNITION,
        Meta(
            description="Streaming v3 endpoint, such as wss://streaming.eu.assemblyai.com; "
            "empty uses the engine's default."
        ),
    ] = ""
    speech_model: Annotated[str, RECOGNITION, Meta(description="Speech model of the streaming endpoint.")] = "u3-rt-pro"
    format_turns: Annotated[
        bool, RECOGNITION, Meta(description="Request punctuation and capitalization of final turns.")
    ] = True
    speaker_labels: Annotated[
        bool,
        RECOGNITION,
        Meta(
            description="Request labels of speakers. The local engine needs a speaker model: pip install --no-deps "
            "resemblyzer."
        ),
    ] = False
    known_voices: Annotated[
        bool,
        RECOGNITION,
        Meta(
            description="Offer to remember voices (R), and name them in later sessions; local engine only, with "
            "speaker_labels. Voices stay on this machine; see `livegist speakers`."
        ),
    ] = False
    stream_options: Annotated[
        dict[str, Any],
        RECOGNITION,
        Meta(
            description="Additional query parameters of the streaming endpoint, such as keyterms_prompt or "
            "max_speakers."
        ),
    ] = {}
    chunk_ms: Annotated[
        int, RECOGNITION, Meta(ge=50, le=1000, description="Audio per message to the endpoint in milliseconds.")
    ] = 50
    local_model: Annotated[
        str,
        RECOGNITION,
        Meta(description="Speech model of the local engine: a name from `livegist models`, or a folder."),
    ] = "tiny.en"
    local_device: Annotated[
        str, RECOGNITION, Meta(description="Device that runs the local speech model: auto, cpu or cuda.")
    ] = "auto"
    local_turn_model: Annotated[
        str,
        RECOGNITION,
        Meta(
            description="End-of-turn model of the local engine: an ONNX file of Smart Turn v3, or off; "
            "empty uses the one of an installed pipecat-ai."
        ),
    ] = ""
    local_speaker_model: Annotated[
        str,
        RECOGNITION,
        Meta(
            description="Speaker model of the local engine: an ONNX file of WeSpeaker, 3D-Speaker or ReDimNet2; "
            "empty uses the one of an installed Resemblyzer."
        ),
    ] = ""
    llm_url: Annotated[
        str,
        LLM,
        Meta(
            description="OpenAI-compatible server for prompts, such as http://127.0.0.1:11434; "
            "empty uses the engine's default."
        ),
    ] = ""
    llm_model: Annotated[
        str, LLM, Meta(description="Model that answers prompts, checked against the server's model list if it has one.")
    ] = "claude-sonnet-4-20250514"
    max_tokens: Annotated[int, LLM, Meta(ge=1, le=1_000_000, description="Maximum length of an answer in tokens.")] = (
        4000
    )
    context_tokens: Annotated[
        int,
        LLM,
        Meta(
            ge=500,
            le=10_000_000,
            description="Context length of the model in tokens; `ask` and `analyse` split longer transcripts.",
        ),
    ] = 100_000
    prompt: Annotated[
        str, LLM, Meta(description="Id of the prompt that a session starts with: its file name without .toml.")
    ] = "summary"
    language: Annotated[
        str, LLM, Meta(description="Language of answers, such as German: prompts contain it as {{language}}.")
    ] = "English"
    suggest_title: Annotated[
        bool, LLM, Meta(description="Ask the LLM for a title of the session after its first minute.")
    ] = True
    analyse_at_end: Annotated[bool, LLM, Meta(description="Analyse the whole session when it ends.")] = True
    gist_timeout_s: Annotated[
        float, LLM, Meta(gt=0, le=600, description="Timeout of the answer to a turn in seconds.")
    ] = 30.0
    private: Annotated[
        bool,
        SESSION,
        Meta(
            description="Keep sessions in memory only; a session is lost when the next one starts or the engine exits."
        ),
    ] = False
    flac: Annotated[
        bool,
        SESSION,
        Meta(description="Compress the recording to FLAC when the session ends (lossless, half the size)."),
    ] = False
    keep_days: Annotated[
        int,
        SESSION,
        Meta(
            ge=0,
            le=36_500,
            description="Age in days at which sessions are deleted, checked when a session ends; 0 keeps all sessions.",
        ),
    ] = 0
    keep_tagged: Annotated[bool, SESSION, Meta(description="Keep tagged sessions regardless of keep_days.")] = True
    unattended_minutes: Annotated[
        float,
        SESSION,
        Meta(
            ge=-1,
            description="Minutes until a session without a viewer stops; 0 stops it at once (10 s after a lost "
            "connection), -1 never stops it.",
        ),
    ] = 30.0
    continue_recording: Annotated[
        bool,
        SESSION,
        Meta(
            description="Go on recording a session whose engine was killed, if another engine starts within a minute; "
            "otherwise s continues the session."
        ),
    ] = True
    drain_timeout_s: Annotated[
        float,
        SESSION,
        Meta(
            gt=0,
            le=120,
            description="Maximum wait in seconds for the last turns after a stop; with pending answers, up to half as "
            "long again.",
        ),
    ] = 12.0
    hook_command: Annotated[
        str,
        SESSION,
        Meta(description="Command to run when a session has ended, with the session as JSON on stdin; empty: none."),
    ] = ""
    hook_url: Annotated[
        str,
        SESSION,
        Meta(description="URL to which the session is posted as JSON when it has ended; empty: none."),
    ] = ""
    theme: Annotated[
        str,
        SCREEN,
        Meta(description="Name of the theme: a bundled theme or a file in the themes folder beside the config file."),
    ] = "night"
    fps: Annotated[int, SCREEN, Meta(ge=1, le=60, description="Level meter refresh rate in frames per second.")] = 20
    low_bandwidth: Annotated[
        bool,
        SCREEN,
        Meta(description="Reduce screen updates for slow connections: a slower meter, and partials once a second."),
    ] = False
    plain: Annotated[
        bool,
        SCREEN,
        Meta(description="Print lines and read commands instead of the dashboard, for screen readers and pipes."),
    ] = False
    ascii: Annotated[
        bool, SCREEN, Meta(description="Draw with ASCII characters only, for terminals without Unicode.")
    ] = False
    keys: Annotated[dict[str, str], SCREEN, Meta(description='Key bindings by action id, such as start = "f5".')] = {}
    highlights: Annotated[
        dict[str, Style | Highlight],
        SCREEN,
        Meta(
            description="Words or /regular expressions/ to highlight, each with a style or a table of style, bell, "
            "notify and command."
        ),
    ] = {}
    walls: Annotated[
        dict[str, list[str]],
        SCREEN,
        Meta(
            description="Groups of rooms for `livegist wall NAME`, each a list of local, HOST or NAME=HOST, such as "
            'office = ["local", "studio", "Lobby=ines@lobby"].'
        ),
    ] = {}
    hourly_rates: Annotated[
        dict[str, float],
        COSTS,
        Meta(
            description="US dollars per hour of open connection by speech model, used to estimate the cost of a "
            "session."
        ),
    ] = msgspec.field(default_factory=lambda: dict(HOURLY_RATES))
    input_rate: Annotated[float, COSTS, Meta(description="US dollars per million LLM input tokens.")] = 3.0
    output_rate: Annotated[float, COSTS, Meta(description="US dollars per million LLM output tokens.")] = 15.0

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of a session, one for each track."""
        return (self.source,) if isinstance(self.source, str) else tuple(self.source)


FIELDS = {field.name: field for field in msgspec.structs.fields(Config)}
"""Settings by name, group by group."""


class Settings(msgspec.Struct, frozen=True):
    """A config and the origin of each value."""

    config: Config
    origin: dict[str, str]
    """By setting: `default`, the path of the file, the name of the variable, or `flag`."""


def group(name: str) -> str:
    """Return the title of a setting's group."""
    return next(str(meta.extra["group"]) for meta in _metas(name) if meta.extra)


def description(name: str) -> str:
    """Return a setting's description, a whole sentence."""
    return next(meta.description for meta in _metas(name) if meta.description)


def is_table(name: str) -> bool:
    """Return whether a setting's value is a table."""
    return get_origin(_bare(FIELDS[name].type)) is dict


def is_list(name: str) -> bool:
    """Return whether a setting's value may be a list."""
    return bool(_bare(FIELDS[name].type) == str | list[str])


def entry_type(name: str) -> Any:
    """Return the type of the values in a setting that is a table."""
    return get_args(_bare(FIELDS[name].type))[1]


def choices(name: str) -> tuple[Scalar, ...]:
    """Return all values of a switch or an enumeration; empty for any other setting."""
    kind = _bare(FIELDS[name].type)
    if kind is bool:
        return (False, True)
    return get_args(kind) if get_origin(kind) is Literal else ()


def allowed(name: str) -> str:
    """Describe the values that a setting accepts, such as `an integer from 1 to 60`."""
    return describe_type(FIELDS[name].type)


def describe_type(kind: Any) -> str:
    """Describe the values of a type, with its limits."""
    if get_origin(kind) is Annotated:
        return _describe_bare(_bare(kind)) + _describe_limits(get_args(kind)[1:])
    return _describe_bare(kind)


def _describe_bare(kind: Any) -> str:
    if kind == Style | Highlight:
        return f"{_describe_bare(Style)}, or a table of {', '.join(Highlight.__struct_fields__)}"
    if get_origin(kind) is Literal:
        *others, last = (json.dumps(value) for value in get_args(kind))
        return f"{', '.join(others)} or {last}"
    if kind == str | list[str]:
        return "a string or a list of strings"
    if kind == list[str]:
        return "a list of strings"
    if get_origin(kind) is dict:
        return "a table"
    return {bool: "true or false", str: "a string", float: "a number", int: "an integer"}[kind]


def _describe_limits(metas: tuple[Meta, ...]) -> str:
    for meta in metas:
        if meta.ge is not None:
            return f" from {meta.ge} to {meta.le}" if meta.le is not None else f" of at least {meta.ge}"
        if meta.gt is not None:
            return f" above {meta.gt}" + (f", at most {meta.le}" if meta.le is not None else "")
    return ""


def _metas(name: str) -> tuple[Meta, ...]:
    return get_args(FIELDS[name].type)[1:]


def _bare(kind: Any) -> Any:
    """Return a type without its annotations."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
