"""End wait dialog: whether a session whose recording has ended still waits for its last turns and gists."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.presentation.finishing import consequence, is_finishing, time_left
from tui.presentation.view_model import ViewModel
from tui.text import one_line
from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices, Reader

END = 1
"""Index of the row that ends the wait."""


class EndWaitDialog(Dialog[bool]):
    """A choice between waiting and ending the session now. Its result is whether to end it.

    Args:
        view_model: the session.
    """

    NAME = "End the wait"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous row", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next row", show=False, key_display="↓ j"),
        Binding("enter", "choose", "choose the selected row", show=False),
        Binding("x", "end", "end the session now", show=False),
        Binding("escape,q,w", "cancel", "wait", show=False, key_display="esc w"),
    ]

    def __init__(self, view_model: ViewModel) -> None:
        super().__init__()
        self._view_model = view_model

    def compose(self) -> ComposeResult:
        """Lay out what ending the wait means, and the choices."""
        with Box("End the session without waiting?", "enter choose · ? keys · esc wait"):
            yield Reader(self._text(), id="consequence")
            yield Choices(id="wait-choices")

    def on_mount(self) -> None:
        """Show the choices; the first waits."""
        self.show_progress()

    def show_progress(self) -> None:
        """Show how long the session still waits, and what is kept; close once it has ended."""
        if not is_finishing(self._view_model):
            if self.is_current:
                self.dismiss(False)
            return
        self.query_one(Reader).show(self._text())
        left = time_left(self._view_model)
        rows = (("w", "Wait", left), ("x", "End it now", ""))
        choices = self.query_one(Choices)
        choices.show(
            [
                (Span(f"{key:<4}", "accent strong"), Span(f"{name:<12}"), Span(about, "muted"))
                for key, name, about in rows
            ],
            choices.selected,
        )

    def _text(self) -> list[Line]:
        reason = self._view_model.reason
        lines: list[Line] = [(Span(one_line(reason, 200)),)] if reason else []
        return [*lines, (Span(consequence(self._view_model)),), ()]

    def action_choose(self) -> None:
        """Return the selected choice."""
        self.dismiss(self.query_one(Choices).selected == END)

    def action_end(self) -> None:
        """End the session now."""
        self.dismiss(True)

    def action_cancel(self) -> None:
        """Wait."""
        self.dismiss(False)
