"""What the engine tells its viewers: a closed set of tagged structs.

The first message to a new viewer is a `Snapshot`; every other event is a change to it. On the wire an event is one
JSON object whose `type` says which it is.
"""

from enum import StrEnum

import msgspec

from tui.codec import Codec
from tui.model.gists import Gist
from tui.model.stats import Stats
from tui.model.transcript import Turn

PROTOCOL_VERSION = 1
"""Goes up when a viewer of one version cannot read an engine of another."""


class State(StrEnum):
    """Where a session is."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    DRAINING = "draining"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        """Whether a session is under way."""
        return self in (State.CONNECTING, State.LIVE, State.RECONNECTING, State.DRAINING)

    @property
    def over(self) -> bool:
        """Whether a session has come to its end."""
        return self in (State.ENDED, State.FAILED)


class Severity(StrEnum):
    """How much a notice matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class PromptInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prompt that can be chosen."""

    id: str
    name: str
    turn: str
    """Its text for one turn, for the picker's preview."""
    session: str = ""
    """Its text for a whole session."""


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """What does not change while a session lasts."""

    id: str
    path: str
    """Its folder, on the engine's machine."""
    started_at: str
    """ISO 8601 with the offset from UTC."""
    source: str
    """As asked for: `mic`, a file's name, `-`, `cmd:…`."""
    engine: str
    """`cloud` or `local`."""
    endpoint: str
    """Host the speech goes to."""
    speech_model: str
    llm_model: str


class TurnBookmarked(msgspec.Struct, frozen=True, tag="bookmark"):
    """A turn was marked, or its mark taken away."""

    turn: int
    note: str | None
    """Empty for a mark without a note, `None` for none any more."""


class SpeakerNamed(msgspec.Struct, frozen=True, tag="speaker"):
    """A speaker is called by a name, in all turns; an empty one takes the name away."""

    label: str
    name: str


class Snapshot(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    tag="snapshot",
    rename={"reason": "why", "extra_prompts": "lenses", "untranscribed": "unheard"},
):
    """All there is to know at the moment a viewer attaches."""

    protocol: int
    version: str
    """livegist's version on the engine's side."""
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
    untranscribed: tuple[str, ...] = ()
    """Ids of sessions that are over and were not transcribed to their end, newest first."""
    viewers: int = 0
    """Viewers there were already."""
    unattended_s: float = 0.0
    """Seconds since the last viewer left; 0 while there is one."""
    replay_speed: float = 0.0
    """How many seconds of a session that is over go by in one; 0 for a session that is not told again."""
    paused: bool = False
    """Whether a replay stands still."""


class SessionStarted(msgspec.Struct, frozen=True, tag="session"):
    """A new session: turns, gists and stats start afresh."""

    session: Session


class StateChanged(msgspec.Struct, frozen=True, omit_defaults=True, tag="state", rename={"reason": "why"}):
    """The session moved; `why` and `hint` are for a person."""

    state: State
    reason: str = ""
    hint: str = ""


class TurnChanged(msgspec.Struct, frozen=True, tag="turn"):
    """A turn as it is now: replaces the one with its number."""

    turn: Turn


class TurnRemoved(msgspec.Struct, frozen=True, tag="turn_removed"):
    """A partial turned out to be nothing."""

    number: int


class GistChanged(msgspec.Struct, frozen=True, tag="gist"):
    """A gist as it is now: replaces the one with its number."""

    gist: Gist


class GistDelta(msgspec.Struct, frozen=True, tag="gist_grew"):
    """More text of a streaming answer, to be appended."""

    number: int
    text: str


class LevelChanged(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    tag="l",
    rename={"rms_dbfs": "r", "peak_dbfs": "p", "clipped": "c", "channels": "ch"},
):
    """The level of the last block. Names are short on the wire, for it comes twenty times a second."""

    rms_dbfs: float
    """At or below `-120` is no signal at all."""
    peak_dbfs: float
    clipped: bool = False
    """Whether the block holds samples at full scale."""
    channels: tuple[tuple[float, float], ...] = ()
    """RMS and peak of each channel that was mixed; empty for mono."""


class StatsChanged(msgspec.Struct, frozen=True, tag="stats"):
    """The figures, about once a second."""

    stats: Stats


