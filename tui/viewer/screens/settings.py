"""Settings screen: settings by group, changed in their row; a change is previewed, then written to the config file."""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.config.edit import write
from tui.config.load import ENVIRONMENT, load, parse_value
from tui.config.schema import FIELDS, Scalar, Settings, allowed, choices, description, group, is_table
from tui.errors import ConfigError
from tui.paths import config_file
from tui.text import contains_all, one_line
from tui.viewer.screens.dialog import MORE, PREVIEW_KEYS, Dialog
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices, Reader

SHOWN = tuple(name for name in FIELDS if not is_table(name))
"""Settings on the screen; tables are edited in the config file."""
IMMEDIATE = {"theme"}
"""Settings that take effect immediately."""
NEXT_START = {"fps", "low_bandwidth", "plain", "ascii"}
"""Settings of the dashboard itself; all others take effect in the next session."""
VALUE_AT = 42
"""Cells of a row before the value."""
KEYS = "enter edit · ← → change · / filter · ? keys · del default · esc back"
FILTERED_KEYS = "enter edit · ← → change · / filter · ? keys · del default · esc show all"
FILTER_KEYS = "type to filter · ↑ ↓ select · enter to the list · F1 keys · esc show all"
DRAFT_KEYS = "enter save · esc undo"


def matching_settings(words: str) -> tuple[str, ...]:
    """Return the settings whose name, group or description contains each word of a filter."""
    return tuple(name for name in SHOWN if contains_all(f"{name} {group(name)} {description(name)}", words))


