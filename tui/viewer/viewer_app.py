"""Base of the viewer's apps: themes, keys, the command palette, messages, the clipboard and alarms."""

import asyncio
import contextlib
import gc
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import App, SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget

from tui.config.schema import Highlight, Style
from tui.errors import ConfigError, LivegistError
from tui.model.transcript import Turn
from tui.paths import config_dir, runtime_dir, shipped
from tui.presentation.highlight_rules import compile_rules
from tui.viewer import command_order
from tui.viewer import layout_state as layout_states
from tui.viewer import theme as themes
from tui.viewer.ascii import ascii_driver
from tui.viewer.bindings import DASHBOARD, current_ids, problems
from tui.viewer.driver import FrameDriver
from tui.viewer.engine_connection import ExitStatus
from tui.viewer.escape_parser import ESCAPE, EscapeThenKey
from tui.viewer.layout_state import LayoutState
from tui.viewer.messages import ReplayRequested
from tui.viewer.replay import NEEDS_TERMINAL, local_replay_command, run_replay
from tui.viewer.screens.dashboard import Dashboard
from tui.viewer.screens.dialog import Dialog
from tui.viewer.screens.explained_actions import ExplainedActions
from tui.viewer.screens.main_screen import FooterScreen, MainScreen
from tui.viewer.wall_bindings import WALL
from tui.viewer.widgets.body import Body
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.pane import Pane

if TYPE_CHECKING:
    from tui.viewer.screens.settings import SettingsScreen

DEFAULT_THEME = "night"
COMMANDS_FILE = "commands.json"
"""Name of the file, beside that of the layout, with the actions run from the command palette."""
FIELD_S = 0.2
"""Longest wait for a text field to handle the keys before a key of its screen."""
THEME_CHECK_S = 2.0
"""Seconds between two checks for changed theme files."""


def _commands() -> type[Provider]:
    """Return the provider of the command palette, which is imported on its first use."""
    from tui.viewer.palette import Commands

    return Commands


async def _until_handled(field: Widget) -> None:
    """Wait until a text field has handled the keys before: a key of the screen may be for its whole text."""
    handled = asyncio.Event()
    field.call_later(handled.set)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIELD_S):
            await handled.wait()


