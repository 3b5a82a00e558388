"""The dashboard: what the engine tells, on one screen."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from tui.model.commands import Analyse, Command, ListDevices, Mute, Option, Start, Stop, UsePrompt, UseSource
from tui.model.events import (
    DeviceInfo,
    DevicesListed,
    Event,
    LevelChanged,
    MutedChanged,
    Notice,
    PromptChanged,
    PromptsChanged,
    Rejected,
    SessionStarted,
    Severity,
    Snapshot,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.viewer.cells import MOST_WAITING, CellsCompositor, waiting
from tui.viewer.inert import one_line
from tui.viewer.invitation import invitation
from tui.viewer.keys import DASHBOARD
from tui.viewer.messages import Detach, FollowChanged, Order, QuitEngine
from tui.viewer.picture import Picture
from tui.viewer.widgets.banner import Alert, Banner
from tui.viewer.widgets.body import Body
from tui.viewer.widgets.keybar import KeyBar, Possible
from tui.viewer.widgets.meter import Meter
from tui.viewer.widgets.pane import Pane

TOAST = {Severity.INFO: "information", Severity.WARNING: "warning", Severity.ERROR: "error"}


class Dashboard(Screen[None]):
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
        fps: int,
        keys: Mapping[str, str],
        options: Mapping[str, Option] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(id="dashboard")
        self._compositor = CellsCompositor()
        self.picture = Picture()
        self._keys = dict(keys)
        self._options = dict(options or {})
        self.banner = Banner(self.picture, id="banner")
        self.alert = Alert(id="alert")
        self.meter = Meter(fps=fps, clock=clock, id="meter")
        self.body = Body(self.picture, id="body")
        self.keybar = KeyBar(id="keys")

    def compose(self) -> ComposeResult:
        """Lay out the parts."""
        yield self.banner
        yield self.alert
        yield self.meter
        yield self.body
        yield self.keybar

    def on_mount(self) -> None:
        """Say what to expect, and keep the footer true."""
        # Textual sets these classes after the first layout, which would lay out and paint everything twice.
        for size, breakpoints in zip(
            self.app.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True
        ):
            self.add_class(max(found for found in breakpoints or () if found[0] <= size)[1])
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())
        self._show_state()

    def _on_timer_update(self) -> None:
        """Paint, unless the terminal is behind: what waits merges, and the newest is painted once it has caught up."""
        if waiting(self.app._driver) < MOST_WAITING:
            super()._on_timer_update()

    # What the engine says

    def hear(self, event: Event) -> None:
        """Take in an event and show what it changes."""
        clipped = self.meter.clipped
        self.picture.apply(event)
        self.body.hear(event)
        match event:
            case LevelChanged():
                self.meter.feed(event)
                if self.meter.clipped != clipped:
                    self.refresh_bindings()
            case TurnChanged(turn=turn) if turn.final:
                self.refresh_bindings()
            case StatsChanged():
                self.banner.touch()
            case StateChanged(state=state):
                self._show_state()
                if state is State.ENDED and self.picture.session is not None and self.picture.session.path:
                    self.notify(f"Saved in {one_line(self.picture.session.path)}", title="Session ended", markup=False)
            case Notice(severity=severity, text=text, hint=hint):
                self._toast(severity, text, hint)
            case Rejected(text=text, hint=hint):
                self._toast(Severity.WARNING, text, hint)
            case DevicesListed(devices=devices):
                self._pick_device(devices)
            case Snapshot():
                self.banner.cut = False
                self._show_state()
            case SessionStarted() | PromptChanged() | PromptsChanged() | MutedChanged():
                self._show_state()

    def line_cut(self, why: str = "", hint: str = "") -> None:
        """Say that the engine cannot be heard."""
        self.banner.cut = True
        leave = "q leaves; `livegist` then starts another engine."
        self.alert.say(
            "bad", why or "The line to the engine was cut.", f"{hint} {leave}" if why else "Connecting again…"
        )
        self._show_state()

    def _show_state(self) -> None:
        picture = self.picture
        listening = picture.state.active and picture.state is not State.DRAINING and not self.banner.cut
        self.banner.touch()
        self.meter.show_state(listening=listening, muted=picture.muted)
        self.body.turns.invite(invitation(picture, cut=self.banner.cut))
        if not self.banner.cut:
            troubled = picture.state in (State.FAILED, State.RECONNECTING)
            ink = "bad" if picture.state is State.FAILED else "warn"
            self.alert.say(ink, picture.why if troubled else "", picture.hint)
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
        picture = self.picture
        reachable = picture.known and not self.banner.cut
        match action, parameters:
            case "start", _:
                return reachable and not picture.state.active
            case (("stop" | "mute" | "devices"), _):
                return reachable and picture.state.active and picture.state is not State.DRAINING
            case "analyse", _:
                return reachable and any(turn.final for turn in picture.transcript)
            case (("pick" | "prompt_step"), _):
                return reachable and bool(picture.prompts)
            case "prompt", (int(number),):
                return reachable and number <= len(picture.prompts)
            case "clear_clip", _:
                return self.meter.clipped
            case (("follow" | "search"), _):
                return self.body.count > 0
            case "copy", _:
                return self.body.pane.count > 0
            case "to_match", _:
                return bool(self.body.pane.needle)
        return True

    def _show_keys(self) -> None:
        if not self.is_mounted:
            return
        now = {active.binding.id: active.binding for active in self.active_bindings.values() if active.enabled}
        possible = [
            Possible(self.app.get_key_display(now[known.id]), known.description, _addressed(known.action))
            for known in DASHBOARD
            if known.show and known.id in now
        ]
        self.keybar.show(possible)

    # Keys

    def action_start(self) -> None:
        """Start a session."""
        self._order(Start(dict(self._options)))

    def action_stop(self) -> None:
        """Stop the session."""
        self._order(Stop())

    def action_mute(self) -> None:
        """Mute, or no longer."""
        self._order(Mute(not self.picture.muted))

    def action_analyse(self) -> None:
        """Have the session so far analysed."""
        self._order(Analyse())

    def action_prompt(self, number: int) -> None:
        """Use a prompt by its place."""
        self._order(UsePrompt(self.picture.prompts[number - 1].id))

    def action_prompt_step(self, step: int) -> None:
        """Use the prompt before or after."""
        ids = [prompt.id for prompt in self.picture.prompts]
        at = ids.index(self.picture.prompt) if self.picture.prompt in ids else -step
        self._order(UsePrompt(ids[(at + step) % len(ids)]))

    def action_pick(self) -> None:
        """Choose a prompt from a list."""
        from tui.viewer.screens.picker import PromptPicker

        def use(prompt: str | None) -> None:
            if prompt is not None and prompt != self.picture.prompt:
                self._order(UsePrompt(prompt))

        self.app.push_screen(PromptPicker(self.picture.prompts, self.picture.prompt), use)

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

    def action_to_match(self, step: int) -> None:
        """Go to another match in the pane with the keyboard."""
        self.body.pane.to_match(step)

    def action_let_go(self) -> None:
        """End the search; without one, select nothing."""
        self.body.let_go()
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

    def action_devices(self) -> None:
        """Ask what there is to record from."""
        self._order(ListDevices())

    def _pick_device(self, devices: tuple[DeviceInfo, ...]) -> None:
        from tui.viewer.screens.devices import DevicePicker

        def use(source: str | None) -> None:
            if source is not None:
                self._order(UseSource(source))

        self.app.push_screen(DevicePicker(devices, self.picture.stats.device), use)

    def action_help(self) -> None:
        """Show keys and signs."""
        from tui.viewer.screens.help import HelpScreen

        self.app.push_screen(
            HelpScreen([("Everywhere", self._keys_of(DASHBOARD)), ("In a pane", self._keys_of(Pane.BINDINGS))])
        )

    def action_detach(self) -> None:
        """Leave; the engine goes on."""
        self.post_message(Detach())

    def action_leave(self) -> None:
        """Leave; ask what becomes of a session that is under way."""
        if not self.picture.state.active or self.banner.cut:
            self.post_message(QuitEngine())
            return
        from tui.viewer.screens.leave import Leave, LeaveScreen

        def go(way: Leave | None) -> None:
            match way:
                case Leave.STOP:
                    self.post_message(QuitEngine())
                case Leave.KEEP:
                    self.post_message(Detach())

        self.app.push_screen(LeaveScreen(self.picture.stats.viewers), go)

    # What the panes say

    @on(FollowChanged)
    def keep_keys_true(self) -> None:
        """Offer what is possible now."""
        self.refresh_bindings()

    def _keys_of(self, bindings: Iterable[BindingType]) -> list[tuple[str, str, str]]:
        """Return key, what it does and id, for the help; the prompts' nine keys as one unless they were changed."""
        rows: list[tuple[str, str, str]] = []
        for binding in bindings:
            match binding:
                case Binding(id="prompt-1" as id) if id not in self._keys:
                    rows.append(("1 … 9", "Use the prompt at that place from now on", "prompt-1 … prompt-9"))
                case Binding(action=action, id=str(id)) if not action.startswith("prompt(") or id in self._keys:
                    key = self._keys.get(id) or binding.key_display or binding.key.replace(",", " ")
                    rows.append((key, binding.tooltip or binding.description, id))
        return rows

    def _order(self, command: Command) -> None:
        self.post_message(Order(command))


def _addressed(action: str) -> str:
    """Return an action as a widget inside the screen has to name it."""
    return action if "." in action else f"screen.{action}"
