"""Frame of a dialog, with its title and its keys in the border."""

from textual.containers import Vertical
from textual.markup import escape
from textual.timer import Timer

from tui.viewer.message_rows import message_rows
from tui.viewer.styled_text import cells
from tui.viewer.widgets.footer import MESSAGE_S


def fitting_keys(keys: str, columns: int) -> str:
    """Return the keys that fit; those before the last one, which closes the dialog, are left out first.

    Args:
        keys: keys with what they do, separated by ` · `.
        columns: cells of the row.
    """
    parts = keys.split(" · ")
    while len(parts) > 1 and cells(" · ".join(parts)) > columns:
        del parts[-2]
    return " · ".join(parts)


class Box(Vertical):
    """Frame of a dialog: its title in the upper border, its keys, or a message for some seconds, in the lower one.

    Args:
        title: in the upper border.
        keys: in the lower border.
        classes: CSS classes.
    """

    def __init__(self, title: str, keys: str, *, classes: str = "") -> None:
        super().__init__(classes=f"dialog {classes}")
        self.keys = keys
        self._timer: Timer | None = None
        self._rows: list[str] = []
        """Rows of the message that are still to be shown."""
        self.border_title = escape(title)
        self.border_subtitle = escape(keys)

    def show(self, title: str, keys: str) -> None:
        """Show another title and other keys."""
        self.keys = keys
        self.border_title = escape(title)
        if self._timer is None:
            self._show_keys()

    def on_resize(self) -> None:
        """Fit the keys to the width."""
        if self._timer is None:
            self._show_keys()

    def say(self, text: str) -> None:
        """Show a message in place of the keys; of one that does not fit, row after row."""
        if self._timer is not None:
            self._timer.stop()
        self._rows = message_rows(text, self._room)
        self.turn_over()

    def turn_over(self) -> None:
        """Show the next row of the message; after the last one the keys."""
        if not self._rows:
            self._show_keys()
            return
        self._timer = self.set_timer(MESSAGE_S, self.turn_over, name="message")
        self.border_subtitle = escape(self._rows.pop(0))

    @property
    def _room(self) -> int:
        """Cells of the lower border for text."""
        return max(8, self.outer_size.width - 6)

    def _show_keys(self) -> None:
        self._timer = None
        self.border_subtitle = escape(fitting_keys(self.keys, self._room))
