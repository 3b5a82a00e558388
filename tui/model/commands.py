"""Commands to the engine: a closed set of tagged structs."""

import msgspec

from tui.codec import Codec
from tui.errors import UsageError

PROMPT_CHARACTERS = 100_000
"""Maximum length of a prompt file, in characters."""
COMMAND_BYTES = 6 * PROMPT_CHARACTERS + 4096
"""Maximum size of an encoded command. JSON takes at most six bytes a character (a control character)."""

Option = str | int | float | bool | list[str]


class Start(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="start"):
    """Start a session. Rejected while a session is active."""

    options: dict[str, Option] = {}
    """Settings by their names in `Config`; they take precedence over the config file and the environment."""


class ContinueSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="continue"):
    """Go on recording the session whose engine was killed. Rejected if there is none, or the gap is too long."""


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="stop", omit_defaults=True):
    """Stop capturing, send the remaining audio, wait for the remaining turns and gists, then end the session."""

    abandon: bool = False
    """Whether to end the session without waiting; what is not transcribed stays in its recording."""


class Mute(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="mute", omit_defaults=True):
    """Mute or unmute: while muted, silence is recorded and sent."""

    muted: bool
    track: str = ""
    """Name of the track; empty for all tracks."""


class UsePrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="use_prompt"):
    """Use another prompt for the turns that end from now on."""

    prompt: str


class Analyse(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="analyse"):
    """Send the transcript so far with a prompt's session text to the LLM."""

    prompt: str = ""
    """Id of the prompt; empty for the one in use."""


class ListDevices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="list_devices"):
    """List the audio sources; the reply to this viewer is `DevicesListed`."""


class MeasureDevices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hear_devices"):
    """Measure the level of every input device; the levels arrive as `DeviceLevels`."""

    seconds: float
    """Duration of the measurement; 0 closes the devices at once."""


class UseSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="use_source", omit_defaults=True):
    """Switch to another source without ending the session."""

    source: str
    """In the syntax of the setting `source`: `mic`, `mic:NAME`, …"""
    track: str = ""
    """Name of the track; empty for the first."""


class AddTrack(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="add_track"):
    """Record a further track from now on, without ending the session."""

    source: str
    """`SOURCE` or `NAME=SOURCE`, in the syntax of the setting `source`."""


class StopTrack(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="stop_track"):
    """Stop recording a track, and transcribe it to its end; the other tracks go on."""

    track: str
    """Name of the track."""


class Recover(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="recover"):
    """Transcribe the untranscribed rest of a stored session. Rejected while a session is active."""

    session: str = ""
    """Id of the session; empty for the newest that is not transcribed to its end."""
    options: dict[str, Option] = {}
    """As in `Start`."""


class ListSessions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="list_sessions"):
    """List the stored sessions; the reply to this viewer is `SessionsListed`."""


class ShowSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="show_session"):
    """Load a stored session; the reply to this viewer is `SessionShown`."""

    session: str
    """Id of the session."""


class DescribeSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="describe_session"):
    """Set the title and the tags of a stored session; the reply to this viewer is `SessionsListed`."""

    session: str
    name: str
    """The title; empty for none."""
    tags: tuple[str, ...]


class DeleteSessions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="delete_sessions"):
    """Permanently delete stored sessions; the reply to this viewer is `SessionsListed`."""

    sessions: tuple[str, ...]


class SearchSessions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="search_sessions"):
    """Search all stored sessions; the reply to this viewer is `SessionsFound`."""

    query: str


class ExportSession(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="export_session"):
    """Export a session to a file on the engine's machine, or to the viewer; the reply is `SessionExported`."""

    session: str
    """Id of the session; empty for the current session."""
    format: str
    """Extension of the file: `md`, `srt`, …"""
    turns: tuple[int, ...] = ()
    """Numbers of the turns to export; empty for all, with the analyses."""
    fetch: bool = False
    """Whether the viewer receives the text and no file is written."""


class TogglePlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="toggle_play"):
    """Play a stored session's recording on the engine's machine; stop if something is playing."""

    session: str
    """Id of the session; empty for the current session."""
    at_s: float
    """Seconds from the start of the session."""


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="pause"):
    """Pause or resume a replay."""

    paused: bool


class Seek(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="seek"):
    """Seek in a replay."""

    at_s: float
    """Seconds from the start of the session; a negative value seeks to the start."""


