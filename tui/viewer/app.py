"""The viewer: paints what the engine tells, sends what a person asks, and may leave at any time."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec
from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.theme import Theme

from tui.config.schema import Highlight, Style
from tui.errors import ConfigError, EngineError, LivegistError, UsageError
from tui.model.commands import Command, Option, Quit, Start
from tui.model.events import Event, Snapshot
from tui.paths import config_dir, runtime_dir, shipped
from tui.viewer import layout_state as layout_states
from tui.viewer import theme as themes
from tui.viewer.ascii import ascii_driver
from tui.viewer.bindings import DASHBOARD, current_ids, problems
from tui.viewer.driver import FrameDriver
from tui.viewer.frame_rate import FrameRateController
from tui.viewer.highlights import compiled
from tui.viewer.layout_state import LayoutState
from tui.viewer.messages import (
    AlarmRaised,
    CommandRequested,
    CopyRequested,
    DetachRequested,
    GainStepped,
    LayoutChanged,
    QuitRequested,
    SettingChanged,
)
from tui.viewer.screens.dashboard import Dashboard
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.pane import Pane

DEFAULT_THEME = "night"
RETRY_S = 0.5
"""Pause before the viewer looks for an engine that went away."""
THEMES_S = 2.0
"""Seconds between two looks at the person's own themes."""
QUIT_S = 120.0
"""Longest wait for the engine to finish a session, its analysis included, after it was told to quit."""


class EngineConnection(Protocol):
    """The line to an engine: `EngineClient` is one."""

    def events(self) -> AsyncIterator[Event]:
        """Yield a snapshot, then every event until the line is cut; may be called again."""
        ...

    async def send(self, command: Command) -> bool:
        """Send a command; return whether there was a line to send it over."""
        ...


class ExitStatus(msgspec.Struct, frozen=True):
    """How a viewer ended."""

    running: bool
    """Whether a session goes on."""
    path: str = ""
    """Folder of the session; empty if there was none."""
    error: str = ""
    """What went wrong on the way out; empty if nothing did."""

    def __str__(self) -> str:
        """Return what to print after the screen is gone; empty if there is nothing to say."""
        if self.error:
            return self.error
        if self.running:
            return "Detached; the session goes on. `livegist` returns to it, `livegist stop` ends it."
        return f"The session is saved in {self.path}" if self.path else ""