class SettingsScreen(Dialog[None]):
    """One row per setting, with the name of its group.

    Args:
        offers: values to choose from, by setting, that only the dashboard knows.
        host: name of the engine's machine, which reads its own config file; empty for this one.
        overridden: names of the settings that options of the command line override.
    """

    class SettingPreviewed(Message):
        """A setting has another value: written to the config file, or for as long as it is not undone."""

        def __init__(self, name: str, value: Scalar) -> None:
            super().__init__()
            self.name = name
            self.value = value

    AUTO_FOCUS = ""
    NAME = "Settings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous setting", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next setting", show=False, key_display="↓ j"),
        Binding("pageup", "step(-8)", "eight settings up", show=False),
        Binding("pagedown", "step(8)", "eight settings down", show=False),
        *PREVIEW_KEYS,
        Binding("enter", "choose", "edit the value, or save a changed one", show=False),
        Binding("right,space", "change(1)", "next value; enter saves it", show=False),
        Binding("left", "change(-1)", "previous value; enter saves it", show=False),
        Binding("delete,backspace", "reset", "restore the default: remove it from the file", show=False),
        Binding("slash", "filter", "filter by name and description", show=False, key_display="/"),
        Binding(
            "escape",
            "undo",
            "undo a change that is not saved; without one, end the filter; without one, back",
            show=False,
            priority=True,
        ),
        Binding("q,comma", "dismiss", "back to the dashboard", show=False),
    ]

    def __init__(
        self, offers: Mapping[str, Sequence[str]], host: str = "", overridden: Collection[str] = frozenset()
    ) -> None:
        super().__init__()
        self._host = host
        self._offers = offers
        self._overridden = overridden
        self._settings: Settings | None = None
        self._found = SHOWN
        """The settings that match the filter."""
        self._draft: Scalar | None = None
        """Value of the selected setting that is not saved; `None` for none."""

    def compose(self) -> ComposeResult:
        """Lay out the filter, the settings, the field to edit one, and the description of the selected one."""
        heading = (Span(f"{'group':<20}{'setting':<20}value"),)
        with Box("Settings", KEYS, classes="wide"):
            yield Input(placeholder="name or description", id="filter", compact=True)
            yield Choices(heading=heading, id="settings")
            yield Input(id="value", compact=True)
            yield Reader(id="preview", more=MORE)

    def on_mount(self) -> None:
        """Show the settings in effect."""
        self._field.display = self._filter.display = False
        self._show()

    def action_step(self, step: int) -> None:
        """Select another setting; a change that is not saved is undone."""
        self._discard()
        self.query_one(Choices).step(step)
        self._explain()

    def action_choose(self) -> None:
        """Save a changed value; without one, edit the value in its row, or show the next one."""
        if not self._found:
            return
        if self._draft is not None:
            self._write(self._selected, self._draft)
        elif self._values:
            self.action_change(1)
        else:
            self._edit()

    def action_change(self, step: int) -> None:
        """Show the next value without saving it; edit the value if there is no list of values."""
        if self._settings is None or not self._found:
            return
        name, values = self._selected, self._values
        if not values:
            self._edit()
            return
        current = self._draft if self._draft is not None else getattr(self._settings.config, name)
        at = list(values).index(current) if current in values else -step
        self._draft = values[(at + step) % len(values)]
        self.post_message(self.SettingPreviewed(name, self._draft))
        self._show_rows()

    def action_undo(self) -> None:
        """Undo a change that is not saved; without one, end the filter; without one, close the screen."""
        if self._field.display:
            self._close_field()
        elif self._draft is not None:
            self._discard()
        elif self._filter.display:
            self._end_filter()
        else:
            self.dismiss()

    def action_reset(self) -> None:
        """Remove the selected setting from the file, which restores its default."""
        if self._found:
            self._write(self._selected, None)

    def action_filter(self) -> None:
        """Open the field of the filter; a change that is not saved is undone."""
        if self._settings is None or self._field.display:
            return
        self._discard()
        self._filter.display = True
        self.set_focus(self._filter)
        self._show_rows()

    @on(Input.Changed, "#filter")
    def filter_settings(self, event: Input.Changed) -> None:
        """Show the settings that match the filter; the selected one stays selected if it is among them."""
        selected = self._selected if self._found else ""
        self._found = matching_settings(event.value)
        self._show_rows(self._found.index(selected) if selected in self._found else 0)

    @on(Input.Submitted, "#filter")
    def leave_filter(self) -> None:
        """Leave the field of the filter for the list."""
        self.set_focus(None)
        self._show_rows()

    def _end_filter(self) -> None:
        """Show all settings."""
        self._filter.value = ""
        self._filter.display = False
        self.set_focus(None)
        self._show_rows()

    @on(Input.Changed, "#value")
    def check_value(self, event: Input.Changed) -> None:
        """Say in words what is wrong with a value while it is typed."""
        if self._field.display:
            self._explain(self._error(event.value))

    @on(Input.Submitted, "#value")
    def save_value(self, event: Input.Submitted) -> None:
        """Save a value that was typed, if it is valid."""
        if error := self._error(event.value):
            self._explain(error)
            return
        self._close_field()
        self._write(self._selected, parse_value(self._selected, event.value.strip()))

    @property
    def _selected(self) -> str:
        return self._found[self.query_one(Choices).selected]

    @property
    def _field(self) -> Input:
        return self.query_one("#value", Input)

    @property
    def _filter(self) -> Input:
        return self.query_one("#filter", Input)

    @property
    def _values(self) -> Sequence[Scalar]:
        return self._offers.get(self._selected) or choices(self._selected) or ()

    def _error(self, written: str) -> str:
        """Return what is wrong with a value; empty if nothing is."""
        try:
            parse_value(self._selected, written.strip())
        except ConfigError as error:
            # The hint says in words what is allowed; the message quotes the decoder, for the config file.
            return error.hint or error.message
        return ""

    def _edit(self) -> None:
        """Open the field in the row of the selected setting."""
        if self._settings is None:
            return
        rows, field, box = self.query_one(Choices), self._field, self.query_one(Box)
        field.value = str(getattr(self._settings.config, self._selected))
        top = rows.region.y - box.content_region.y
        field.styles.offset = (VALUE_AT, top + rows.row_of(rows.selected))
        field.styles.width = max(8, rows.size.width - VALUE_AT)
        field.display = True
        field.focus()
        self._show_keys()

    def _close_field(self) -> None:
        self._field.display = False
        self.set_focus(None)
        self._show_keys()
        self._explain()

    def _show_keys(self) -> None:
        """Show the title, with the number of settings that a filter shows, and the keys."""
        title, keys = "Settings", KEYS
        if self._filter.display:
            title = f"Settings · {len(self._found)} of {len(SHOWN)}"
            keys = FILTER_KEYS if self.focused is self._filter else FILTERED_KEYS
        if self._field.display or self._draft is not None:
            keys = DRAFT_KEYS
        self.query_one(Box).show(title, keys)

    def _discard(self) -> None:
        """Undo a change that is not saved."""
        if self._draft is not None and self._settings is not None:
            self._draft = None
            self.post_message(self.SettingPreviewed(self._selected, getattr(self._settings.config, self._selected)))
            self._show_rows()

    def _write(self, name: str, value: Scalar | None) -> None:
        try:
            write(name, value)
        except ConfigError as error:
            self._notify_error(error)
            return
        self._draft = None
        self._show()
        if self._settings is not None:
            self.post_message(self.SettingPreviewed(name, getattr(self._settings.config, name)))

    def _show(self) -> None:
        try:
            self._settings = load()
        except ConfigError as error:
            self._settings = None
            self._notify_error(error)
            return
        self._show_rows()

    def _show_rows(self, selected: int | None = None) -> None:
        """Show the settings that match the filter.

        Args:
            selected: index of the row to select; `None` for the one that is selected.
        """
        if self._settings is None:
            return
        rows = self.query_one(Choices)
        at = rows.selected if selected is None else selected
        shown = [self._row(self._settings, row, at) for row in range(len(self._found))]
        rows.show(shown or [(Span("No setting matches the filter.", "muted"),)], at)
        self._show_keys()
        self._explain()

    def _row(self, settings: Settings, at: int, selected: int) -> Line:
        name = self._found[at]
        drafted = self._draft is not None and at == selected
        value = self._draft if drafted else getattr(settings.config, name)
        text = ("on" if value else "off") if isinstance(value, bool) else one_line(str(value), 50) or "–"
        changed = settings.origin[name] != "default"
        title = group(name) if at == 0 or group(name) != group(self._found[at - 1]) else ""
        style = "warn strong" if drafted else "accent strong" if changed else ""
        notes = ["not saved"] if drafted else []
        notes += [f"overridden by {_option(name)}"] if name in self._overridden else []
        note = Span(f"  {', '.join(notes)}" if notes else "", "muted")
        return (Span(f"{title:<20}", "muted"), Span(f"{name:<20}"), Span(text, style), note)

    def _explain(self, error: str = "") -> None:
        if self._settings is None:
            return
        if not self._found:
            hint = "Type other words, or press escape to show all settings."
            self.query_one("#preview", Reader).show([(Span(hint, "muted"),)])
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
        warnings: list[Line] = []
        if name in self._overridden:
            warnings.append((Span(f"Overridden by {_option(name)} on the command line until you quit.", "warn"),))
        if origin.startswith(ENVIRONMENT):
            warnings.append((Span(f"Set by {origin}, which overrides the file.", "warn"),))
        text.append((Span(f"Saved in {config_file()} on this machine.", "muted"),))
        if self._host and group(name) != group("theme"):
            text[1:] = []
            warnings = [(Span(f"No effect on {self._host}: its engine reads its own config file.", "warn"),)]
        if error:
            warnings.insert(0, (Span(f"✗ {one_line(error, 300)}", "bad strong"),))
        # What a low terminal shows without scrolling comes first.
        self.query_one("#preview", Reader).show([*warnings, *text])

    def _notify_error(self, error: ConfigError) -> None:
        self.notify(f"{error.message}\n{error.hint}", severity="error", timeout=15, markup=False)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
