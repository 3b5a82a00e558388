"""Room: what a viewer of several engines knows of one of them, and what of it calls for attention. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from tui.model.commands import Option
from tui.model.events import Event, LevelChanged, SessionStarted, Snapshot, State, TurnChanged, TurnRemoved
from tui.model.stats import SILENCE_HINT
from tui.model.transcript import Turn
from tui.presentation.alerts import STOPPED_KEYS
from tui.presentation.ballistics import Ballistics, Condition, History, Reading, TrackLevel
from tui.presentation.formatting import recording_stopped
from tui.presentation.highlight_rules import Rule, matching_rules
from tui.presentation.lost_source import lost_tracks
from tui.presentation.view_model import ViewModel


class Match(NamedTuple):
    """A turn that has just ended, and a highlight that it matches."""

    rule: Rule
    turn: Turn


class Attention(NamedTuple):
    """What an event calls for attention to."""

    matches: tuple[Match, ...] = ()
    failed: bool = False
    """Whether the session has just failed."""


class Room:
    """An engine by its name: its view model, the levels of its tracks, and its alarms.

    Args:
        name: its name on the wall.
        host: name of the engine's machine; empty for this one.
    """

    def __init__(self, name: str, host: str = "") -> None:
        self.name = name
        self.view_model = ViewModel(host)
        self.alarms: dict[str, int] = {}
        """Turns since the alarms were cleared that matched a highlight which raises an alarm, by its words."""
        self.options: dict[str, Option] = {}
        """Settings of each session that is started in it, as a person changed them."""
        self.levels: dict[str, TrackLevel] = {}
        """Levels of the tracks, by name."""
        self._newest_turn = 0
        """Number of the newest turn with words; 0 without one."""

    def apply(self, event: Event, rules: Iterable[Rule], now: float) -> Attention:
        """Apply an event; return what it calls for attention to.

        Args:
            event: the event.
            rules: highlights.
            now: monotonic seconds.
        """
        view_model = self.view_model
        matches = tuple(
            Match(rule, turn) for turn in self._ended_turns(event) for rule in matching_rules(turn.text, rules)
        )
        was_active, session = view_model.state.active, view_model.session
        view_model.apply(event)
        match event:
            case LevelChanged():
                self._feed(event, now)
            case TurnChanged(turn=turn) if turn.text and turn.number > self._newest_turn:
                self._newest_turn = turn.number
            case Snapshot() if session is not None and session == view_model.session:
                for level in self.levels.values():
                    level.needles.reset()
                self._find_newest()
            case Snapshot() | SessionStarted():
                self.levels.clear()
                self._find_newest()
            case TurnRemoved():
                self._find_newest()
        for rule, _ in matches:
            if rule.action.raises_alarm:
                self.alarms[rule.text] = self.alarms.get(rule.text, 0) + 1
        return Attention(matches, was_active and view_model.state is State.FAILED)

    def _feed(self, level: LevelChanged, now: float) -> None:
        view_model = self.view_model
        needles, history = self.levels.setdefault(level.track, TrackLevel(Ballistics(), History()))
        needles.may_be_silent = view_model.may_be_silent(level.track)
        needles.feed(level.rms_dbfs, level.peak_dbfs, level.clipped, now)
        history.feed(level.peak_dbfs, now, speech=view_model.is_speaking(level.track))

    def _ended_turns(self, event: Event) -> list[Turn]:
        """Return the turns that end with an event; with a snapshot, those that ended while the connection was lost."""
        view_model = self.view_model
        match event:
            case TurnChanged(turn=turn) if view_model.ends(turn):
                return [turn]
            case Snapshot(session=session, turns=turns) if view_model.synced and session == view_model.session:
                return [turn for turn in turns if view_model.ends(turn)]
        return []

    def _find_newest(self) -> None:
        self._newest_turn = max((turn.number for turn in self.view_model.transcript if turn.text), default=0)

    def clear_alarms(self) -> None:
        """Clear the alarms and the clip marks."""
        self.alarms.clear()
        for level in self.levels.values():
            level.needles.acknowledge()

    def newest_turns(self, count: int) -> list[Turn]:
        """Return the newest turns with words, final or not, the newest first; at most so many."""
        found = map(self.view_model.turn, range(self._newest_turn, max(0, self._newest_turn - count), -1))
        return [turn for turn in found if turn is not None and turn.text]

    @property
    def recording(self) -> bool:
        """Whether levels are expected."""
        view_model = self.view_model
        silent = view_model.state is State.DRAINING or view_model.paused or view_model.disconnected
        return view_model.state.active and not silent

    def reading(self, now: float) -> Reading:
        """Return the highest level of all tracks, and the first condition of one that is neither muted nor lost.

        Args:
            now: monotonic seconds.
        """
        if not self.recording or not self.levels:
            return Reading()
        lost = lost_tracks(self.view_model)
        silent = {track.name for track in self.view_model.tracks if track.muted}.union(lost)
        unjudged = self.view_model.muted or lost == ("",)
        found = {name: level.needles.read(now) for name, level in self.levels.items()}
        conditions = (reading.condition for name, reading in found.items() if name not in silent)
        return Reading(
            max(reading.rms_dbfs for reading in found.values()),
            max(reading.peak_dbfs for reading in found.values()),
            max(reading.hold_dbfs for reading in found.values()),
            any(reading.clipped for reading in found.values()),
            Condition.NONE if unjudged else next(filter(None, conditions), Condition.NONE),
        )

    @property
    def at_rest(self) -> bool:
        """Whether no needle moves before the next level."""
        return not self.recording or all(level.needles.at_rest for level in self.levels.values())

    @property
    def problem(self) -> tuple[str, str]:
        """Style and text of what is wrong with the room; both empty if nothing is."""
        view_model = self.view_model
        if view_model.disconnected and not view_model.synced:
            return "bad", f"{view_model.lost_reason} Trying again… {view_model.lost_hint}".strip()
        if view_model.disconnected and view_model.lost_reason and view_model.lost_at and not view_model.host:
            return "bad", f"{recording_stopped(view_model.lost_at, 's goes on')}. {view_model.lost_reason}"
        if view_model.disconnected:
            lost = f"Line to {view_model.host} lost." if view_model.host else "Connection to the engine lost."
            return "bad", f"{lost} {view_model.lost_reason} Reconnecting…".replace("  ", " ")
        if view_model.was_stopped:
            return "bad", f"{recording_stopped(view_model.stopped_at, *STOPPED_KEYS)}. {view_model.reason}"
        if view_model.state is State.FAILED:
            return "bad", f"{view_model.reason} {view_model.hint}".strip()
        if lost_tracks(view_model):
            return "bad", f"{view_model.stats.source_lost} {SILENCE_HINT}"
        if view_model.state is State.RECONNECTING:
            return "warn", view_model.reason
        return "", ""
