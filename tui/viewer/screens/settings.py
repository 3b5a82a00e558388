"""Settings screen: settings by group with value and origin; changes are written to the config file."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from tui.config.edit import write
from tui.config.load import ENVIRONMENT, load, parse_value
from tui.config.schema import FIELDS, Scalar, Settings, allowed, choices, description, group, is_table
from tui.errors import ConfigError
from tui.paths import config_file
from tui.text import one_line
from tui.viewer.screens.dialog import Dialog
from tui.viewer.screens.text_input import TextInputScreen
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.choices import Choices, Reader

SHOWN = tuple(name for name in FIELDS if not is_table(name))
"""Settings on the screen; tables are edited in the config file."""
IMMEDIATE = {"theme"}
"""Settings that take effect immediately."""
FIRST = {next(names) for _, names in groupby(SHOWN, key=group)}
"""First setting of each group, whose row shows the title of the group."""
NEXT_START = {"fps", "low_bandwidth", "plain", "ascii"}
"""Settings of the dashboard itself; all others take effect in the next session."""


class SettingsScreen(Dialog[None]):
    """One row per setting, with the name of its group.

    Args:
        offers: values to choose from, by setting, that only the dashboard knows.
        host: name of the engine's machine, which reads its own config file; empty for this one.
    """

    class SettingChanged(Message):
        """A setting was written to the config file."""

        def __init__(self, name: str, value: Scalar) -> None:
            super().__init__()
            self.name = name
            self.value = value

    NAME = "Settings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous setting", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next setting", show=False, key_display="↓ j"),
        Binding("pageup", "step(-8)", "eight settings up", show=False),
        Binding("pagedown", "step(8)", "eight settings down", show=False),
        Binding("enter,space,right", "change(1)", "next value, or enter one", show=False),
        Binding("left", "change(-1)", "previous value", show=False),
        Binding("delete,backspace", "reset", "restore the default: remove it from the file", show=False),
        Binding("escape,q,comma", "dismiss", "back to the dashboard", show=False, key_display="esc"),
    ]

    def __init__(self, offers: Mapping[str, Sequence[str]], host: str = "") -> None:
        super().__init__()
        self._host = host
        self._offers = offers
        self._settings: Settings | None = None

    def compose(self) -> ComposeResult:
        """Lay out the title, the settings, and the description of the selected one."""
        keys = "enter change · del default · ? keys · esc back"
        with Vertical(classes="dialog wide"):
            yield Reader([(Span("Settings  ", "strong"), Span(keys, "muted"))], id="question")
            yield Choices(id="settings")
            yield Reader(id="preview")

    def on_mount(self) -> None:
        """Show the settings in effect."""
        self._show()

    def action_step(self, step: int) -> None:
        """Select another setting."""
        self.query_one(Choices).step(step)
        self._explain()

    def action_choose(self) -> None:
        """Change the selected setting."""
        self.action_change(1)

    def action_change(self, step: int) -> None:
        """Switch to the next value, or ask for a value if they are not enumerated."""
        if self._settings is None:
            return
        name = self._selected
        current = getattr(self._settings.config, name)
        values = self._offers.get(name) or choices(name)
        if values:
            at = list(values).index(current) if current in values else -step
            self._write(name, values[(at + step) % len(values)])
            return

        def take(written: str | None) -> None:
            if written is not None:
                self._write_text(name, written)

        placeholder = f"{name}: {allowed(name)} · esc cancel"
        self.app.push_screen(TextInputScreen(placeholder, str(current)), take)

    def action_reset(self) -> None:
        """Remove the selected setting from the file, which restores its default."""
        self._write(self._selected, None)

    @property
    def _selected(self) -> str:
        return SHOWN[self.query_one(Choices).selected]

    def _write_text(self, name: str, written: str) -> None:
        try:
            value = parse_value(name, written)
        except ConfigError as error:
            self._notify_error(error)
            return
        self._write(name, value)

    def _write(self, name: str, value: Scalar | None) -> None:
        try:
            write(name, value)
        except ConfigError as error:
            self._notify_error(error)
            return
        self._show()
        if self._settings is not None:
            self.post_message(self.SettingChanged(name, getattr(self._settings.config, name)))

    def _show(self) -> None:
        try:
            self._settings = load()
        except ConfigError as error:
            self._settings = None
            self._notify_error(error)
            return
        selected = self.query_one(Choices).selected
        self.query_one(Choices).show([self._row(self._settings, name) for name in SHOWN], selected)
        self._explain()

    def _row(self, settings: Settings, name: str) -> Line:
        value = getattr(settings.config, name)
        text = ("on" if value else "off") if isinstance(value, bool) else one_line(str(value), 50) or "–"
        changed = settings.origin[name] != "default"
        title = group(name) if name in FIRST else ""
        return (Span(f"{title:<20}", "muted"), Span(f"{name:<20}"), Span(text, "accent strong" if changed else ""))

    def _explain(self) -> None:
        if self._settings is None:
            return
        name = self._selected
        origin = self._settings.origin[name]
        when = (
            "immediately" if name in IMMEDIATE else "at the next start" if name in NEXT_START else "in the next session"
        )
        values = [str(value) for value in self._offers.get(name, ())]
        text: list[Line] = [
            (Span(description(name)),),
            (Span(f"Value: {', '.join(values) or allowed(name)}. Takes effect {when}.", "muted"),),
        ]
        if origin.startswith(ENVIRONMENT):
            text.append((Span(f"Set by {origin}, which overrides the file.", "warn"),))
        text.append((Span(f"Saved in {config_file()} on this machine.", "muted"),))
        if self._host and group(name) != group("theme"):
            text[1:] = [(Span(f"No effect on {self._host}: its engine reads its own config file.", "warn"),)]
        self.query_one("#preview", Reader).show(text)

    def _notify_error(self, error: ConfigError) -> None:
        self.notify(f"{error.message}\n{error.hint}", severity="warning", timeout=15, markup=False)