class Ask(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="ask"):
    """Ask the LLM a question about the transcript so far; the answer is a gist with that question."""

    question: str
    turns: tuple[int, ...] = ()
    """Numbers of the turns that it is about; empty for all."""


class RetryGist(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ask_again"):
    """Retry a gist that failed or timed out."""

    gist: int
    """Number of the gist."""


class AskAllTurns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ask_all"):
    """Request the missing gists of a prompt for all turns so far."""

    prompt: str


class UseExtraPrompts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="use_lenses"):
    """Set the extra prompts, which are sent for each turn in addition to the prompt in use."""

    prompts: tuple[str, ...]


class SetTitle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="set_title"):
    """Set the title of the session."""

    title: str
    """Empty removes the title."""


class EditTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="edit_turn"):
    """Give a final turn another text; several texts split it.

    A text may begin with the label or the name of a speaker of the session and a colon.
    """

    turn: int
    texts: tuple[str, ...]


class MergeTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="merge_turn"):
    """Append the next turn to a final turn."""

    turn: int


class UndoEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="undo_edit"):
    """Take back the newest edit of the transcript."""


class Bookmark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="bookmark"):
    """Set or remove the bookmark of a turn."""

    turn: int
    note: str | None
    """Note of the bookmark, possibly empty; `None` removes the bookmark."""


class NameSpeaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="name_speaker"):
    """Set the name of a speaker, for past turns too."""

    label: str
    """The endpoint's label of the speaker."""
    name: str
    """Empty removes the name."""


class RememberSpeaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="remember_speaker"):
    """Remember the voice of a named speaker, so that later sessions name it. Rejected unless the session allows it."""

    label: str
    """The endpoint's label of the speaker."""


SessionAnnotation = (
    Analyse
    | Ask
    | RetryGist
    | AskAllTurns
    | UseExtraPrompts
    | SetTitle
    | EditTurn
    | MergeTurn
    | UndoEdit
    | Bookmark
    | NameSpeaker
    | RememberSpeaker
)
"""Commands that add to a session, also after its end."""


class AnnotateSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="annotate_session"):
    """Execute a command on a stored session; the changes arrive as `StoredSessionChanged`."""

    session: str
    """Id of the session."""
    command: SessionAnnotation


class SetGain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="set_gain", omit_defaults=True):
    """Set the gain that is applied to the recording from now on."""

    gain_db: float
    track: str = ""
    """Name of the track; empty for the first."""


class ShowPrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="show_prompt"):
    """Load a prompt file; the reply to this viewer is `PromptShown`."""

    prompt: str


class WritePrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="write_prompt"):
    """Create or replace a user prompt."""

    prompt: str
    """Id of the prompt."""
    text: str
    """Content of the prompt file."""


class DeletePrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="delete_prompt"):
    """Delete a user prompt."""

    prompt: str


class Quit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="quit"):
    """Stop the active session, if any, then exit the engine."""

    now: bool = False
    """Exit even if part of the recording is not saved; that part is lost."""


SessionQuery = ListSessions | DescribeSession | DeleteSessions | SearchSessions | ShowSession | ExportSession
"""Commands about stored sessions, with a reply each."""

Command = (
    Start
    | ContinueSession
    | Stop
    | Mute
    | UsePrompt
    | SessionAnnotation
    | SetGain
    | ListDevices
    | MeasureDevices
    | UseSource
    | AddTrack
    | StopTrack
    | Recover
    | ListSessions
    | DescribeSession
    | DeleteSessions
    | SearchSessions
    | ShowSession
    | AnnotateSession
    | ExportSession
    | TogglePlay
    | Pause
    | Seek
    | ShowPrompt
    | WritePrompt
    | DeletePrompt
    | Quit
)

_codec: Codec[Command] = Codec(Command)
decode = _codec.decode
"""Return the command in a line of JSON; raises `msgspec.MsgspecError` if it is not valid."""


def encode(command: Command) -> str:
    """Return the command as one line of JSON.

    Raises:
        UsageError: it is longer than `COMMAND_BYTES`.
    """
    line = _codec.encode(command)
    if (octets := len(line.encode())) > COMMAND_BYTES:
        raise UsageError(f"The text is too long: {octets:,} bytes.", f"At most {COMMAND_BYTES:,} bytes can be sent.")
    return line
