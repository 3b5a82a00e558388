"""The session as the viewer knows it: a fold of the engine's events. Pure."""

from msgspec.structs import replace

from tui.model.events import (
    Bookmarked,
    Event,
    GainChanged,
    GistChanged,
    GistGrew,
    LensesChanged,
    MutedChanged,
    PromptChanged,
    PromptInfo,
    PromptsChanged,
    Session,
    SessionStarted,
    Snapshot,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
    TurnRemoved,
    UnheardChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.model.stats import Stats
from tui.model.transcript import Transcript, Turn, slim


class Picture:
    """All there is to show."""

    def __init__(self) -> None:
        self.known = False
        """Whether a snapshot has come."""
        self.state = State.IDLE
        self.why = ""
        self.hint = ""
        self.session: Session | None = None
        self.muted = False
        self.prompt = ""
        self.prompts: tuple[PromptInfo, ...] = ()
        self.transcript = Transcript()
        self.gists: dict[int, Gist] = {}
        self._gists_of: dict[int, list[int]] = {}
        """Numbers of the gists by their turn."""
        self.stats = Stats()
        self.bookmarks: dict[int, str] = {}
        """Notes, which may be empty, by the turns that are marked."""
        self.speakers: dict[str, str] = {}
        """Names by the endpoint's labels."""
        self.lenses: tuple[str, ...] = ()
        """Prompts asked about each turn beside the one in use."""
        self.gain_db = 0.0
        self.unheard: tuple[str, ...] = ()
        """Sessions that are over and were not transcribed to their end, newest first."""
        self.replay_speed = 0.0
        """How fast a session that is over is told again; 0 for any other."""
        self.paused = False
        """Whether a replay stands still."""

    def apply(self, event: Event) -> None:
        """Take in an event; levels, notices and refusals change nothing here."""
        match event:
            case Snapshot():
                self._replace(event)
            case SessionStarted(session=session):
                self.session = session
                self.transcript, self.gists, self.stats = Transcript(), {}, Stats()
                self._gists_of = {}
                self.bookmarks, self.speakers, self.lenses, self.gain_db = {}, {}, (), 0.0
            case StateChanged(state=state, why=why, hint=hint):
                self.state, self.why, self.hint = state, why, hint
            case TurnChanged(turn=turn):
                self.transcript.upsert(slim(turn))
            case TurnRemoved(number=number):
                self.transcript.remove(number)
            case GistChanged(gist=gist):
                self._keep(gist)
            case GistGrew(number=number, text=text):
                old = self.gists.get(number)
                if old is not None and not old.status.over:
                    self.gists[number] = replace(old, text=old.text + text, status=GistStatus.STREAMING)
            case StatsChanged(stats=stats):
                self.stats = stats
            case PromptChanged(prompt=prompt):
                self.prompt = prompt
            case PromptsChanged(prompts=prompts):
                self.prompts = prompts
            case MutedChanged(muted=muted):
                self.muted = muted
            case Bookmarked(turn=number, note=str(note)):
                self.bookmarks[number] = note
            case Bookmarked(turn=number):
                self.bookmarks.pop(number, None)
            case SpeakerNamed(label=label, name=""):
                self.speakers.pop(label, None)
            case SpeakerNamed(label=label, name=name):
                self.speakers[label] = name
            case LensesChanged(prompts=prompts):
                self.lenses = prompts
            case GainChanged(gain_db=gain_db):
                self.gain_db = gain_db
            case UnheardChanged(sessions=sessions):
                self.unheard = sessions

    def gists_of(self, turn: int) -> list[Gist]:
        """Return the gists of a turn, oldest first."""
        return [self.gists[number] for number in self._gists_of.get(turn, ())]

    def beside(self, number: int) -> list[Gist]:
        """Return the gists of the same turn as a gist, its own among them, oldest first; its own for no turn."""
        gist = self.gists.get(number)
        if gist is None:
            return []
        return [gist] if gist.turn is None else self.gists_of(gist.turn)

    def unasked(self, prompt: str) -> int:
        """Return how many finished turns a prompt was not asked about."""
        return sum(1 for turn in self.transcript.finals if not self._asked(turn.number, prompt))

    def newest_final(self) -> Turn | None:
        """Return the turn that ended last, `None` if none has."""
        return next(reversed(self.transcript.finals), None)

    @property
    def asking(self) -> list[str]:
        """Prompts that are asked about each turn, the one in use first."""
        return [prompt for prompt in dict.fromkeys((self.prompt, *self.lenses)) if prompt]

    @property
    def missing(self) -> list[Gist]:
        """Gists that failed or timed out, oldest first."""
        return [gist for gist in self.gists.values() if gist.status in (GistStatus.FAILED, GistStatus.TIMED_OUT)]

    @property
    def questions(self) -> list[str]:
        """What was asked in this session, oldest first, each once."""
        return list(dict.fromkeys(gist.question for gist in self.gists.values() if gist.question))

    def _replace(self, event: Snapshot) -> None:
        self.known = True
        self.state, self.why, self.hint = event.state, event.why, event.hint
        self.session, self.muted, self.stats = event.session, event.muted, event.stats
        self.prompt, self.prompts = event.prompt, event.prompts
        self.replay_speed, self.paused = event.replay_speed, event.paused
        self.transcript = Transcript(slim(turn) for turn in event.turns)
        self.gists, self._gists_of = {}, {}
        for gist in event.gists:
            self._keep(gist)
        self.bookmarks = {mark.turn: mark.note for mark in event.bookmarks if mark.note is not None}
        self.speakers = {named.label: named.name for named in event.speakers}
        self.lenses, self.gain_db, self.unheard = event.lenses, event.gain_db, event.unheard

    def _keep(self, gist: Gist) -> None:
        if gist.turn is not None and gist.number not in self.gists:
            self._gists_of.setdefault(gist.turn, []).append(gist.number)
        self.gists[gist.number] = gist

    def _asked(self, turn: int, prompt: str) -> bool:
        return any(gist.prompt == prompt for gist in self.gists_of(turn))
