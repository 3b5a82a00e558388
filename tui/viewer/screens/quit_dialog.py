"""What to do with a session that is under way when a person quits."""

from enum import StrEnum
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Span
from tui.viewer.widgets.choices import Choices, Reader


class QuitChoice(StrEnum):
    """The ways to leave."""

    STOP = "stop"
    KEEP = "keep"


ROWS = (
    (QuitChoice.STOP, "x", "Stop and quit", "finish the session, save it, end the engine"),
    (QuitChoice.KEEP, "l", "Leave it running", "`livegist` returns to it"),
    (None, "esc", "Cancel", "stay here"),
)


class QuitDialog(Dialog[QuitChoice | None]):
    """Ask: stop and quit, leave it running, or stay."""

    NAME = "Leaving"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "the row above", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "the row below", show=False, key_display="↓ j"),
        Binding("enter", "choose", "take the marked way", show=False),
        Binding("x,s", "leave('stop')", "finish the session, save it, end the engine", show=False),
        Binding("l,d", "leave('keep')", "leave it running; `livegist` returns to it", show=False),
        Binding("escape,q,c", "cancel", "stay here", show=False, key_display="esc"),
    ]

    def __init__(self, viewers: int = 1) -> None:
        super().__init__()
        others = viewers - 1
        watched = f" {others} more {'viewer watches' if others == 1 else 'viewers watch'} it." if others > 0 else ""
        self._question = f"A session is under way.{watched}"

    def compose(self) -> ComposeResult:
        """Lay out the question and the ways."""
        with Vertical(classes="dialog"):
            yield Reader([(Span(self._question, "strong"),)], id="question")
            yield Choices(id="ways")

    def on_mount(self) -> None:
        """Offer the ways."""
        rows = [
            (Span(f"{key:<4}", "accent strong"), Span(f"{name:<18}"), Span(about, "muted"))
            for _, key, name, about in ROWS
        ]
        self.query_one(Choices).show(rows)

    def action_choose(self) -> None:
        """Take the marked way."""
        self.dismiss(ROWS[self.query_one(Choices).marked][0])

    def action_leave(self, way: str) -> None:
        """Take a way by its key."""
        self.dismiss(QuitChoice(way))
