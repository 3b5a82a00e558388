"""Dashboard: the main screen, which shows the engine's session and offers what is possible now."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from tui.config.schema import Highlight
from tui.model.commands import Option
from tui.model.events import (
    DeviceLevels,
    DevicesListed,
    Event,
    ExtraPromptsChanged,
    GainChanged,
    GistChanged,
    LevelChanged,
    MutedChanged,
    Notice,
    PlayingChanged,
    PromptChanged,
    PromptsChanged,
    PromptShown,
    Rejected,
    SessionExported,
    SessionsFound,
    SessionShown,
    SessionsListed,
    SessionStarted,
    Severity,
    Snapshot,
    State,
    StateChanged,
    StatsChanged,
    TitleChanged,
    TranscriptEdited,
    TurnBookmarked,
    TurnChanged,
    UntranscribedChanged,
)
from tui.model.tracks import TracksChanged
from tui.model.transcript import Turn
from tui.presentation.alerts import alert_about
from tui.presentation.availability import ACTION_STATES, is_available
from tui.presentation.finishing import NOTABLE_S, WAIT_TICKS, is_finishing
from tui.presentation.formatting import now_iso
from tui.presentation.highlight_rules import Rule, matching_rules
from tui.presentation.lost_source import lost_tracks
from tui.presentation.view_model import ViewModel
from tui.text import one_line
from tui.viewer.binding_titles import by_use
from tui.viewer.bindings import DASHBOARD
from tui.viewer.coalescing import UpdateCoalescer
from tui.viewer.empty_state import empty_text
from tui.viewer.frame_rate import FrameRateController
from tui.viewer.layout_state import LayoutState
from tui.viewer.screens.engine_watch import EngineWatch
from tui.viewer.screens.explained_actions import ExplainedActions
from tui.viewer.screens.gated_screen import GatedScreen
from tui.viewer.screens.layout_actions import LayoutActions
from tui.viewer.screens.main_screen import MainScreen, show_notice
from tui.viewer.screens.picker_actions import PickerActions
from tui.viewer.widgets.banner import Alert, Banner
from tui.viewer.widgets.body import Body
from tui.viewer.widgets.footer import Footer, FooterKey
from tui.viewer.widgets.meter_rows import MeterRows
from tui.viewer.widgets.pane import Pane


class Dashboard(LayoutActions, PickerActions, ExplainedActions, EngineWatch, MainScreen, GatedScreen):
    """Header, meter, turns, gists, stats and footer.

    Args:
        view_model: what the viewer knows of the engine; it may have received events before.
        frame_rate: the rates of the meter and of growing entries.
        keys: a person's own keys by action id.
        options: settings of each session that is started here; a person may change them.
        rules: highlights.
        theme_names: returns the names of the available themes.
        layout_state: which panes are hidden or zoomed at first.
        set_up: whether a session can start here.
        clock: monotonic seconds.
    """

    BINDINGS: ClassVar[list[BindingType]] = list(DASHBOARD)
    AUTO_FOCUS = "#turns"
    on_wall: ClassVar[bool] = False
    # Instance attributes to Textual's types.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall"), (30, "-high")]  # noqa: RUF012

    class DetachRequested(Message):
        """A person asked to close the dashboard; the engine continues."""

    class QuitRequested(Message):
        """A person asked to end the session, if there is one, and the engine, and to close the dashboard."""

    class HighlightMatched(Message):
        """A rule of the highlights matched a turn that has just ended."""

        def __init__(self, highlight: Highlight, turn: Turn) -> None:
            super().__init__()
            self.highlight = highlight
            self.turn = turn

    def __init__(
        self,
        view_model: ViewModel,
        *,
        frame_rate: FrameRateController,
        keys: Mapping[str, str],
        options: dict[str, Option] | None = None,
        rules: Sequence[Rule] = (),
        theme_names: Callable[[], Sequence[str]] = tuple,
        layout_state: LayoutState = LayoutState(),  # noqa: B008 - it is frozen
        set_up: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(frame_rate=frame_rate, id="dashboard")
        self._clock = clock
        self._set_up = set_up
        self._held_updates = UpdateCoalescer()
        self._finishing_ticks = 0
        """Statistics since the session began to finish: one each second."""
        self.view_model = view_model
        self._keys = dict(keys)
        self._options = options if options is not None else {}
        self._rules = rules
        self._theme_names = theme_names
        self.banner = Banner(self.view_model, id="banner")
        self.alert = Alert(id="alert")
        self.meter = MeterRows(fps=frame_rate.fps, clock=clock, id="meters")
        self.body = Body(self.view_model, rules=rules, id="body")
        self.body.set_layout(layout_state)
        self.banner.layout_state = layout_state
        self.footer = Footer(id="keys")

    def compose(self) -> ComposeResult:
        """Lay out the widgets."""
        # Textual sets these classes after the first layout, which would style, lay out and paint everything twice.
        for size, breakpoints in zip(
            self.app.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True
        ):
            self.add_class(max(found for found in breakpoints or () if found[0] <= size)[1])
        yield self.banner
        yield self.alert
        yield self.meter
        yield self.body
        yield self.footer

    def on_mount(self) -> None:
        """Update the footer whenever the possible actions change, and show what is known already."""
        self.bindings_updated_signal.subscribe(self, lambda _: self._update_footer())
        self._show_state()
        if self.view_model.synced:
            self.call_after_refresh(self.show_session)

    def show_session(self) -> None:
        """Show what was received before the dashboard was opened."""
        self.body.show_session()

    def _on_timer_update(self) -> None:
        super()._on_timer_update()
        self.meter.fps = self._frame_rate.fps

    # Events of the engine

    def handle_event(self, event: Event) -> None:
        """Apply an event to the view model, raise its alarms, and show what it changes."""
        if isinstance(event, TurnChanged):
            self._match_highlights(event.turn)
        was_active, ended = self.view_model.state.active, self.view_model.session
        self.view_model.apply(event)
        if ended is not None and isinstance(event, SessionStarted):
            # The last messages may be about the session before. Those before the first session are about livegist.
            self.show_status("")
            self.app.clear_notifications()
        if was_active and self.view_model.state is State.FAILED:
            self.app.bell()
        self.show_event(event)

    def show_event(self, event: Event) -> None:
        """Show what an event has changed in the view model."""
        self.note_event(event)
        if isinstance(event, SessionStarted):
            self.meter.clear_history()
        self.meter.show_speech(self.view_model.is_speaking)
        if not self._hold_back(event):
            self.body.handle_event(event)
        self.show_in_past_session(event)
        match event:
            case LevelChanged():
                self._show_level(event)
            case TurnChanged(turn=turn) if turn.final:
                self.refresh_bindings()
            case GistChanged(gist=gist) if gist.status.over:
                self.refresh_bindings()
            case TranscriptEdited():
                self.show_edit(event)
            case TurnBookmarked():
                self.refresh_bindings()
            case StatsChanged():
                self.banner.touch()
                self._show_finishing()
                if lost_tracks(self.view_model) != self.meter.lost:
                    self._show_state()
            case StateChanged(state=state):
                self._show_state()
                self.show_wait()
                if state is State.ENDED:
                    self._notify_saved()
            case Notice(severity=severity, text=text, hint=hint):
                self._notify(severity, text, hint)
            case Rejected():
                self._handle_rejection(event)
            case DevicesListed():
                self.offer_devices(event)
            case DeviceLevels():
                self.show_device_levels(event)
            case SessionsListed(sessions=sessions):
                self.offer_sessions(sessions)
            case SessionsFound():
                self.show_hits(event)
            case PromptShown():
                self.edit_shown_prompt(event)
            case SessionShown(snapshot=snapshot):
                self.open_session(snapshot)
            case Snapshot():
                self._show_state()
            case PromptChanged() | ExtraPromptsChanged():
                self._show_prompts()
            case GainChanged() | MutedChanged() | TracksChanged():
                self._show_state()
                self.show_device_tracks()
            case SessionExported():
                self.show_export(event)
            case TitleChanged() | PlayingChanged() | SessionStarted() | PromptsChanged() | UntranscribedChanged():
                self._show_state()

    def _match_highlights(self, turn: Turn) -> None:
        """Post a message for each rule that matches a turn that has just ended."""
        if self.view_model.ends(turn):
            for rule in matching_rules(turn.text, self._rules):
                self.post_message(self.HighlightMatched(rule.action, turn))

    def _hold_back(self, event: Event) -> bool:
        """Hold back an update of a growing entry while the terminal is slow; return whether it was held back."""
        if self._frame_rate.hold_s:
            first = not self._held_updates
            if self._held_updates.hold(event):
                if first:
                    self.set_timer(self._frame_rate.hold_s, self._show_held_updates, name="held")
                return True
        self._held_updates.discard_superseded(event)
        return False

    def _show_held_updates(self) -> None:
        for event in self._held_updates.take():
            self.body.handle_event(event)

    def _show_level(self, level: LevelChanged) -> None:
        clipped = self.meter.clipped
        self.meter.feed(level)
        if self.meter.clipped != clipped:
            self.refresh_bindings()

    def _notify_saved(self) -> None:
        """Notify where the session that has ended is saved, unless there was a notice that a part of it is missing."""
        session, stats = self.view_model.session, self.view_model.stats
        complete = not (self.view_model.replay_speed or stats.unsaved_s or stats.untranscribed_s >= NOTABLE_S)
        if session is not None and session.path and complete:
            folder, _, id = one_line(session.path).rpartition("/")
            self.notify(f"Saved as {id} in {self.view_model.located(folder)}", title="Session ended", markup=False)

    def _handle_rejection(self, rejected: Rejected) -> None:
        """Notify why a command was rejected; close a device picker that waits for its list."""
        if self._device_picker is not None and self._device_picker.waiting:
            self._device_picker.action_cancel()
        self._notify(Severity.WARNING, rejected.text, rejected.hint)

    def _show_prompts(self) -> None:
        """Show other prompts in use, and offer to ask them about earlier turns."""
        if self.body.gists.only not in self.view_model.asking or len(self.view_model.asking) < 2:
            self.body.gists.show_only("")
        self._show_state()
        self.offer_ask_all(self._keys.get("ask-all", "b"))

    def set_connection_lost(self, reason: str = "", hint: str = "") -> None:
        """Mark the connection to the engine as lost, and show that.

        Args:
            reason: why it could not be opened again; empty for a connection that was cut just now.
            hint: what a person can do.
        """
        view_model = self.view_model
        view_model.disconnect(reason, hint, now_iso())
        if reason and view_model.lost_at and not view_model.host and self.alert.style != "alarm":
            self.app.bell()
        self._show_state()

    def _show_state(self) -> None:
        """Update what depends on the session's state: header, meter, alert, empty text and keys."""
        view_model = self.view_model
        silent = view_model.state is State.DRAINING or view_model.paused or self.view_model.disconnected
        active = view_model.state.active and not silent
        self.banner.touch()
        self.meter.show_state(view_model.all_tracks, active=active, lost=lost_tracks(view_model))
        self.body.turns.set_empty_text(
            empty_text(view_model, disconnected=self.view_model.disconnected, set_up=self._set_up)
        )
        self._show_alert()
        self.refresh_bindings()

    def _show_alert(self) -> None:
        """Show what is wrong; what a session that finishes waits for only if that takes more than a moment."""
        alert = alert_about(self.view_model, on_wall=self.on_wall)
        brief = self._finishing_ticks < WAIT_TICKS and not self.alert.style
        self.alert.show(*(("", "", "") if alert[0] == "wait" and brief else alert))

    def _show_finishing(self) -> None:
        """Show once a second how long a session that finishes still waits."""
        finishing = is_finishing(self.view_model)
        self._finishing_ticks = self._finishing_ticks + 1 if finishing else 0
        if finishing:
            self._show_alert()
            self.show_wait()

    def _notify(self, severity: Severity, text: str, hint: str) -> None:
        show_notice(self, severity, f"{one_line(text, 600)}\n{one_line(hint, 600)}".strip())

    # Possible actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action is possible now; `None`, not false, so that its key can say why not."""
        return True if self._is_possible(action, parameters) else None

    def _is_possible(self, action: str, parameters: tuple[object, ...]) -> bool:
        if action == "clear_clip":
            return self.meter.clipped
        if (possible := self.is_possible_here(action)) is not None:
            return possible
        if action == "start" and self.view_model.disconnected and not self.view_model.watching:
            return not (self.view_model.replay_speed or self.view_model.host)
        available = is_available(self.view_model, action, parameters)
        return available and not (self.view_model.disconnected and action in ACTION_STATES)

    def _update_footer(self) -> None:
        if self.is_mounted:
            self.footer.show(self.footer_keys())

    def footer_keys(self) -> list[FooterKey]:
        """Return the keys of the actions that are possible now, the most useful first."""
        possible = {active.binding.id: active.binding for active in self.active_bindings.values() if active.enabled}
        names = self.footer_names()
        return [
            FooterKey.of(known, self.app.get_key_display(possible[known.id]), names.get(known.id or "", ""))
            for known in by_use(self.view_model.state)
            if known.show and known.id in possible
        ]

    @on(Pane.FollowChanged)
    def update_bindings(self) -> None:
        """Check anew which actions are possible."""
        self.refresh_bindings()

    # Actions of the dashboard itself

    def action_clear_clip(self) -> None:
        """Clear the clip mark."""
        self.meter.clear_clip()
        self.refresh_bindings()

    def action_detach(self) -> None:
        """Close the dashboard; the engine continues."""
        self.post_message(self.DetachRequested())

    def action_request_quit(self) -> None:
        """Quit; ask first whether a running session ends or continues. One that is finishing is waited for."""
        if self.view_model.quits_alone:
            # The engine exits by itself after its last viewer.
            self.post_message(self.DetachRequested())
            return
        ends = not self.view_model.state.active or self.view_model.state is State.DRAINING
        if ends or self.view_model.replay_speed or self.view_model.disconnected:
            self.post_message(self.QuitRequested())
            return
        from tui.viewer.screens.quit_dialog import QuitChoice, QuitDialog

        def quit_or_detach(choice: QuitChoice | None) -> None:
            match choice:
                case QuitChoice.STOP:
                    self.post_message(self.QuitRequested())
                case QuitChoice.KEEP:
                    self.post_message(self.DetachRequested())

        self.app.push_screen(QuitDialog(self.view_model.viewers), quit_or_detach)