class ViewerApp(App[ExitStatus]):
    """A viewer, without its engines: a subclass connects to them and gives the screens.

    Args:
        theme: name of a theme; for an unknown one the default is used, with a notice.
        ascii: whether the terminal shows ASCII only.
        keys: a person's own keys by action id.
        highlights: words and expressions to highlight in turns, as in the config.
        layout_file: stores which panes are hidden or zoomed; `None` to store nothing.
        replay_command: returns the command that replays the session with an id; `None` for sessions of this machine.
    """

    TITLE = "livegist"
    CSS_PATH = Path(__file__).with_name("viewer.tcss")
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "request_quit", show=False, system=True, priority=False),
        # With priority, because Textual hides the keys of the app below a dialog.
        Binding("ctrl+z", "suspend_process", show=False, system=True, priority=True),
    ]

    def __init__(
        self,
        *,
        theme: str,
        ascii: bool,
        keys: Mapping[str, str],
        highlights: Mapping[str, Style | Highlight],
        layout_file: Path | None,
        replay_command: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        self._replay_command = replay_command or local_replay_command
        if self.no_color:
            from tui.viewer.no_color import colourless_driver

            self.driver_class = colourless_driver(self.driver_class)
        if ascii:
            self.driver_class = ascii_driver(self.driver_class)
        self._used: list[str] | None = None
        """Ids of the actions run from the command palette, the newest first; `None` before they are needed."""
        self._keys, self._old_id_notices = current_ids(keys)
        self._layout_file = layout_file
        self._rules, self._rule_problems = compile_rules(highlights)
        self._themes: list[Theme] = []
        self._theme_folders = (shipped("themes"), config_dir() / "themes")
        self._theme_files: dict[str, int] = {}
        first, self._theme_problem = themes.choose(theme, DEFAULT_THEME, *self._theme_folders)
        self.register_theme(first)
        # Set without its watcher, which would compute every style twice before the first frame.
        self.set_reactive(ViewerApp.theme, first.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self._refresh_truecolor_filter(self.ansi_theme)
        self.set_keymap(self._keys)

    @property
    def open_dashboard(self) -> Dashboard | None:
        """The dashboard that is open; `None` if none is."""
        raise NotImplementedError

    def _connect(self) -> None:
        """Begin to receive events."""
        raise NotImplementedError

    def _key_problems(self) -> list[ConfigError]:
        """Return the errors in a person's own keys."""
        dashboard = [*DASHBOARD, *(binding for binding in Pane.BINDINGS if isinstance(binding, Binding))]
        return problems(self._keys, dashboard, elsewhere=WALL)

    def _stored_layout(self) -> LayoutState:
        """Return which panes the last viewer left hidden or zoomed."""
        return layout_states.load(self._layout_file) if self._layout_file else LayoutState()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return defaults of the viewer's own CSS variables, used until one of its themes is set."""
        speakers = {f"speaker-{number}": "ansi_default" for number in range(1, themes.SPEAKERS + 1)}
        return {**dict.fromkeys(("muted", "rule", "selection", "selection-text"), "ansi_default"), **speakers}

    def get_driver_class(self) -> type[Driver]:
        """Return the driver of the terminal: `FrameDriver` on a Unix terminal, else Textual's own."""
        found = super().get_driver_class()
        return FrameDriver if found is LinuxDriver else found

    async def on_event(self, event: events.Event) -> None:
        """Run a key's action at once, and delay keys until a screen that was just opened accepts them.

        Over a slow connection several keys arrive together. Textual passes each key to the focused widget and back
        before it runs an action, so keys that follow one that opens a screen would be lost. For the same reason an
        escape may look like the beginning of an alt chord; it is one only if the chord does something.
        """
        if isinstance(event, EscapeThenKey):
            found = self.screen.active_bindings.get(event.key)
            chord = found is not None and found.enabled
            for key in [events.Key(event.key, None)] if chord else [events.Key("escape", ESCAPE), event.following]:
                await self.on_event(key)
            return
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded and self._is_mounted:
            await self.screen._mounted_event.wait()
            typing = self.focused is not None and not isinstance(self.focused, CellWidget)
            if isinstance(event, events.Key) and typing and not event.is_printable and self._explain_key(event.key):
                return
            if isinstance(event, events.Key) and self.app_focus and not typing:
                if not (await self._check_bindings(event.key, priority=True) or await self._check_bindings(event.key)):
                    self._explain_key(event.key)
                return
            if isinstance(event, events.Key) and typing and self.focused is not None:
                bound = self.screen.active_bindings.get(event.key)
                if bound is not None and bound.binding.priority:
                    await _until_handled(self.focused)
        await super().on_event(event)

    def _explain_key(self, key: str) -> bool:
        """Say why a key that is bound can do nothing; return whether that is so."""
        found = self.screen.active_bindings.get(key)
        if found is None or found.enabled or not isinstance(self.screen, MainScreen | ExplainedActions | Dialog):
            return False
        self.screen.explain_unavailable(found.binding)
        return True

    def on_ready(self) -> None:
        """Connect after the first frame is painted; notify errors in keys, highlights and themes."""
        self._connect()
        self._notify_errors([*self._old_id_notices, *self._key_problems()])
        self._notify_errors(self._rule_problems)
        broken = self._load_themes()
        self._notify_errors(broken)
        if self._theme_problem is not None and self._theme_problem.message not in {found.message for found in broken}:
            self._notify_errors([self._theme_problem])
        self.set_interval(THEME_CHECK_S, self._reload_themes, name="themes")
        # Present objects live until the end: without them in each garbage collection, keys respond sooner.
        gc.freeze()
        gc.enable()

    def _load_themes(self) -> list[ConfigError]:
        """Load all themes and return the errors in theme files."""
        self._theme_files = themes.modification_times(self._theme_folders[-1])
        self._themes, broken = themes.load(*self._theme_folders)
        for theme in self._themes:
            self.register_theme(theme)
        return broken

    def _reload_themes(self) -> None:
        """Load the themes again if a theme file has changed."""
        if themes.modification_times(self._theme_folders[-1]) != self._theme_files:
            self._notify_errors(self._load_themes())
            self.refresh_css(animate=False)

    def _notify_errors(self, errors: Iterable[LivegistError]) -> None:
        for error in errors:
            self.notify(f"{error.message}\n{error.hint}", severity="error", timeout=15, markup=False)

    # Requests of the screens

    @on(ReplayRequested)
    def replay_session(self, request: ReplayRequested) -> None:
        """Run a replay in this terminal; the engine goes on meanwhile."""
        try:
            with self.suspend():
                error = run_replay(self._replay_command(request.session))
        except SuspendNotSupported:
            error = NEEDS_TERMINAL
        if error:
            self.notify(error, severity="warning", markup=False)

    @on(Body.CopyRequested)
    async def copy_text(self, request: Body.CopyRequested) -> None:
        """Copy text to the terminal's clipboard, and notify how."""
        from tui.viewer.clipboard import copy

        write = self._driver.write if self._driver is not None else len
        self.notify(await copy(request.text, write=write, file=runtime_dir() / "copied.txt"), markup=False)

    @on(Dashboard.HighlightMatched)
    def handle_highlight(self, match: Dashboard.HighlightMatched) -> None:
        """Raise the alarms of a highlight."""
        self.raise_alarm(match.highlight, match.turn)

    def raise_alarm(self, highlight: Highlight, turn: Turn, room: str = "") -> None:
        """Ring the bell, show a desktop notification and run the command, as a highlight says.

        Args:
            highlight: the highlight that matches.
            turn: the turn that it matches.
            room: name of the turn's room; empty if the viewer shows one engine.
        """
        from tui.viewer.notifications import notification

        if highlight.bell:
            self.bell()
        if highlight.notify and self._driver is not None:
            text = f"{room}: {turn.text}" if room else turn.text
            self._driver.write(notification(text, str(highlight.notify), os.environ))
        if highlight.command:
            self.run_worker(self._run_command(highlight.command, turn, room), name="highlight")

    async def _run_command(self, command: str, turn: Turn, room: str) -> None:
        from tui.viewer.notifications import run_command

        try:
            await run_command(command, turn, os.environ, room=room)
        except LivegistError as error:
            self._notify_errors([error])

    @on(Dashboard.LayoutChanged)
    def store_layout(self) -> None:
        """Store which panes are hidden or zoomed, for the next viewer."""
        if self._layout_file is not None and self.open_dashboard is not None:
            layout_states.save(self._layout_file, self.open_dashboard.body.layout_state)

    def on_settings_screen_setting_previewed(self, message: "SettingsScreen.SettingPreviewed") -> None:
        """Apply a setting that takes effect immediately."""
        if message.name == "theme" and message.value in self.available_themes:
            self.theme = str(message.value)

    def _theme_names(self) -> list[str]:
        return [theme.name for theme in self._themes]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action of the app is possible now: `ctrl+z` undoes in an editor of several lines."""
        if action == "suspend_process":
            from textual.widgets import TextArea

            return not isinstance(self.focused, TextArea)
        return super().check_action(action, parameters)

    def action_suspend_process(self) -> None:
        """Suspend the viewer until `fg`; do nothing without a shell with job control, for nothing would resume it."""
        if os.getpgrp() == os.getsid(0):
            self.notify("Not suspended: no shell with job control runs livegist.", severity="warning", markup=False)
            return
        super().action_suspend_process()

    @on(Driver.SignalResume)
    def repaint(self) -> None:
        """Paint the whole screen again after `fg`: the terminal has forgotten it."""
        self.refresh(layout=True)

    # Command palette

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the actions of the screen and the themes."""
        from tui.viewer.palette import action_commands, dialog_commands, theme_commands

        if isinstance(screen, MainScreen):
            yield from action_commands(
                self,
                screen,
                self._keys,
                screen.command_titles(),
                [*self._used_actions(), *screen.useful_actions()],
                self._use,
            )
        else:
            yield from dialog_commands(self, screen)
        yield from theme_commands(self, self._theme_names())

    def _use(self, id: str) -> None:
        """Offer an action that was run from the palette first the next time, also in another viewer."""
        self._used = [id, *(used for used in self._used_actions() if used != id)]
        if self._layout_file is not None:
            command_order.save(self._layout_file.with_name(COMMANDS_FILE), self._used)

    def _used_actions(self) -> list[str]:
        if self._used is None:
            file = self._layout_file
            self._used = command_order.load(file.with_name(COMMANDS_FILE)) if file is not None else []
        return self._used

    # Messages

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show an error over the screen, and anything else in the footer of the screen or in the border of a dialog."""
        if severity == "error":
            super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
            return
        # Also below a dialog, where it is still to be read when the dialog closes.
        for screen in self.screen_stack:
            if isinstance(screen, Dialog | FooterScreen):
                screen.show_status(message, warning=severity == "warning", seconds=timeout)
