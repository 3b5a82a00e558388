"""Output of the line interface: formats events, one line each. Pure; the clock is passed in."""

from collections.abc import Callable

from tui.line_ui.input import COMMANDS
from tui.model.events import (
    DevicesListed,
    Event,
    ExtraPromptsChanged,
    GainChanged,
    GistChanged,
    LevelChanged,
    MutedChanged,
    Notice,
    PromptChanged,
    Rejected,
    SessionExported,
    SessionStarted,
    Snapshot,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TitleChanged,
    TranscriptEdited,
    TurnBookmarked,
    TurnChanged,
    UntranscribedChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.model.transcript import Turn
from tui.presentation.ballistics import Ballistics, Condition
from tui.presentation.finishing import WAIT_TICKS, is_finishing, wait_details
from tui.presentation.formatting import STATES, made_by, prompt_name
from tui.presentation.lost_source import lost_tracks
from tui.presentation.trends import talking_shares
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line, plural

MAX_TEXT_CHARACTERS = 1_000_000
"""Maximum length of a text: longer than any real one."""


class _LevelMeter:
    """Level of one track."""

    def __init__(self) -> None:
        self.ballistics = Ballistics()
        self.condition = Condition.NONE


class LineFormatter:
    """Formatter of events as lines; after a reconnection it does not repeat earlier lines.

    Args:
        clock: monotonic seconds, for the level's condition.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.view_model = ViewModel()
        self._clock = clock
        self._meters: dict[str, _LevelMeter] = {}
        """Level of each track, by its name."""
        self._turns: dict[int, str] = {}
        """Texts of the turns printed so far, by number."""
        self._gists: set[int] = set()
        self._finishing_ticks = 0
        """Statistics since the session began to finish: one each second."""
        self._only = ""
        """Label or name of the only speaker whose turns are printed; empty for all."""

    def show_only(self, speaker: str) -> list[str]:
        """Print the turns of a speaker only, by label or name; an empty text prints all. Return a line about it."""
        self._only = speaker
        return [f"only turns of {one_line(speaker, 60)}" if speaker else "turns of all speakers"]

    def _hides(self, number: int | None) -> bool:
        """Return whether a turn is another speaker's than the one to print."""
        turn = self.view_model.transcript.get(number) if self._only and number is not None else None
        if turn is None:
            return False
        names = (turn.label, self.view_model.speakers.get(turn.speaker or "", ""))
        return self._only.casefold() not in (name.casefold() for name in names)

    def format(self, event: Event) -> list[str]:
        """Apply an event to the view model and return its lines."""
        first = not self.view_model.synced
        self.view_model.apply(event)
        match event:
            case Snapshot():
                return self._format_snapshot(first=first)
            case SessionStarted(session=session):
                self._turns, self._gists = {}, set()
                self._meters.clear()
                return [f"recording from {one_line(session.source)}"]
            case StateChanged(state=state, reason=why, hint=hint):
                return [one_line(": ".join(part for part in (_state(state), f"{why} {hint}".strip()) if part))]
            case TurnChanged(turn=turn):
                return self._turn(turn)
            case GistChanged(gist=gist):
                return self._gist(gist)
            case StatsChanged():
                return self._finishing()
            case LevelChanged():
                return self._level(event)
            case Notice(text=text, hint=hint) | Rejected(text=text, hint=hint):
                return [one_line(f"{text} {hint}".strip())]
            case SessionExported(path=path):
                return [one_line(f"Wrote {path}", None)]
            case DevicesListed(devices=devices, problem=problem):
                listed = [f"device {one_line(found.name)}" for found in devices] or ["No audio device found."]
                return [*listed, one_line(problem)] if problem else listed
        return self._format_change(event)

    def status(self) -> str:
        """Return the state of the session in one line."""
        view_model = self.view_model
        parts = [_state(view_model.state), clock(view_model.stats.elapsed_s), plural(view_model.stats.turns, "turn")]
        if is_finishing(view_model):
            parts.append(wait_details(view_model, "stop now"))
        if view_model.muted:
            parts.append("muted")
        if view_model.prompt:
            names = (one_line(prompt_name(view_model.prompts, id), 60) for id in view_model.asking)
            parts.append(f"prompt {' and '.join(names)}")
        if shares := talking_shares(view_model.finals):
            parts.append(f"talking time {' '.join(shares)}")
        if lost_tracks(view_model):
            parts.append(one_line(f"silence is recorded: {view_model.stats.source_lost}", 120))
        elif view_model.stats.device:
            parts.append(f"from {one_line(view_model.stats.device, 60)}")
        return ", ".join(parts)

    def prompts(self) -> list[str]:
        """Return the prompts, a line each."""
        return [
            f"prompt {at} {one_line(prompt.id, 60)}: {one_line(prompt.name, 60)}"
            for at, prompt in enumerate(self.view_model.prompts, 1)
        ]

    def _finishing(self) -> list[str]:
        """Return, once, how long a session that finishes still waits, if that takes more than a moment."""
        self._finishing_ticks = self._finishing_ticks + 1 if is_finishing(self.view_model) else 0
        if self._finishing_ticks != WAIT_TICKS:
            return []
        return [f"finishing: {wait_details(self.view_model, 'stop now')}"]

    def _format_snapshot(self, *, first: bool) -> list[str]:
        finals = self.view_model.transcript.finals
        if first:
            for turn in finals[:-1]:
                self._turns[turn.number] = turn.text
            self._gists |= {gist.number for gist in self.view_model.gists.values() if gist.status.over}
        lines = [self.status()]
        for turn in finals:
            lines += self._turn(turn)
        for gist in list(self.view_model.gists.values()):
            lines += self._gist(gist)
        return lines

    def _turn(self, turn: Turn) -> list[str]:
        if not turn.final or self._turns.get(turn.number) == turn.text:
            return []
        again = ", corrected" if turn.number in self._turns else ""
        self._turns[turn.number] = turn.text
        if self._hides(turn.number):
            return []
        name = self.view_model.speakers.get(turn.speaker or "", turn.label)
        who = f", {one_line(name, 60)}" if name else ""
        return [f"turn {turn.number}{again}, {clock(turn.start_s)}{who}: {one_line(turn.text, MAX_TEXT_CHARACTERS)}"]

    def _edited(self, number: int) -> list[str]:
        original = self.view_model.transcript.get(number)
        parts = self.view_model.parts(original) if original is not None else ()
        texts = " | ".join(one_line(part.text, MAX_TEXT_CHARACTERS) for part in parts)
        return [f"turn {number}, edited: {texts}" if texts else f"turn {number}: merged into the one before"]

    def _gist(self, gist: Gist) -> list[str]:
        if not gist.status.over:
            self._gists.discard(gist.number)
            return []
        if gist.number in self._gists:
            return []
        self._gists.add(gist.number)
        if self._hides(gist.turn):
            return []
        if gist.question:
            about = f"answer to {one_line(gist.question, 400)}"
        else:
            of = f"turn {gist.turn}" if gist.turn is not None else "the whole session"
            about = f"{one_line(prompt_name(self.view_model.prompts, gist.prompt), 60)} of {of}"
        if gist.status is not GistStatus.DONE:
            return [f"{about}: {gist.status}. {one_line(gist.error)}"]
        made = f", {made_by(gist.model)}" if gist.model else ""
        return [f"{about}{one_line(made, 100)}: {one_line(gist.text, MAX_TEXT_CHARACTERS)}"]

    def _level(self, level: LevelChanged) -> list[str]:
        """Return a line when the condition of a track's level changes, except while it is muted or its source lost."""
        meter = self._meters.setdefault(level.track, _LevelMeter())
        meter.ballistics.may_be_silent = self.view_model.may_be_silent(level.track)
        muted = next((track.muted for track in self.view_model.tracks if track.name == level.track), False)
        lost = lost_tracks(self.view_model)
        if muted or self.view_model.muted or lost == ("",) or level.track in lost:
            meter.ballistics.reset()
            meter.condition = Condition.NONE
            return []
        now = self._clock()
        meter.ballistics.feed(level.rms_dbfs, level.peak_dbfs, level.clipped, now)
        condition = meter.ballistics.read(now).condition
        if condition is meter.condition:
            return []
        meter.condition = condition
        return [_of_track(level.track, f"level: {condition or 'good'}")]

    def _format_change(self, event: Event) -> list[str]:
        match event:
            case PromptChanged() | ExtraPromptsChanged():
                return [self.status()]
            case MutedChanged(muted=muted, track=track):
                return [_of_track(track, "muted" if muted else "unmuted")]
            case TitleChanged(title=title):
                return [one_line(f"title: {title}") if title else "title removed"]
            case TranscriptEdited(edits=edits):
                return [line for edit in edits for line in self._edited(edit.number)]
            case TurnBookmarked(turn=number, note=None):
                return [f"turn {number}: bookmark removed"]
            case TurnBookmarked(turn=number, note=note):
                return [one_line(f"turn {number} bookmarked{f': {note}' if note else ''}")]
            case SpeakerNamed(label=label, name=name):
                return [one_line(f"speaker {label} is {name}" if name else f"speaker {label}: name removed")]
            case GainChanged(gain_db=gain_db, track=track):
                return [_of_track(track, f"gain {gain_db:+g} dB")]
            case UntranscribedChanged(sessions=sessions) if sessions:
                return [f"not fully transcribed: {plural(len(sessions), 'session')}; recover transcribes the newest"]
            case _:
                return []


def _of_track(track: str, text: str) -> str:
    return f"{one_line(track, 60)}: {text}" if track else text


def help_lines() -> list[str]:
    """Return the commands, a line each."""
    return [f"{f'{name} {arguments}'.strip()}: {description}" for name, arguments, description in COMMANDS]


def _state(state: State) -> str:
    return STATES[state][1].lower()
