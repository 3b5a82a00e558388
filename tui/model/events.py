"""Events from the engine to its viewers: a closed set of tagged structs.

The first event to a new viewer is a `Snapshot`; every later event is a change to it. On the wire an event is a JSON
object with the tag in `type`.
"""

from enum import StrEnum

import msgspec

from tui.codec import Codec
from tui.model.devices import DeviceInfo, DeviceLevel
from tui.model.edits import TurnEdit
from tui.model.gaps import Gap
from tui.model.gists import Gist
from tui.model.prompt_info import PromptInfo
from tui.model.session import Session
from tui.model.session_hits import SessionHit
from tui.model.stats import Stats
from tui.model.tracks import Track, TracksChanged
from tui.model.transcript import Turn

PROTOCOL_VERSION = 1
"""Incremented when a viewer of one version can no longer read the events of an engine of another."""


class State(StrEnum):
    """State of the session."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    DRAINING = "draining"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        """Whether the session is running."""
        return self in (State.CONNECTING, State.LIVE, State.RECONNECTING, State.DRAINING)

    @property
    def word(self) -> str:
        """Word for a person."""
        return "finishing" if self is State.DRAINING else self.value

    @property
    def over(self) -> bool:
        """Whether the session has ended or failed."""
        return self in (State.ENDED, State.FAILED)


class Severity(StrEnum):
    """Severity of a notice."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class TurnBookmarked(msgspec.Struct, frozen=True, tag="bookmark"):
    """The bookmark of a turn was set or removed."""

    turn: int
    note: str | None
    """Note of the bookmark, possibly empty; `None` if the bookmark was removed."""


class TitleChanged(msgspec.Struct, frozen=True, tag="title"):
    """The title of the session was suggested, set or removed."""

    title: str
    """Empty if it was removed."""


class SpeakerNamed(msgspec.Struct, frozen=True, tag="speaker"):
    """The name of a speaker changed, for all turns."""

    label: str
    """The endpoint's label of the speaker."""
    name: str
    """Empty if the name was removed."""


class Snapshot(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    tag="snapshot",
    rename={"reason": "why", "extra_prompts": "lenses", "untranscribed": "unheard"},
):
    """The full state at the moment a viewer attaches."""

    protocol: int
    version: str
    """Version of livegist that the engine runs."""
    state: State = State.IDLE
    reason: str = ""
    hint: str = ""
    session: Session | None = None
    muted: bool = False
    prompt: str = ""
    """Id of the prompt in use."""
    prompts: tuple[PromptInfo, ...] = ()
    turns: tuple[Turn, ...] = ()
    gists: tuple[Gist, ...] = ()
    stats: Stats = Stats()
    bookmarks: tuple[TurnBookmarked, ...] = ()
    speakers: tuple[SpeakerNamed, ...] = ()
    extra_prompts: tuple[str, ...] = ()
    gain_db: float = 0.0
    title: str = ""
    gaps: tuple[Gap, ...] = ()
    edits: tuple[TurnEdit, ...] = ()
    undoable: int = 0
    """Number of edits that can be undone."""
    untranscribed: tuple[str, ...] = ()
    """Ids of the ended sessions that are not transcribed to their end, newest first."""
    stopped_at: str = ""
    """ISO 8601 time at which the engine was killed, while `ContinueSession` is possible; else empty."""
    viewers: int = 0
    """Number of viewers that were attached before."""
    unattended_s: float = 0.0
    """Seconds since the last viewer detached; 0 while a viewer is attached."""
    replay_speed: float = 0.0
    """Speed of the replay, 1 for real time; 0 if the session is not a replay."""
    paused: bool = False
    tracks: tuple[Track, ...] = ()
    """The tracks now; empty if there is one without a name."""


class SessionStarted(msgspec.Struct, frozen=True, tag="session"):
    """A new session started: turns, gists and statistics are empty."""

    session: Session


class StateChanged(msgspec.Struct, frozen=True, omit_defaults=True, tag="state", rename={"reason": "why"}):
    """The state changed; `reason` and `hint` are for a person."""

    state: State
    reason: str = ""
    hint: str = ""


class TurnChanged(msgspec.Struct, frozen=True, tag="turn"):
    """A turn is new or changed: it replaces the turn with the same number."""

    turn: Turn


class TranscriptEdited(msgspec.Struct, frozen=True, omit_defaults=True, tag="edited"):
    """A person edited turns, or undid the newest edit."""

    edits: tuple[TurnEdit, ...]
    undo: bool = False
    """Whether this takes back the newest edit that was not taken back."""


class TurnRemoved(msgspec.Struct, frozen=True, tag="turn_removed"):
    """A partial turn was discarded."""

    number: int


class GistChanged(msgspec.Struct, frozen=True, tag="gist"):
    """A gist is new or changed: it replaces the gist with the same number."""

    gist: Gist


class GistDelta(msgspec.Struct, frozen=True, tag="gist_grew"):
    """Text to append to a gist that is still streaming."""

    number: int
    text: str


class LevelChanged(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    tag="l",
    rename={"rms_dbfs": "r", "peak_dbfs": "p", "clipped": "c", "channels": "ch", "track": "t"},
):
    """The level of the last block. Wire names are short: this event is sent twenty times a second."""

    rms_dbfs: float
    """-120 or less means digital silence."""
    peak_dbfs: float
    clipped: bool = False
    """Whether the block contains samples at full scale."""
    channels: tuple[tuple[float, float], ...] = ()
    """RMS and peak of each channel of the source, in dBFS; empty for mono."""
    track: str = ""
    """Name of the track; empty if the session has one without a name."""


