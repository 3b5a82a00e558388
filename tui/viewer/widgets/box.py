"""Frame of a dialog, with its title and its keys in the border."""

from textual.containers import Vertical
from textual.markup import escape
from textual.timer import Timer

from tui.viewer.widgets.footer import MESSAGE_S


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
        self.border_title = escape(title)
        self.border_subtitle = escape(keys)

    def show(self, title: str, keys: str) -> None:
        """Show another title and other keys."""
        self.keys = keys
        self.border_title = escape(title)
        if self._timer is None:
            self.border_subtitle = escape(keys)

    def say(self, text: str) -> None:
        """Show a message in place of the keys."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(MESSAGE_S, self._show_keys, name="message")
        self.border_subtitle = escape(text)

    def _show_keys(self) -> None:
        self._timer = None
        self.border_subtitle = escape(self.keys)
