"""Ask for one line, in the last row."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input


class TextInputScreen(ModalScreen[str | None]):
    """What a person wrote, or `None` if they thought better of it.

    Args:
        asked: says what is wanted, while nothing is written.
        written: what stands there already.
        before: what was written before, oldest first; up and down go through it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False, priority=True),
        Binding("up", "recall(-1)", show=False, priority=True),
        Binding("down", "recall(1)", show=False, priority=True),
    ]

    def __init__(self, asked: str, written: str = "", before: Sequence[str] = ()) -> None:
        super().__init__()
        self._asked = asked
        self._lines = [*before, written]
        self._at = len(before)

    def compose(self) -> ComposeResult:
        """Lay out the row."""
        yield Input(self._lines[-1], placeholder=self._asked, id="line", compact=True)

    @on(Input.Submitted)
    def take(self, event: Input.Submitted) -> None:
        """Take what is written."""
        self.dismiss(event.value.strip())

    def action_recall(self, step: int) -> None:
        """Put what was written before, or after that, in the row; what is there is kept."""
        row = self.query_one(Input)
        self._lines[self._at] = row.value
        self._at = max(0, min(self._at + step, len(self._lines) - 1))
        row.value = self._lines[self._at]
        row.cursor_position = len(row.value)

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
