"""Actions on the layout of the dashboard: zoomed and hidden panes, all statistics, times."""

from typing import Literal

from textual.message import Message
from textual.screen import Screen

from tui.viewer.layout_state import LayoutState
from tui.viewer.widgets.banner import Banner
from tui.viewer.widgets.body import Body


class LayoutActions(Screen[None]):
    """A screen with actions on its layout."""

    body: Body
    banner: Banner

    class LayoutChanged(Message):
        """A person hid, showed or zoomed a pane."""

    def action_zoom(self) -> None:
        """Zoom the focused pane, or show all panes."""
        self.body.toggle_zoom()
        self._show_layout()

    def action_toggle_all_stats(self) -> None:
        """Show all statistics, or the most important ones."""
        self.body.toggle_all_stats()
        self._show_layout()

    def action_toggle_clock(self) -> None:
        """Show times of the day, or times since the start."""
        self.body.toggle_clock()
        self._show_layout()

    def action_reset_layout(self) -> None:
        """Show all panes at their sizes, with times since the start."""
        self.body.set_layout(LayoutState())
        self._show_layout()

    def _show_layout(self) -> None:
        self.banner.layout_state = self.body.layout_state
        self.banner.touch()
        self.post_message(self.LayoutChanged())

    def action_toggle_pane(self, name: Literal["gists", "stats"]) -> None:
        """Show or hide a pane."""
        self.body.toggle_hidden(name)
        self._show_layout()