class StatsChanged(msgspec.Struct, frozen=True, tag="stats"):
    """The statistics of the session, about once a second."""

    stats: Stats


class PromptChanged(msgspec.Struct, frozen=True, tag="prompt"):
    """The prompt in use changed; it applies to the turns that end from now on."""

    prompt: str
    """Id of the prompt."""


class PromptsChanged(msgspec.Struct, frozen=True, tag="prompts"):
    """The list of available prompts changed."""

    prompts: tuple[PromptInfo, ...]


class MutedChanged(msgspec.Struct, frozen=True, omit_defaults=True, tag="muted"):
    """Recording was muted or unmuted."""

    muted: bool
    track: str = ""
    """Name of the track; empty if the session has one without a name."""


class ExtraPromptsChanged(msgspec.Struct, frozen=True, tag="lenses"):
    """The extra prompts changed; they apply to the turns that end from now on."""

    prompts: tuple[str, ...]
    """Ids of the extra prompts."""


class GainChanged(msgspec.Struct, frozen=True, omit_defaults=True, tag="gain"):
    """The gain that is applied to the recording changed."""

    gain_db: float
    track: str = ""
    """Name of the track; empty if the session has one without a name."""


class UntranscribedChanged(msgspec.Struct, frozen=True, tag="unheard"):
    """The list of untranscribed sessions changed; `Recover` transcribes the rest of one."""

    sessions: tuple[str, ...]
    """Ids of the ended sessions that are not transcribed to their end, newest first."""


class Notice(msgspec.Struct, frozen=True, omit_defaults=True, tag="notice"):
    """A message that a person should see now."""

    severity: Severity
    text: str
    hint: str = ""
    gap: Gap | None = None
    """The time that was not recorded, if that is what the notice is about."""


class PlayingChanged(msgspec.Struct, frozen=True, tag="playing"):
    """The engine began or stopped to play a recording."""

    playing: bool


class ViewersChanged(msgspec.Struct, frozen=True, tag="viewers"):
    """A viewer attached or detached; the number includes the receiving one."""

    viewers: int


class DeviceLevels(msgspec.Struct, frozen=True, tag="devices_heard"):
    """Levels of all devices, eight times a second while a device picker is open."""

    levels: tuple[DeviceLevel, ...]


class SessionInfo(msgspec.Struct, frozen=True, omit_defaults=True, rename={"problem": "trouble"}):
    """Summary of a stored session."""

    id: str
    started_at: str
    """ISO 8601 with the offset from UTC."""
    length_s: float
    turns: int
    state: State
    name: str = ""
    tags: tuple[str, ...] = ()
    first_words: str = ""
    bookmarks: int = 0
    live: bool = False
    """Whether a process is writing it now."""
    problem: str = ""
    """Damage to the session's files, for a person; empty if there is none."""


class SessionsListed(msgspec.Struct, frozen=True, tag="sessions"):
    """The stored sessions, newest first: the reply to `ListSessions`."""

    sessions: tuple[SessionInfo, ...]


class SessionsFound(msgspec.Struct, frozen=True, tag="sessions_found"):
    """Matches in the stored sessions, the best first: the reply to `SearchSessions`."""

    hits: tuple[SessionHit, ...]


class SessionShown(msgspec.Struct, frozen=True, tag="session_shown"):
    """A stored session: the reply to `ShowSession`."""

    snapshot: Snapshot


StoredChange = TranscriptEdited | GistChanged | GistDelta | TurnBookmarked | SpeakerNamed | TitleChanged | Notice
"""Changes of a stored session."""


class StoredSessionChanged(msgspec.Struct, frozen=True, tag="session_changed"):
    """A stored session changed, as a viewer asked."""

    session: str
    """Id of the session."""
    event: StoredChange


class SessionExported(msgspec.Struct, frozen=True, omit_defaults=True, tag="exported"):
    """A session was exported, as a viewer asked."""

    path: str
    """File on the engine's machine; name of the file of a fetched export."""
    text: str | None = None
    """The exported text; `None` if it was written to `path`."""


class PromptShown(msgspec.Struct, frozen=True, tag="prompt_shown"):
    """The content of a prompt file: the reply to `ShowPrompt`."""

    prompt: str
    """Id of the prompt."""
    text: str
    own: bool
    """Whether it is a user prompt; saving a built-in prompt creates a user prompt that replaces it."""


class DevicesListed(msgspec.Struct, frozen=True, omit_defaults=True, tag="devices"):
    """The available audio sources: the reply to `ListDevices`."""

    devices: tuple[DeviceInfo, ...]
    problem: str = ""
    """Why the list is incomplete, as while the sound server does not answer; empty if it is complete."""


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True, tag="rejected"):
    """A command was not executed; sent only to the viewer that sent the command."""

    text: str
    hint: str = ""


Event = (
    Snapshot
    | SessionStarted
    | StateChanged
    | TurnChanged
    | TurnRemoved
    | TranscriptEdited
    | GistChanged
    | GistDelta
    | LevelChanged
    | StatsChanged
    | PromptChanged
    | PromptsChanged
    | MutedChanged
    | TurnBookmarked
    | SpeakerNamed
    | TitleChanged
    | ExtraPromptsChanged
    | GainChanged
    | TracksChanged
    | UntranscribedChanged
    | ViewersChanged
    | PlayingChanged
    | Notice
    | DevicesListed
    | DeviceLevels
    | SessionsListed
    | SessionsFound
    | SessionShown
    | StoredSessionChanged
    | SessionExported
    | PromptShown
    | Rejected
)

_codec: Codec[Event] = Codec(Event)
encode, decode = _codec.encode, _codec.decode
"""Return an event as one line of JSON; return the event in a line, or raise `msgspec.MsgspecError`."""
