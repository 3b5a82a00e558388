"""The state of a session, computed from its events; the engine, the journal and the viewer share it."""

from collections.abc import Callable, MutableMapping
from typing import Any

from msgspec.structs import replace

from tui.model.events import (
    PROTOCOL_VERSION,
    Event,
    ExtraPromptsChanged,
    GainChanged,
    GistChanged,
    GistDelta,
    MutedChanged,
    PromptChanged,
    Session,
    SessionStarted,
    Snapshot,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TurnBookmarked,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gists import Gist, GistStatus
from tui.model.stats import Stats
from tui.model.transcript import Transcript, Turn

MappingFactory = Callable[[Any], MutableMapping[int, Any]]
"""Makes an empty mapping from numbers to values of the given type."""


def plain_dict(value_type: Any) -> dict[int, Any]:
    """Return an ordinary dict for the values."""
    return {}


class SessionState:
    """The state of a session after the events applied so far.

    Args:
        mapping_factory: makes the mappings that store the turns and the gists by number.
    """

    def __init__(self, mapping_factory: MappingFactory = plain_dict) -> None:
        self._mapping_factory = mapping_factory
        self.session: Session | None = None
        self.state = State.IDLE
        self.reason = ""
        self.hint = ""
        self.muted = False
        self.prompt = ""
        self.transcript = Transcript(storage=mapping_factory(Turn))
        self.gists: MutableMapping[int, Gist] = mapping_factory(Gist)
        self.stats = Stats()
        self.bookmarks: dict[int, str] = {}
        """Note of each bookmarked turn, by turn number."""
        self.speakers: dict[str, str] = {}
        """Names of the speakers, by the endpoint's labels."""
        self.extra_prompts: tuple[str, ...] = ()
        self.gain_db = 0.0

    def snapshot(self, version: str) -> Snapshot:
        """Return the state as a snapshot for a new viewer.

        Args:
            version: version of livegist.
        """
        return Snapshot(
            protocol=PROTOCOL_VERSION,
            version=version,
            state=self.state,
            reason=self.reason,
            hint=self.hint,
            session=self.session,
            muted=self.muted,
            prompt=self.prompt,
            turns=tuple(self.transcript),
            gists=tuple(self.gists.values()),
            stats=self.stats,
            bookmarks=tuple(TurnBookmarked(turn, note) for turn, note in self.bookmarks.items()),
            speakers=tuple(SpeakerNamed(label, name) for label, name in self.speakers.items()),
            extra_prompts=self.extra_prompts,
            gain_db=self.gain_db,
        )

    @property
    def finals(self) -> list[Turn]:
        """The final turns, with the names of their speakers."""
        return self.transcript.with_speaker_names(self.speakers).finals

    @property
    def length_s(self) -> float:
        """Seconds recorded, as the last statistics say; without any, the end of the last turn."""
        return self.stats.elapsed_s or max((turn.end_s for turn in self.transcript.finals), default=0.0)

    def apply(self, event: Event) -> None:
        """Apply an event; an event that is not about the session changes nothing."""
        match event:
            case SessionStarted(session=session):
                self.session = session
                self.transcript, self.gists = (
                    Transcript(storage=self._mapping_factory(Turn)),
                    self._mapping_factory(Gist),
                )
                self.stats = Stats()
                self.bookmarks, self.speakers, self.extra_prompts, self.gain_db = {}, {}, (), 0.0
            case StateChanged(state=state, reason=why, hint=hint):
                self.state, self.reason, self.hint = state, why, hint
            case TurnChanged(turn=turn):
                self.transcript.upsert(turn)
            case TurnRemoved(number=number):
                self.transcript.remove(number)
            case GistChanged(gist=gist):
                self.gists[gist.number] = gist
            case GistDelta(number=number, text=text):
                old = self.gists.get(number)
                if old is not None and not old.status.over:
                    self.gists[number] = replace(old, text=old.text + text, status=GistStatus.STREAMING)
            case StatsChanged(stats=stats):
                self.stats = stats
            case PromptChanged(prompt=prompt):
                self.prompt = prompt
            case MutedChanged(muted=muted):
                self.muted = muted
            case TurnBookmarked(turn=number, note=str(note)):
                self.bookmarks[number] = note
            case TurnBookmarked(turn=number):
                self.bookmarks.pop(number, None)
            case SpeakerNamed(label=label, name=""):
                self.speakers.pop(label, None)
            case SpeakerNamed(label=label, name=name):
                self.speakers[label] = name
            case ExtraPromptsChanged(prompts=prompts):
                self.extra_prompts = prompts
            case GainChanged(gain_db=gain_db):
                self.gain_db = gain_db
