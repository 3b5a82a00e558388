"""What may be asked of the engine: a closed set of tagged structs."""

import msgspec

from tui.codec import Codec
from tui.errors import UsageError

PROMPT_CHARACTERS = 100_000
"""Longest text of a prompt's file."""
COMMAND_BYTES = 6 * PROMPT_CHARACTERS + 4096
"""Longest command. JSON writes a control character in six bytes and no other character in more."""

Option = str | int | float | bool


class Start(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="start"):
    """Start a session. Refused while one is under way."""

    options: dict[str, Option] = {}
    """Settings that come before the config file's and the environment's, by their names in `Config`."""


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="stop"):
    """Stop capturing, send what is left, wait for what is still to come, then end the session."""


class Mute(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="mute"):
    """Record and send silence, or no longer."""

    muted: bool


class UsePrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="use_prompt"):
    """Ask about turns that end from now on with another prompt."""

    prompt: str


class Analyse(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="analyse"):
    """Send the transcript so far with a prompt's session text to the LLM."""

    prompt: str = ""
    """Id of the prompt; empty for the one in use."""


class ListDevices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="list_devices"):
    """Name what there is to record from: answered with `DevicesListed`, to this viewer alone."""


class MeasureDevices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hear_devices"):
    """Listen to every device and tell how loud it is there: told as `DevicesHeard`."""

    seconds: float
    """For how long from now on; 0 lets go of the devices at once."""


class UseSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="use_source"):
    """Record from another device from now on, without ending the session."""

    source: str
    """As the setting `source` takes it: `mic`, `mic:NAME`, …"""


class Recover(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="recover"):
    """Send what a session recorded but never had transcribed. Refused while a session is under way."""

    session: str = ""
    """Its id; empty for the newest that has something to send."""
    options: dict[str, Option] = {}
    """As those of `Start`."""


class ListSessions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="list_sessions"):
    """Name the sessions that are kept: answered with `SessionsListed`, to this viewer alone."""


class ShowSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="show_session"):
    """Tell all of a session that is kept: answered with `SessionShown`, to this viewer alone."""

    session: str
    """Its id."""


class ExportSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="export_session"):
    """Write a session to a file on the engine's machine: answered with a `Notice`, to this viewer alone."""

    session: str
    """Its id; empty for the one that is shown."""
    format: str
    """Ending of the file: `md`, `srt`, …"""


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="pause"):
    """Have a replay stand still, or go on."""

    paused: bool


class Seek(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="seek"):
    """Have a replay go on from another moment."""

    at_s: float
    """Seconds on the session's clock; before its start is its start."""


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ask"):
    """Put a question about the transcript so far to the LLM; the answer is a gist with that question."""

    question: str


class RetryGist(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ask_again"):
    """Ask for a gist again that failed or timed out."""

    gist: int


class AskAllTurns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ask_all"):
    """Ask a prompt about every turn so far that it was not asked about."""

    prompt: str


class UseExtraPrompts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="use_lenses"):
    """Ask these prompts, too, about turns that end from now on; none of them is the one in use."""

    prompts: tuple[str, ...]


class Bookmark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="bookmark"):
    """Mark a turn, with a note that may be empty, or take the mark away."""

    turn: int
    note: str | None
    """`None` takes it away."""


class NameSpeaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="name_speaker"):
    """Call a speaker by a name, in turns of before, too; an empty one takes the name away."""

    label: str
    """As the endpoint gave it."""
    name: str


class SetGain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="set_gain"):
    """Record louder or softer from now on."""

    gain_db: float


class ShowPrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="show_prompt"):
    """Tell a prompt's file: answered with `PromptShown`, to this viewer alone."""

    prompt: str


class WritePrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="write_prompt"):
    """Write a prompt of the person's own, a new one or in another's place."""

    prompt: str
    """Its id."""
    text: str
    """The file's text."""


class DeletePrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="delete_prompt"):
    """Delete a prompt of the person's own."""

    prompt: str


class Quit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="quit"):
    """Stop the session gracefully, if there is one, then end the engine."""

    now: bool = False
    """Even if the disk has not taken all of what was recorded, which is lost then."""


Command = (
    Start
    | Stop
    | Mute
    | UsePrompt
    | Analyse
    | Ask
    | RetryGist
    | AskAllTurns
    | UseExtraPrompts
    | Bookmark
    | NameSpeaker
    | SetGain
    | ListDevices
    | MeasureDevices
    | UseSource
    | Recover
    | ListSessions
    | ShowSession
    | ExportSession
    | Pause
    | Seek
    | ShowPrompt
    | WritePrompt
    | DeletePrompt
    | Quit
)

_codec: Codec[Command] = Codec(Command)
decode = _codec.decode
"""Return the command in a line of JSON; `msgspec.MsgspecError` if there is none."""


def encode(command: Command) -> str:
    """Return the command as one line of JSON.

    Raises:
        UsageError: it is longer than `COMMAND_BYTES`.
    """
    line = _codec.encode(command)
    if (octets := len(line.encode())) > COMMAND_BYTES:
        raise UsageError(f"The text is too long: {octets:,} bytes.", f"At most {COMMAND_BYTES:,} bytes can be sent.")
    return line
