"""The settings that people change: shown with where each comes from, written back to the config file."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui import config, config_file
from tui.config import Option, Settings
from tui.errors import ConfigError
from tui.paths import config_file as usual_file
from tui.viewer.inert import one_line
from tui.viewer.lines import Line, Span
from tui.viewer.messages import SettingChanged
from tui.viewer.screens.dialog import Dialog
from tui.viewer.screens.line import LineScreen
from tui.viewer.widgets.choices import Choices, Reader

CHANGED = (
    "theme",
    "fps",
    "source",
    "prompt",
    "engine",
    "speech_model",
    "llm_model",
    "max_tokens",
    "format_turns",
    "analyse_at_end",
    "gist_timeout_s",
    "private",
    "flac",
    "keep_days",
    "keep_tagged",
    "unattended_minutes",
    "mic_latency_ms",
    "mic_channels",
    "hook_command",
    "url",
    "llm_url",
    "local_model",
)
"""Names of the settings on the screen; the others are for an editor."""
AT_ONCE = {"theme"}
"""Settings that hold as soon as they are written."""
NEXT_START = {"fps"}
"""Settings of the dashboard itself; all others hold from the next session on."""


class SettingsScreen(Dialog[None]):
    """Settings, one a row.

    Args:
        offers: values to choose from, by setting, where only the dashboard knows them.
    """

    NAME = "Settings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "the row above", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "the row below", show=False, key_display="↓ j"),
        Binding("pageup", "step(-8)", "eight rows up", show=False),
        Binding("pagedown", "step(8)", "eight rows down", show=False),
        Binding("enter,space,right", "change(1)", "the next value, or write one", show=False),
        Binding("left", "change(-1)", "the value before", show=False),
        Binding("delete,backspace", "reset", "take it out of the file: the default holds", show=False),
        Binding("escape,q,comma", "dismiss", "back to the dashboard", show=False, key_display="esc"),
    ]

    def __init__(self, offers: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self._offers = offers
        self._described = config.documentation()
        self._settings: Settings | None = None

    def compose(self) -> ComposeResult:
        """Lay out the file's name, the settings, and what the marked one is for."""
        keys = "enter changes · del takes the default · ? keys · esc back"
        with Vertical(classes="dialog wide"):
            yield Reader([(Span("Settings  ", "strong"), Span(keys, "muted"))], id="question")
            yield Choices(id="settings")
            yield Reader(id="preview")

    def on_mount(self) -> None:
        """Show what is in force."""
        self._show()

    def action_step(self, step: int) -> None:
        """Mark another setting."""
        self.query_one(Choices).step(step)
        self._explain()

    def action_choose(self) -> None:
        """Change the marked setting."""
        self.action_change(1)

    def action_change(self, step: int) -> None:
        """Take the next value of those there are, or ask for one."""
        if self._settings is None:
            return
        name = self._marked
        now = getattr(self._settings.config, name)
        values = self._offers.get(name) or config.choices(name)
        if values:
            at = list(values).index(now) if now in values else -step
            self._write(name, values[(at + step) % len(values)])
            return

        def take(written: str | None) -> None:
            if written is not None:
                self._take(name, written)

        asked = f"{name}: {config.allowed(name)} · enter writes it · esc back"
        self.app.push_screen(LineScreen(asked, str(now)), take)

    def action_reset(self) -> None:
        """Take the marked setting out of the file: its default holds."""
        self._write(self._marked, None)

    @property
    def _marked(self) -> str:
        return CHANGED[self.query_one(Choices).marked]

    def _take(self, name: str, written: str) -> None:
        try:
            value = config.typed(name, written)
        except ConfigError as error:
            self._complain(error)
            return
        self._write(name, value)

    def _write(self, name: str, value: Option | None) -> None:
        try:
            config_file.write(name, value)
        except ConfigError as error:
            self._complain(error)
            return
        self._show()
        if self._settings is not None:
            self.post_message(SettingChanged(name, getattr(self._settings.config, name)))

    def _show(self) -> None:
        try:
            self._settings = config.load()
        except ConfigError as error:
            self._settings = None
            self._complain(error)
            return
        marked = self.query_one(Choices).marked
        self.query_one(Choices).show([self._row(self._settings, name) for name in CHANGED], marked)
        self._explain()

    def _row(self, settings: Settings, name: str) -> Line:
        value = getattr(settings.config, name)
        told = ("on" if value else "off") if isinstance(value, bool) else one_line(str(value), 50) or "–"
        own = settings.origin[name] != "default"
        return (Span(f"{name:<20}"), Span(told, "accent strong" if own else ""))

    def _explain(self) -> None:
        if self._settings is None:
            return
        name = self._marked
        origin = self._settings.origin[name]
        when = "at once" if name in AT_ONCE else f"from the next {'start' if name in NEXT_START else 'session'} on"
        values = [str(value) for value in self._offers.get(name, ())]
        takes = ", ".join(values) if values else config.allowed(name).replace(" in quotes", "")
        text: list[Line] = [
            (Span(self._described[name]),),
            (Span(f"It takes {takes}, and holds {when}.", "muted"),),
        ]
        if origin.startswith(config.ENVIRONMENT):
            text.append((Span(f"It is set by {origin}, which comes before the file.", "warn"),))
        text.append((Span(f"Written to {usual_file()}, on this machine.", "muted"),))
        self.query_one("#preview", Reader).show(text)

    def _complain(self, error: ConfigError) -> None:
        self.notify(f"{error.message}\n{error.hint}", severity="warning", timeout=15, markup=False)
