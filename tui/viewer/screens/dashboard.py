"""The dashboard: what the engine tells, on one screen."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import Reactive
from textual.screen import UPDATE_PERIOD
from textual.widget import Widget

from tui.model.commands import (
    Analyse,
    Mute,
    Option,
    Pause,
    Recover,
    Seek,
    Start,
    Stop,
    UsePrompt,
)
from tui.model.events import (
    DeviceLevels,
    DevicesListed,
    Event,
    ExtraPromptsChanged,
    GainChanged,
    GistChanged,
    GistDelta,
    LevelChanged,
    MutedChanged,
    Notice,
    PromptChanged,
    PromptsChanged,
    PromptShown,
    Rejected,
    SessionShown,
    SessionsListed,
    SessionStarted,
    Severity,
    Snapshot,
    State,
    StateChanged,
    StatsChanged,
    TurnBookmarked,
    TurnChanged,
    TurnRemoved,
    UntranscribedChanged,
)
from tui.model.transcript import Turn
from tui.presentation.availability import ACTION_STATES, is_available
from tui.presentation.view_model import ViewModel
from tui.text import one_line
from tui.viewer.bindings import DASHBOARD, group_by_topic, help_entry
from tui.viewer.compositor import MAX_FRAMES_WAITING, CellCompositor, frames_waiting
from tui.viewer.empty_state import empty_text
from tui.viewer.frame_rate import FrameRateController
from tui.viewer.highlights import Rule, matching_rules
from tui.viewer.layout_state import LayoutState
from tui.viewer.messages import AlarmRaised, DetachRequested, FollowChanged, LayoutChanged, QuitRequested
from tui.viewer.screens.picker_actions import PickerActions
from tui.viewer.widgets.banner import Alert, Banner
from tui.viewer.widgets.body import Body
from tui.viewer.widgets.footer import Footer, FooterKey
from tui.viewer.widgets.meter import Meter
from tui.viewer.widgets.pane import Pane


class Dashboard(PickerActions):
    """Header, meter, turns, gists, stats and keys."""

    BINDINGS: ClassVar[list[BindingType]] = list(DASHBOARD)
    AUTO_FOCUS = "#turns"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 (an instance attribute to Textual's types)
        (0, "-narrow"),
        (100, "-wide"),
        (160, "-broad"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-short"),
        (20, "-tall"),
        (30, "-high"),
    ]

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """What the keyboard is in. Textual's own paints the whole screen when it changes; here two titles are enough."""

    def __init__(
        self,
        *,
        pace: FrameRateController,
        keys: Mapping[str, str],
        options: Mapping[str, Option] | None = None,
        rules: Sequence[Rule] = (),
        themes: Callable[[], Sequence[str]] = tuple,
        layout_state: LayoutState = LayoutState(),  # noqa: B008 - it is frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(id="dashboard")
        self._compositor = CellCompositor()
        self._painted_at = 0.0
        self._frame_rate = pace
        self._clock = clock
        self._held: dict[tuple[str, int], Event] = {}
        self.view_model = ViewModel()
        self._keys = dict(keys)
        self._options = dict(options or {})
        self.banner = Banner(self.view_model, id="banner")
        self.alert = Alert(id="alert")
        self.meter = Meter(fps=pace.fps, clock=clock, id="meter")
        self._rules = rules
        self._themes = themes
        self.body = Body(self.view_model, rules=rules, id="body")
        self.body.set_layout(layout_state)
        self.keybar = Footer(id="keys")

    def compose(self) -> ComposeResult:
        """Lay out the parts."""
        # Textual sets these classes after the first layout, which would style, lay out and paint everything twice.
        for size, breakpoints in zip(
            self.app.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True
        ):
            self.add_class(max(found for found in breakpoints or () if found[0] <= size)[1])
        yield self.banner
        yield self.alert
        yield self.meter
        yield self.body
        yield self.keybar

    def on_mount(self) -> None:
        """Say what to expect, and keep the footer true."""
        if self.body.layout_state.zoomed == "gists":
            self.body.gists.focus()
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())
        self._show_state()

    def on_idle(self) -> None:
        """Paint at once what has changed; only what follows within a frame waits for Textual's timer."""
        if time.monotonic() - self._painted_at >= UPDATE_PERIOD:
            self._on_timer_update()

    def _on_timer_update(self) -> None:
        """Paint, unless the terminal is behind: what waits merges, and the newest is painted once it has caught up."""
        now = time.monotonic()
        if frames_waiting(self.app._driver) < MAX_FRAMES_WAITING:
            self._painted_at = now
            self._frame_rate.mark_fast(now)
            super()._on_timer_update()
        else:
            self._frame_rate.mark_slow(now)
        self.meter.fps = self._frame_rate.fps

    # What the engine says

    def handle_event(self, event: Event) -> None:
        """Take in an event and show what it changes."""
        if isinstance(event, TurnChanged):
            self._alarm(event.turn)
        self.view_model.apply(event)
        self.meter.show_speech(self.view_model.speech)
        if not self._hold(event):
            self.body.handle_event(event)
        match event:
            case LevelChanged():
                clipped = self.meter.clipped
                self.meter.feed(event)
                if self.meter.clipped != clipped:
                    self.refresh_bindings()
            case TurnChanged(turn=turn) if turn.final:
                self.refresh_bindings()
            case GistChanged(gist=gist) if gist.status.over:
                self.refresh_bindings()
            case TurnBookmarked():
                self.refresh_bindings()
            case StatsChanged():
                self.banner.touch()
            case StateChanged(state=state):
                self._show_state()
                session = self.view_model.session
                whole = not (self.view_model.replay_speed or self.view_model.stats.unsaved_s)
                if state is State.ENDED and session is not None and session.path and whole:
                    self.notify(f"Saved in {one_line(session.path)}", title="Session ended", markup=False)
            case Notice(severity=severity, text=text, hint=hint):
                self._toast(severity, text, hint)
            case Rejected(text=text, hint=hint):
                if self._devices is not None and self._devices.waiting:
                    self._devices.action_cancel()
                self._toast(Severity.WARNING, text, hint)
            case DevicesListed(devices=devices):
                self.pick_device(devices)
            case DeviceLevels():
                self.hear_devices(event)
            case SessionsListed(sessions=sessions):
                self.pick_session(sessions)
            case PromptShown():
                self.show_prompt(event)
            case SessionShown(snapshot=snapshot):
                from tui.viewer.screens.history import PastSessionScreen

                self.app.push_screen(PastSessionScreen(snapshot, self._rules))
            case Snapshot():
                self.banner.cut = False
                self._show_state()
            case PromptChanged() | ExtraPromptsChanged():
                if self.body.gists.alone not in self.view_model.asking or len(self.view_model.asking) < 2:
                    self.body.gists.show_alone("")
                self._show_state()
                self.offer_the_rest(self._keys.get("ask-all", "b"))
            case GainChanged(gain_db=gain_db):
                self._show_state()
                if self._devices is not None:
                    self._devices.amplify(gain_db)
            case SessionStarted() | PromptsChanged() | MutedChanged() | UntranscribedChanged():
                self._show_state()

    def _alarm(self, turn: Turn) -> None:
        """Have a turn told that has just ended and holds what a person waits for."""
        old = self.view_model.transcript.get(turn.number)
        if turn.final and not (old is not None and old.final) and not self.view_model.replay_speed:
            for rule in matching_rules(turn.text, self._rules):
                self.post_message(AlarmRaised(rule.action, turn))

    def _hold(self, event: Event) -> bool:
        """Keep back what is still growing if the line bears no more of it now; return whether it was kept back."""
        match event:
            case TurnChanged(turn=turn) if not turn.final and self._frame_rate.hold_s:
                key = ("turn", turn.number)
            case GistDelta(number=number) if self._frame_rate.hold_s:
                key = ("gist", number)
            case TurnChanged(turn=turn):
                self._held.pop(("turn", turn.number), None)
                return False
            case TurnRemoved(number=number):
                self._held.pop(("turn", number), None)
                return False
            case Snapshot() | SessionStarted():
                self._held.clear()
                return False
            case _:
                return False
        if not self._held:
            self.set_timer(self._frame_rate.hold_s, self._show_held, name="held")
        self._held[key] = event
        return True

    def _show_held(self) -> None:
        """Show how far what was kept back has grown."""
        held, self._held = self._held, {}
        for event in held.values():
            self.body.handle_event(event)

    def set_connection_lost(self, why: str = "", hint: str = "") -> None:
        """Say that the engine cannot be heard."""
        self.banner.cut = True
        self.alert.say(
            "bad",
            why or "The line to the engine was cut.",
            f"{hint} Still trying; q leaves.".strip() if why else "Connecting again…",
        )
        self._show_state()

    def _show_state(self) -> None:
        picture = self.view_model
        silent = picture.state is State.DRAINING or picture.paused or self.banner.cut
        listening = picture.state.active and not silent
        self.banner.touch()
        self.meter.show_state(listening=listening, muted=picture.muted, gain_db=picture.gain_db)
        self.body.turns.set_empty_text(empty_text(picture, cut=self.banner.cut))
        if not self.banner.cut:
            troubled = picture.state in (State.FAILED, State.RECONNECTING)
            ink = "bad" if picture.state is State.FAILED else "warn"
            self.alert.say(ink, picture.reason if troubled else "", picture.hint)
        self.refresh_bindings()

    def _toast(self, severity: Severity, text: str, hint: str) -> None:
        told = one_line(text, 600) + (f"\n{one_line(hint, 600)}" if hint else "")
        match severity:
            case Severity.INFO:
                self.notify(told, markup=False)
            case Severity.WARNING:
                self.notify(told, severity="warning", timeout=10, markup=False)
            case Severity.ERROR:
                self.notify(told, severity="error", timeout=20, markup=False)

    # What is possible

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether an action is possible now."""
        match action:
            case "clear_clip":
                return self.meter.clipped
            case "follow" | "search":
                return self.body.count > 0
            case "copy":
                return self.body.pane.count > 0
            case "toggle_bookmarks":
                return bool(self.view_model.bookmarks) or self.body.turns.narrowed
            case "go_to_match":
                return bool(self.body.pane.needle)
        return is_available(self.view_model, action, parameters) and not (self.banner.cut and action in ACTION_STATES)

    def _show_keys(self) -> None:
        if not self.is_mounted:
            return
        now = {active.binding.id: active.binding for active in self.active_bindings.values() if active.enabled}
        offered = [
            FooterKey(self.app.get_key_display(now[known.id]), known.description, _addressed(known.action))
            for known in DASHBOARD
            if known.show and known.id in now
        ]
        self.keybar.show(offered)

    # Keys

    def action_start(self) -> None:
        """Start a session."""
        self._order(Start(dict(self._options)))

    def action_recover(self) -> None:
        """Have the rest of a session transcribed."""
        self._order(Recover(self.view_model.untranscribed[0], dict(self._options)))

    def action_stop(self) -> None:
        """Stop the session."""
        self._order(Stop())

    def action_mute(self) -> None:
        """Mute, or no longer; have a replay stand still, or go on."""
        picture = self.view_model
        self._order(Pause(not picture.paused) if picture.replay_speed else Mute(not picture.muted))

    def action_seek(self, seconds: int) -> None:
        """Go back or on in a replay."""
        self._order(Seek(self.view_model.stats.elapsed_s + seconds))

    def action_seek_turn(self) -> None:
        """Go on with a replay from the selected turn, or from that of the selected gist."""
        pane, key = self.body.pane, self.body.pane.cursor
        if key is not None and pane is self.body.gists:
            key = self.view_model.gists[key].turn
        turn = self.view_model.transcript.get(key) if key is not None else None
        if turn is not None:
            self._order(Seek(turn.start_s))

    def action_analyse(self) -> None:
        """Have the session so far analysed."""
        self._order(Analyse())

    def action_use_prompt(self, number: int) -> None:
        """Use a prompt by its place; of several that are asked about each turn, show that one alone or all again."""
        id, asking = self.view_model.prompts[number - 1].id, self.view_model.asking
        if id in asking and len(asking) > 1:
            self.body.gists.show_alone("" if self.body.gists.alone == id else id)
        else:
            self._order(UsePrompt(id))

    def action_step_prompt(self, step: int) -> None:
        """Use the prompt before or after."""
        ids = [prompt.id for prompt in self.view_model.prompts]
        at = ids.index(self.view_model.prompt) if self.view_model.prompt in ids else -step
        self._order(UsePrompt(ids[(at + step) % len(ids)]))

    def action_follow(self) -> None:
        """Follow the newest entries, or stay put."""
        self.body.toggle_follow()

    def action_search(self) -> None:
        """Ask what to search for."""
        from tui.viewer.screens.search import SearchScreen

        def found(needle: str | None) -> None:
            self.body.search(needle or "")
            self.body.pane.to_match(-1)
            self.refresh_bindings()

        self.app.push_screen(SearchScreen(self.body.pane.needle, self.body.search), found)

    def action_go_to_match(self, step: int) -> None:
        """Go to another match in the pane with the keyboard."""
        self.body.pane.to_match(step)

    def action_clear_selection(self) -> None:
        """End the search; without one, select nothing."""
        self.body.clear_selection()
        self.refresh_bindings()

    def action_copy(self) -> None:
        """Copy what is selected, or the whole pane."""
        self.body.copy()

    def action_clear_clip(self) -> None:
        """Acknowledge the clip mark."""
        self.meter.acknowledge()
        self.refresh_bindings()

    def action_zoom(self) -> None:
        """Give the pane with the keyboard the whole body, or give it back."""
        self.body.toggle_zoom()
        self.post_message(LayoutChanged())

    def action_toggle_pane(self, name: Literal["gists", "stats"]) -> None:
        """Hide a pane, or show it again."""
        self.body.toggle_hidden(name)
        self.post_message(LayoutChanged())

    def action_help(self) -> None:
        """Show keys and signs."""
        from tui.viewer.screens.help import HelpScreen

        possible = {active.binding.id or "" for active in self.active_bindings.values() if active.enabled}
        pane = [help_entry(found, self._keys, possible) for found in Pane.BINDINGS if isinstance(found, Binding)]
        self.app.push_screen(HelpScreen([(f"In {self.body.pane.NAME}", pane), *group_by_topic(self._keys, possible)]))

    def action_detach(self) -> None:
        """Leave; the engine goes on."""
        self.post_message(DetachRequested())

    def action_request_quit(self) -> None:
        """Leave; ask what becomes of a session that is under way."""
        if not self.view_model.state.active or self.view_model.replay_speed or self.banner.cut:
            self.post_message(QuitRequested())
            return
        from tui.viewer.screens.quit_dialog import QuitChoice, QuitDialog

        def go(way: QuitChoice | None) -> None:
            match way:
                case QuitChoice.STOP:
                    self.post_message(QuitRequested())
                case QuitChoice.KEEP:
                    self.post_message(DetachRequested())

        self.app.push_screen(QuitDialog(self.view_model.stats.viewers), go)

    # What the panes say

    @on(FollowChanged)
    def keep_keys_true(self) -> None:
        """Offer what is possible now."""
        self.refresh_bindings()


def _addressed(action: str) -> str:
    """Return an action as a widget inside the screen has to name it."""
    return action if "." in action else f"screen.{action}"
