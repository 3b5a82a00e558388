"""What all dialogs have in common: steps through a list, by keys and mouse, and the keys of where one is."""

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from tui.viewer.bindings import KeyHelp
from tui.viewer.widgets.choices import Choices

Result = TypeVar("Result")

HELP = Binding("f1,question_mark", "keys", "show these keys; F1 where letters are written", show=False, key_display="?")


def keys_of(bindings: Iterable[BindingType]) -> list[KeyHelp]:
    """Return the keys that say what they do, for the help."""
    return [
        KeyHelp(
            binding.key_display or binding.key.replace("ctrl+", "^").replace(",", " "),
            f"{binding.description[0].upper()}{binding.description[1:]}",
        )
        for binding in bindings
        if isinstance(binding, Binding) and binding.description
    ]


def show_keys(screen: Screen[Result], name: str, bindings: Iterable[BindingType]) -> None:
    """Open the help with the keys of a screen."""
    from tui.viewer.screens.help import HelpScreen

    screen.app.push_screen(HelpScreen([(name, keys_of(bindings))], signs=False))


class Dialog(ModalScreen[Result]):
    """A screen over the dashboard, with a list of which one row is marked."""

    NAME: ClassVar[str] = ""
    """What the help calls it."""
    BINDINGS: ClassVar[list[BindingType]] = [HELP]

    def action_step(self, step: int) -> None:
        """Mark another row."""
        self.query_one(Choices).step(step)

    def action_choose(self) -> None:
        """Take the marked row."""
        raise NotImplementedError

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)

    def action_keys(self) -> None:
        """Show the keys of this dialog."""
        show_keys(self, self.NAME, [*type(self).BINDINGS, HELP])

    @on(Choices.Pointed)
    def point(self, event: Choices.Pointed) -> None:
        """Mark the row under the pointer, or take it if it is marked."""
        if event.row == self.query_one(Choices).marked:
            self.action_choose()
        else:
            self.action_step(event.row - self.query_one(Choices).marked)

    @on(Choices.Rolled)
    def roll(self, event: Choices.Rolled) -> None:
        """Mark another row with the wheel."""
        self.action_step(event.step)
