"""A session as its events make it: the fold that the live engine, the journal and the viewer share."""

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
"""Makes what keeps things by their numbers, given of what kind they are."""


def plain_dict(value_type: Any) -> dict[int, Any]:
    """Return what keeps things as they are."""
    return {}


class SessionState:
    """What is known of a session after some of its events.

    Args:
        numbered: makes what keeps its turns and its gists.
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
        """Note of each marked turn, by its number."""
        self.speakers: dict[str, str] = {}
        """Name of each speaker that got one, by the endpoint's label."""
        self.extra_prompts: tuple[str, ...] = ()
        self.gain_db = 0.0

    def snapshot(self, version: str) -> Snapshot:
        """Return it as a viewer needs it.

        Args:
            version: livegist's, which the viewer is told.
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
        """The turns that have ended, their speakers called by their names."""
        return self.transcript.with_speaker_names(self.speakers).finals

    def apply(self, event: Event) -> None:
        """Change what the event changes; an event that tells no fact about the session changes nothing."""
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