class PromptChanged(msgspec.Struct, frozen=True, tag="prompt"):
    """Turns that end from now on are asked about with this prompt."""

    prompt: str


class PromptsChanged(msgspec.Struct, frozen=True, tag="prompts"):
    """The prompts that can be chosen are others now."""

    prompts: tuple[PromptInfo, ...]


class MutedChanged(msgspec.Struct, frozen=True, tag="muted"):
    """Silence is recorded and sent from now on, or no longer."""

    muted: bool


class ExtraPromptsChanged(msgspec.Struct, frozen=True, tag="lenses"):
    """These prompts, too, are asked about turns that end from now on."""

    prompts: tuple[str, ...]


class GainChanged(msgspec.Struct, frozen=True, tag="gain"):
    """What is heard is recorded by so much louder."""

    gain_db: float


class UntranscribedChanged(msgspec.Struct, frozen=True, tag="unheard"):
    """Which sessions that are over were not transcribed to their end; `Recover` sends the rest of one."""

    sessions: tuple[str, ...]
    """Their ids, newest first."""


class Notice(msgspec.Struct, frozen=True, omit_defaults=True, tag="notice"):
    """Something a person should know now."""

    severity: Severity
    text: str
    hint: str = ""


class DeviceInfo(msgspec.Struct, frozen=True, omit_defaults=True, rename={"description": "about"}):
    """Something that can be recorded from."""

    source: str
    """What the setting `source` says for it."""
    name: str
    description: str = ""
    """The sound system it belongs to; of the default one, which device it is."""
    default: bool = False


class DeviceLevel(msgspec.Struct, frozen=True, omit_defaults=True):
    """How loud it was at a device during the last eighth of a second."""

    name: str
    channels: tuple[tuple[float, float], ...] = ()
    """RMS and peak in dBFS of each channel, or of all as one; empty if nothing came."""
    clipped: bool = False
    error: str = ""
    """Why it cannot be listened to; empty if it can."""


class DeviceLevels(msgspec.Struct, frozen=True, tag="devices_heard"):
    """How loud it is at every device, eight times a second while somebody chooses one."""

    levels: tuple[DeviceLevel, ...]


class SessionInfo(msgspec.Struct, frozen=True, omit_defaults=True, rename={"problem": "trouble"}):
    """A session that is kept, in a line."""

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
    """What of it is damaged; empty if nothing is."""


class SessionsListed(msgspec.Struct, frozen=True, tag="sessions"):
    """The sessions that are kept, newest first: the answer to `ListSessions`, to that viewer alone."""

    sessions: tuple[SessionInfo, ...]


class SessionShown(msgspec.Struct, frozen=True, tag="session_shown"):
    """All of a session that is kept: the answer to `ShowSession`, to that viewer alone."""

    snapshot: Snapshot


class PromptShown(msgspec.Struct, frozen=True, tag="prompt_shown"):
    """A prompt's file: the answer to `ShowPrompt`, to that viewer alone."""

    prompt: str
    """Its id."""
    text: str
    own: bool
    """Whether it is the person's own; one that ships with livegist is hidden by what is written, not changed."""


class DevicesListed(msgspec.Struct, frozen=True, tag="devices"):
    """What there is to record from, to the viewer that asked."""

    devices: tuple[DeviceInfo, ...]


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True, tag="rejected"):
    """A command of this viewer that was not carried out, and why; no other viewer is told."""

    text: str
    hint: str = ""


Event = (
    Snapshot
    | SessionStarted
    | StateChanged
    | TurnChanged
    | TurnRemoved
    | GistChanged
    | GistDelta
    | LevelChanged
    | StatsChanged
    | PromptChanged
    | PromptsChanged
    | MutedChanged
    | TurnBookmarked
    | SpeakerNamed
    | ExtraPromptsChanged
    | GainChanged
    | UntranscribedChanged
    | Notice
    | DevicesListed
    | DeviceLevels
    | SessionsListed
    | SessionShown
    | PromptShown
    | Rejected
)

_codec: Codec[Event] = Codec(Event)
encode = _codec.encode
"""Return an event as one line of JSON."""
decode = _codec.decode
"""Return the event in a line of JSON; `msgspec.MsgspecError` if there is none."""
