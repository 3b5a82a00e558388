"""Actions on the panes of a session: search, copy, follow, zoom, bookmarks only."""

from tui.viewer.screens.main_screen import FooterScreen
from tui.viewer.widgets.body import Body


class BodyActions(FooterScreen):
    """A screen with actions on its body."""

    body: Body

    def action_follow(self) -> None:
        """Follow the newest entries, or stop following."""
        self.body.toggle_follow()

    def action_search(self) -> None:
        """Open the search field."""
        from tui.viewer.screens.search import SearchScreen

        def go_to_last_match(needle: str | None) -> None:
            self.body.search(needle or "")
            self.body.pane.go_to_match(-1)
            self.refresh_bindings()

        self.app.push_screen(SearchScreen(self.body.pane.needle, self.body.search), go_to_last_match)

    def action_go_to_match(self, step: int) -> None:
        """Go to the next match in the focused pane, or to the previous one if negative."""
        self.body.pane.go_to_match(step)

    def action_clear_selection(self) -> None:
        """Clear the search; without one, clear the selection."""
        self.body.clear_selection()
        self.refresh_bindings()

    def action_copy(self) -> None:
        """Copy the selected entry, or the whole focused pane if none is selected."""
        self.body.copy()

    def action_copy_markdown(self) -> None:
        """Copy the selected turns, or all, as Markdown with their times."""
        self.body.copy_markdown()

    def action_go_to(self) -> None:
        """Ask for the number or the time of a turn, and select it."""
        from tui.viewer.screens.text_input import TextInputScreen

        def go(where: str | None) -> None:
            if where and not self.body.go_to(where):
                self.notify(f"No turn at {where}.", severity="warning", markup=False)

        self.app.push_screen(TextInputScreen("turn number, or time such as 1:30 · esc cancel"), go)

    def action_zoom(self) -> None:
        """Zoom the focused pane, or show all panes."""
        self.body.toggle_zoom()

    def action_toggle_reading(self) -> None:
        """Show turns with their gists below them in one column, or all panes."""
        self.body.toggle_reading()

    def action_toggle_bookmarks(self) -> None:
        """Show bookmarked turns only, or all turns."""
        self.body.toggle_bookmarks_only()

    def action_toggle_speaker(self) -> None:
        """Show the turns of one speaker only, or all turns."""
        if not self.body.turns.filter.speaker and (self.body.turn is None or not self.body.turn.label):
            self.notify("The endpoint did not label the speaker of this turn.", severity="warning", markup=False)
            return
        self.body.toggle_speaker_only()
        self.refresh_bindings()