class LivegistApp(App[ExitStatus]):
    """A viewer of one engine.

    Args:
        client: the line to the engine.
        theme: name of a theme; one that does not exist is a notice, and the default is used.
        fps: frames a second of the level meter.
        low_bandwidth: whether the line to the terminal bears little.
        ascii: whether the terminal knows no more than ASCII.
        keys: other keys for actions, by the action's id.
        highlights: what stands out when it is said, as the config has it.
        start: sent after the first snapshot if no session is live.
        options: settings that every session started here gets.
        layout_file: remembers which panes are seen; `None` for nothing.
        clock: seconds that only go up.
    """

    TITLE = "livegist"
    CSS_PATH = Path(__file__).with_name("viewer.tcss")
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "request_quit", show=False, system=True, priority=False),
    ]

    def __init__(
        self,
        client: EngineConnection,
        *,
        theme: str,
        fps: int,
        low_bandwidth: bool = False,
        ascii: bool = False,
        keys: Mapping[str, str],
        highlights: Mapping[str, Style | Highlight] | None = None,
        start: Start | None = None,
        options: Mapping[str, Option] | None = None,
        layout_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        if self.no_color:
            from tui.viewer.no_color import colourless_driver

            self.driver_class = colourless_driver(self.driver_class)
        if ascii:
            self.driver_class = ascii_driver(self.driver_class)
        self._client = client
        self._start = start
        self._leaving = False
        self._keys, self._old_id_notices = current_ids(keys)
        self._layout_file = layout_file
        rules, self._rule_problems = compiled(highlights or {})
        self.dashboard = Dashboard(
            pace=FrameRateController(fps, low_bandwidth=low_bandwidth),
            keys=self._keys,
            options=options,
            rules=rules,
            themes=self._theme_names,
            layout_state=layout_states.load(layout_file) if layout_file else LayoutState(),
            clock=clock,
        )
        self._themes: list[Theme] = []
        self._theme_folders = (shipped("themes"), config_dir() / "themes")
        self._theme_files: dict[str, int] = {}
        first, self._theme_problem = themes.choose(theme, DEFAULT_THEME, *self._theme_folders)
        self.register_theme(first)
        # Set without its watcher: that would have every style worked out twice before the first frame.
        self.set_reactive(LivegistApp.theme, first.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self._refresh_truecolor_filter(self.ansi_theme)
        self.set_keymap(self._keys)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our own variables for the moment before a theme of ours is in force."""
        speakers = {f"speaker-{number}": "ansi_default" for number in range(1, themes.SPEAKERS + 1)}
        return {**dict.fromkeys(("muted", "rule", "selection", "selection-text"), "ansi_default"), **speakers}

    def get_driver_class(self) -> type[Driver]:
        """Return the terminal's driver; that of a Unix terminal is ours."""
        found = super().get_driver_class()
        return FrameDriver if found is LinuxDriver else found

    def get_default_screen(self) -> Screen[None]:
        """Return the dashboard."""
        return self.dashboard

    async def on_event(self, event: events.Event) -> None:
        """Do at once what a key is for, and hold back what is typed until a screen that was opened takes keys.

        A slow line brings several keys in one piece. Textual sends each down to the focus and has it come up again
        before it looks what it is for, so that those behind one that opens a screen would get lost.
        """
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded and self._is_mounted:
            await self.screen._mounted_event.wait()
            written = self.focused is not None and not isinstance(self.focused, CellWidget)
            if isinstance(event, events.Key) and self.app_focus and not written:
                await self._check_bindings(event.key, priority=True) or await self._check_bindings(event.key)
                return
        await super().on_event(event)

    def on_ready(self) -> None:
        """Connect, now that the first frame is painted; say what is wrong with themes and keys."""
        self.run_worker(self._receive_events(), name="listen", exclusive=True)
        bindings = [*DASHBOARD, *(binding for binding in Pane.BINDINGS if isinstance(binding, Binding))]
        self._notify_user([*self._old_id_notices, *problems(self._keys, bindings)])
        self._notify_user(self._rule_problems)
        broken = self._load_themes()
        self._notify_user(broken)
        if self._theme_problem is not None and self._theme_problem.message not in {found.message for found in broken}:
            self._notify_user([self._theme_problem])
        self.set_interval(THEMES_S, self._reload_themes, name="themes")
        # What is alive now stays: without it in every collection, keys answer sooner.
        gc.freeze()
        gc.enable()

    def _load_themes(self) -> list[ConfigError]:
        """Read all themes and return what is wrong with the person's own."""
        self._theme_files = themes.stamps(self._theme_folders[-1])
        self._themes, broken = themes.load(*self._theme_folders)
        for theme in self._themes:
            self.register_theme(theme)
        return broken

    def _reload_themes(self) -> None:
        """Use the person's own themes as they are now, if their files have changed."""
        if themes.stamps(self._theme_folders[-1]) != self._theme_files:
            self._notify_user(self._load_themes())
            self.refresh_css(animate=False)

    def _notify_user(self, found: Iterable[LivegistError]) -> None:
        for problem in found:
            self.notify(f"{problem.message}\n{problem.hint}", severity="warning", timeout=15, markup=False)

    # The line to the engine

    async def _receive_events(self) -> None:
        """Show events, and come back after a cut, until the person leaves."""
        while True:
            why, hint = "", ""
            try:
                async for event in self._client.events():
                    self._handle_event(event)
                    await asyncio.sleep(0)
            except EngineError as error:
                why, hint = error.message, error.hint
            if self._leaving:
                self.exit(self._exit_status(running=False))
                return
            self.dashboard.set_connection_lost(why, hint)
            await asyncio.sleep(RETRY_S)

    def _handle_event(self, event: Event) -> None:
        self.dashboard.handle_event(event)
        if isinstance(event, Snapshot) and self._start is not None:
            start, self._start = self._start, None
            if not event.state.active:
                self.post_message(CommandRequested(start))

    @on(CommandRequested)
    async def send_order(self, order: CommandRequested) -> None:
        """Pass a command on."""
        try:
            sent = await self._client.send(order.command)
        except UsageError as error:
            self.notify(f"{error.message}\n{error.hint}", severity="warning", markup=False)
            return
        if not sent:
            self.notify("Not done: the engine cannot be heard now.", severity="warning", markup=False)

    @on(GainStepped)
    def amplify(self, louder: GainStepped) -> None:
        """Record louder or softer, if there is a session to record."""
        if self.dashboard.check_action("change_gain", (louder.step_db,)):
            self.dashboard.action_change_gain(louder.step_db)

    @on(CopyRequested)
    async def copy_text(self, wanted: CopyRequested) -> None:
        """Copy to the clipboard at the other end, and say how."""
        from tui.viewer.clipboard import copy

        write = self._driver.write if self._driver is not None else len
        self.notify(await copy(wanted.text, write=write, file=runtime_dir() / "copied.txt"), markup=False)

    @on(AlarmRaised)
    def tell_afar(self, alarm: AlarmRaised) -> None:
        """Ring, notify and run what a highlight asks for."""
        from tui.viewer.notifications import notification

        if alarm.wanted.bell:
            self.bell()
        if alarm.wanted.notify and self._driver is not None:
            self._driver.write(notification(alarm.turn.text, str(alarm.wanted.notify), os.environ))
        if alarm.wanted.command:
            self.run_worker(self._run_for(alarm), name="highlight")

    async def _run_for(self, alarm: AlarmRaised) -> None:
        from tui.viewer.notifications import run_command

        try:
            await run_command(alarm.wanted.command, alarm.turn, os.environ)
        except LivegistError as error:
            self._notify_user([error])

    @on(LayoutChanged)
    def store_layout(self) -> None:
        """Keep which panes are seen, for the next viewer."""
        if self._layout_file is not None:
            layout_states.save(self._layout_file, self.dashboard.body.layout_state)

    @on(SettingChanged)
    def use_setting(self, changed: SettingChanged) -> None:
        """Have a setting hold at once, if it can."""
        if changed.name == "theme" and changed.value in self.available_themes:
            self.theme = str(changed.value)

    def _theme_names(self) -> list[str]:
        return [found.name for found in self._themes]

    # Ways out

    @on(DetachRequested)
    def detach(self) -> None:
        """Leave; the engine goes on."""
        self.exit(self._exit_status(running=self.dashboard.view_model.state.active))

    @on(QuitRequested)
    async def quit_engine(self) -> None:
        """End the engine and leave once it has finished; asked again, leave at once."""
        if self._leaving or not await self._client.send(Quit()):
            self.exit(self._exit_status(running=False))
            return
        self._leaving = True
        if self.dashboard.view_model.state.active:
            self.notify("Finishing the session; q again leaves at once.", timeout=QUIT_S, markup=False)
        self.set_timer(QUIT_S, self._give_up, name="quit")

    def _give_up(self) -> None:
        self.exit(self._exit_status(running=False, trouble="The engine is still finishing. `livegist` returns to it."))

    def _exit_status(self, *, running: bool, trouble: str = "") -> ExitStatus:
        session, unsaved_s = self.dashboard.view_model.session, self.dashboard.view_model.stats.unsaved_s
        if unsaved_s and not running:
            trouble = (
                trouble or f"The disk has not taken the last {unsaved_s:.0f} s; the engine holds them until it does."
            )
        return ExitStatus(running, session.path if session else "", trouble)

    def action_request_quit(self) -> None:
        """Ask, as the key does."""
        if self.screen is self.dashboard:
            self.dashboard.action_request_quit()

    # The palette

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield every action with its key, and the themes; what is not possible now is found, not listed."""
        told = {"show-commands"}
        possible = [active for active in screen.active_bindings.values() if active.enabled]
        for active in possible:
            binding = active.binding
            if binding.id and binding.id not in told:
                told.add(binding.id)
                yield SystemCommand(
                    binding.description.capitalize(),
                    self._about(binding),
                    partial(self.run_action, binding.action, active.node),
                )
        for binding in self._bindings_of(screen):
            if binding.id and binding.id not in told:
                told.add(binding.id)
                yield SystemCommand(
                    f"{binding.description.capitalize()} – not now",
                    self._about(binding),
                    partial(self.notify, f"Not possible now: {binding.description}.", markup=False),
                    discover=False,
                )
        for found in self._themes:
            yield SystemCommand(
                f"Theme: {found.name}", "Use this theme until you leave", partial(self._use, found.name)
            )

    @staticmethod
    def _bindings_of(screen: Screen[object]) -> Iterator[Binding]:
        """Yield what can ever be done on a screen."""
        for found in (screen, *screen.query(Pane)):
            yield from (binding for binding in found.BINDINGS if isinstance(binding, Binding))

    def _about(self, binding: Binding) -> str:
        key = self._keys.get(binding.id or "") or self.get_key_display(binding)
        return f"{binding.tooltip or binding.description}  ({key})"

    def _use(self, name: str) -> None:
        self.theme = name
