"""Base of dialogs with a list: selection by keys and mouse, and a help with the dialog's keys."""

from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from textual import on
from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from tui.text import one_line
from tui.viewer.bindings import KeyHelp
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices, Reader

Result = TypeVar("Result")
MAX_STATUS = 300
"""Maximum number of characters of a message in the border of a dialog."""

HELP = Binding("f1,question_mark", "keys", "show these keys; in a text field only F1", show=False, key_display="?")

PREVIEW_KEYS = (
    Binding(
        "shift+up", "scroll_preview(-1)", "scroll the preview up", show=False, priority=True, key_display="shift ↑"
    ),
    Binding(
        "shift+down", "scroll_preview(1)", "scroll the preview down", show=False, priority=True, key_display="shift ↓"
    ),
)
"""Bindings of a dialog with a preview."""
MORE = "↓ more (shift ↓)"
"""What a preview says below which text follows."""


def keys_of(bindings: Iterable[BindingType], screen: Screen[Any] | None = None) -> list[KeyHelp]:
    """Return the bindings that have a description as rows of the help.

    Args:
        bindings: the bindings.
        screen: the screen that says whether their actions are possible now; `None` if all are.
    """
    return [
        KeyHelp(
            binding.key_display or binding.key.replace("ctrl+", "^").replace(",", " "),
            sentence(binding.tooltip or binding.description),
            possible=screen is None or is_possible(screen, binding),
        )
        for binding in bindings
        if isinstance(binding, Binding) and binding.description
    ]


def is_possible(screen: Screen[Any], binding: Binding) -> bool:
    """Return whether a screen can do now what a key of it, or of the app, is bound to."""
    _, action, parameters = parse(binding.action)
    return bool(screen.check_action(action, parameters))


def sentence(text: str) -> str:
    """Return a description with its first letter in upper case."""
    return f"{text[0].upper()}{text[1:]}"


def show_keys(screen: Screen[Result], name: str, bindings: Iterable[BindingType]) -> None:
    """Open the help with the keys of a screen.

    Args:
        screen: the screen on which the help opens.
        name: title of the help.
        bindings: the screen's bindings.
    """
    from tui.viewer.screens.help import HelpScreen

    screen.app.push_screen(HelpScreen([(name, keys_of(bindings, screen))], signs=False))


class Dialog(ModalScreen[Result]):
    """A modal screen with a list, one row of which is selected."""

    NAME: ClassVar[str] = ""
    """Title of its help."""
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012 (an instance attribute to Textual's types)
    BINDINGS: ClassVar[list[BindingType]] = [HELP]

    def show_status(self, text: str, *, warning: bool = False, seconds: float | None = None) -> None:
        """Show a message in the lower border; it replaces the one before."""
        self.query_one(Box).say(f"{'! ' if warning else ''}{one_line(text, MAX_STATUS)}")

    def explain_unavailable(self, binding: Binding) -> None:
        """Say in the lower border why the action of a key is not possible now."""
        self.show_status("Not possible now.")

    def action_step(self, step: int) -> None:
        """Select the next row, or the previous one if negative."""
        self.query_one(Choices).step(step)

    def action_scroll_preview(self, lines: int) -> None:
        """Scroll the preview down, or up if negative."""
        self.query_one("#preview", Reader).action_scroll(lines)

    def action_choose(self) -> None:
        """Close the dialog with the selected row."""
        raise NotImplementedError

    def action_cancel(self) -> None:
        """Close the dialog without a choice."""
        self.dismiss(None)

    def action_keys(self) -> None:
        """Show the keys of this dialog."""
        show_keys(self, self.NAME, [*type(self).BINDINGS, HELP])

    @on(Choices.RowClicked)
    def click_row(self, event: Choices.RowClicked) -> None:
        """Select the clicked row; choose it if it is selected already."""
        if event.row == self.query_one(Choices).selected:
            self.action_choose()
        else:
            self.action_step(event.row - self.query_one(Choices).selected)

    @on(Choices.WheelTurned)
    def turn_wheel(self, event: Choices.WheelTurned) -> None:
        """Select the next or the previous row with the mouse wheel."""
        self.action_step(event.step)
