"""Ask what to search for, in the last row; matches are marked while one types."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input


class SearchScreen(ModalScreen[str | None]):
    """What to search for, or `None` to search no longer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False, priority=True)]

    def __init__(self, needle: str, mark: Callable[[str], None]) -> None:
        super().__init__()
        self._needle = needle
        self._mark = mark

    def compose(self) -> ComposeResult:
        """Lay out the row."""
        yield Input(self._needle, placeholder="search · enter goes to the match · esc ends", id="needle", compact=True)

    @on(Input.Changed)
    def mark(self, event: Input.Changed) -> None:
        """Mark the matches so far."""
        self._mark(event.value)

    @on(Input.Submitted)
    def go(self, event: Input.Submitted) -> None:
        """Go to the last match."""
        self.dismiss(event.value)

    def action_cancel(self) -> None:
        """Search no longer."""
        self.dismiss(None)
