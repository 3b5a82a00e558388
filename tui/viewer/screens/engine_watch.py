"""Notices an engine that does not respond: a running session sends statistics every second."""

from collections.abc import Callable

from textual.screen import Screen

from tui.model.events import Event, State, StatsChanged
from tui.presentation.view_model import ViewModel

CHECK_S = 1.0
"""Seconds between two checks."""
SILENT_CHECKS = 5
"""Checks without an event in between after which the engine does not respond."""
SENDING = (State.LIVE, State.RECONNECTING, State.DRAINING)
"""States in which a session sends statistics."""


class EngineWatch(Screen[None]):
    """A screen that says when the engine of its session is stopped, or too busy to respond."""

    view_model: ViewModel
    _show_alert: Callable[[], None]
    """Shows what is wrong with the session or its engine."""
    _sends_stats = False
    """Whether the session that is shown has sent statistics."""
    _silent_checks = 0
    """Checks since the last event; a viewer that was suspended itself makes none meanwhile."""

    def on_mount(self) -> None:
        """Start to check."""
        self.set_interval(CHECK_S, self._check_engine, name="engine")

    def note_event(self, event: Event) -> None:
        """Note that the engine has sent an event."""
        self._silent_checks = 0
        self._sends_stats = self._sends_stats or isinstance(event, StatsChanged)
        if self.view_model.unresponsive:
            self.view_model.unresponsive = False
            self._show_alert()

    def _check_engine(self) -> None:
        view_model = self.view_model
        self._sends_stats = self._sends_stats and view_model.state in SENDING and not view_model.replay_speed
        self._silent_checks = self._silent_checks + 1 if self._sends_stats and not view_model.disconnected else 0
        if self._silent_checks >= SILENT_CHECKS and not view_model.unresponsive:
            view_model.unresponsive = True
            self._show_alert()
