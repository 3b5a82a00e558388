"""Quit dialog: whether a running session ends or continues when a person quits."""

from enum import StrEnum
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Span
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices


class QuitChoice(StrEnum):
    """The ways to quit while a session is running."""

    STOP = "stop"
    KEEP = "keep"


ROWS = (
    (QuitChoice.STOP, "x", "Stop and quit", "finish, save, end the engine"),
    (QuitChoice.KEEP, "l", "Leave it running", "reopen it with `livegist`"),
    (None, "esc", "Cancel", "stay in the dashboard"),
)


class QuitDialog(Dialog[QuitChoice | None]):
    """A choice between stop and quit, leave it running, and cancel. Its result is `None` if it was cancelled.

    Args:
        viewers: how many viewers are attached to the engine, this one included.
    """

    NAME = "Quit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous row", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next row", show=False, key_display="↓ j"),
        Binding("enter", "choose", "choose the selected row", show=False),
        Binding("x,s", "quit('stop')", "finish and save the session, end the engine", show=False),
        Binding("l,d", "quit('keep')", "leave it running and close the dashboard", show=False),
        Binding("escape,q,c", "cancel", "stay in the dashboard", show=False, key_display="esc"),
    ]

    def __init__(self, viewers: int = 1) -> None:
        super().__init__()
        others = viewers - 1
        watching = f" {others} other {'viewer watches' if others == 1 else 'viewers watch'}." if others > 0 else ""
        self._question = f"A session is running.{watching}"

    def compose(self) -> ComposeResult:
        """Lay out the question and the choices."""
        with Box(self._question, "enter choose · esc cancel"):
            yield Choices(id="quit-choices")

    def on_mount(self) -> None:
        """Show the choices."""
        rows = [
            (Span(f"{key:<4}", "accent strong"), Span(f"{name:<18}"), Span(about, "muted"))
            for _, key, name, about in ROWS
        ]
        self.query_one(Choices).show(rows)

    def action_choose(self) -> None:
        """Return the selected choice."""
        self.dismiss(ROWS[self.query_one(Choices).selected][0])

    def action_quit(self, choice: str) -> None:
        """Return a choice by its key."""
        self.dismiss(QuitChoice(choice))
