"""Remember dialog: whether the voice of a speaker who has just been named is remembered for later sessions."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.text import one_line
from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Span
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices

ROWS = (
    ("n", "Only this session", "no voice is stored"),
    ("y", "Remember it", "later sessions name it; not sent anywhere"),
)
REMEMBER = 1
"""Index of the row that remembers the voice."""


class RememberDialog(Dialog[bool]):
    """A choice between remembering a voice and not. Its result is whether to remember it.

    Args:
        name: the person's.
    """

    NAME = "Remember a voice"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous row", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next row", show=False, key_display="↓ j"),
        Binding("enter", "choose", "choose the selected row", show=False),
        Binding("y", "remember", "remember the voice for later sessions", show=False),
        Binding("escape,q,n", "cancel", "store no voice", show=False, key_display="esc n"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_of_speaker = name

    def compose(self) -> ComposeResult:
        """Lay out the question and the choices."""
        with Box(f"Remember the voice of {one_line(self._name_of_speaker, 30)}?", "enter choose · ? keys · esc no"):
            yield Choices(id="remember-choices")

    def on_mount(self) -> None:
        """Show the choices; the first stores nothing."""
        rows = [
            (Span(f"{key:<4}", "accent strong"), Span(f"{name:<19}"), Span(about, "muted")) for key, name, about in ROWS
        ]
        self.query_one(Choices).show(rows)

    def action_choose(self) -> None:
        """Return the selected choice."""
        self.dismiss(self.query_one(Choices).selected == REMEMBER)

    def action_remember(self) -> None:
        """Remember the voice."""
        self.dismiss(True)

    def action_cancel(self) -> None:
        """Store no voice."""
        self.dismiss(False)
