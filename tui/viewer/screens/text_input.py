"""Text field in the last row, for one line of text."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class TextInputScreen(ModalScreen[str | None]):
    """A text field. Its result is the text, or `None` if it was cancelled.

    Args:
        placeholder: what is to be typed, and the keys; in the field while it is empty, above one that has a text at
            first.
        text: the text at first.
        history: earlier texts, oldest first, which up and down recall.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False, priority=True),
        Binding("up", "recall(-1)", show=False, priority=True),
        Binding("down", "recall(1)", show=False, priority=True),
    ]

    def __init__(self, placeholder: str, text: str = "", history: Sequence[str] = ()) -> None:
        super().__init__()
        self._placeholder = placeholder
        self._lines = [*history, text]
        self._at = len(history)

    def compose(self) -> ComposeResult:
        """Lay out the field, and above it what it is for if its text hides that."""
        if self._lines[-1]:
            yield Static(self._placeholder, id="line-about", markup=False)
        yield Input(self._lines[-1], placeholder=self._placeholder, id="line", compact=True, select_on_focus=False)

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        """Return the text."""
        self.dismiss(event.value.strip())

    def action_recall(self, step: int) -> None:
        """Recall the next text of the history, or the previous one if negative; keep edits of the current one."""
        field = self.query_one(Input)
        self._lines[self._at] = field.value
        self._at = max(0, min(self._at + step, len(self._lines) - 1))
        field.value = self._lines[self._at]
        field.cursor_position = len(field.value)

    def action_cancel(self) -> None:
        """Close the field without a result."""
        self.dismiss(None)
