"""A session as its events make it: the fold that the live engine and the journal share."""

import msgspec

from tui.model.events import (
    Event,
    GistChanged,
    GistGrew,
    MutedChanged,
    PromptChanged,
    Session,
    SessionStarted,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gists import Gist, GistStatus
from tui.model.stats import Stats
from tui.model.transcript import Transcript


class Record:
    """What is known of a session after some of its events."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.state = State.IDLE
        self.why = ""
        self.hint = ""
        self.muted = False
        self.prompt = ""
        self.transcript = Transcript()
        self.gists: dict[int, Gist] = {}
        self.stats = Stats()

    def apply(self, event: Event) -> None:
        """Change what the event changes; an event that tells no fact about the session changes nothing."""
        match event:
            case SessionStarted(session=session):
                self.session = session
            case StateChanged(state=state, why=why, hint=hint):
                self.state, self.why, self.hint = state, why, hint
            case TurnChanged(turn=turn):
                self.transcript.upsert(turn)
            case TurnRemoved(number=number):
                self.transcript.remove(number)
            case GistChanged(gist=gist):
                self.gists[gist.number] = gist
            case GistGrew(number=number, text=text) if number in self.gists:
                gist = self.gists[number]
                self.gists[number] = msgspec.structs.replace(gist, text=gist.text + text, status=GistStatus.STREAMING)
            case StatsChanged(stats=stats):
                self.stats = stats
            case PromptChanged(prompt=prompt):
                self.prompt = prompt
            case MutedChanged(muted=muted):
                self.muted = muted
