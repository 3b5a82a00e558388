"""Search field in the last row; matches are highlighted while a person types."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input


class SearchScreen(ModalScreen[str | None]):
    """A search field. Its result is the text to search for, or `None` to end the search.

    Args:
        needle: the text at first.
        highlight: highlights a text in the panes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False, priority=True)]

    def __init__(self, needle: str, highlight: Callable[[str], None]) -> None:
        super().__init__()
        self._needle = needle
        self._highlight = highlight

    def compose(self) -> ComposeResult:
        """Lay out the field."""
        yield Input(
            self._needle,
            placeholder="search · enter go to the last match · esc end the search",
            id="needle",
            compact=True,
        )

    @on(Input.Changed)
    def highlight_matches(self, event: Input.Changed) -> None:
        """Highlight the matches of the text so far."""
        self._highlight(event.value)

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        """Return the text."""
        self.dismiss(event.value)

    def action_cancel(self) -> None:
        """End the search."""
        self.dismiss(None)
