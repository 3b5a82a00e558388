"""Dashboard of one room of the wall: escape comes back to the wall, and no key ends the engine."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tui.presentation.ballistics import TrackLevel
from tui.viewer.bindings import KeyHelp
from tui.viewer.screens.dashboard import Dashboard
from tui.viewer.widgets.footer import FooterKey

BACK = "Back to the wall; the session continues"
HELP = {
    "quit": BACK,
    "detach": BACK,
    "clear-selection": "Clear the search, or the selection; without either, back to the wall",
}
"""What keys do here, by id, where they do something else on the dashboard of one engine."""
QUIT_ACTIONS = frozenset({"screen.request_quit", "screen.detach"})


class RoomDashboard(Dashboard):
    """The dashboard of a room; `DetachRequested` asks for the wall.

    Args:
        room: name of the room.
        levels: levels of the tracks that the wall has received, by name.
        turn: number of the turn to select; 0 for none.
        needle: text to search for at first; empty for none.
        given: arguments of `Dashboard`.
    """

    on_wall: ClassVar[bool] = True

    def __init__(
        self, *, room: str, levels: Mapping[str, TrackLevel], turn: int = 0, needle: str = "", **given: Any
    ) -> None:
        super().__init__(**given)
        self.banner.room = room
        self._levels = levels
        self._turn = turn
        self._needle = needle

    def show_session(self) -> None:
        """Show what was received before, at the turn that was found on the wall, if one was."""
        super().show_session()
        self.meter.resume(self._levels)
        if self._needle:
            self.body.search(self._needle)
        if self.view_model.transcript.get(self._turn) is not None:
            self.body.turns.select(self._turn)

    def action_clear_selection(self) -> None:
        """Clear the search; without one, clear the selection; without either, go back to the wall."""
        panes = (self.body.turns, self.body.gists)
        if any(pane.needle or pane.cursor is not None for pane in panes):
            super().action_clear_selection()
        else:
            self.action_detach()

    def action_request_quit(self) -> None:
        """Go back to the wall."""
        self.action_detach()

    def footer_keys(self) -> list[FooterKey]:
        """Return the keys of the footer: first the one that goes back."""
        others = [key for key in super().footer_keys() if key.action not in QUIT_ACTIONS]
        return [FooterKey("esc", "wall", "screen.clear_selection"), *others]

    def help_sections(self) -> list[tuple[str, list[KeyHelp]]]:
        """Return the keys by topic."""
        return [
            (topic, [row._replace(description=HELP.get(row.id, row.description)) for row in rows])
            for topic, rows in super().help_sections()
        ]

    def command_titles(self) -> dict[str, str]:
        """Return the titles of commands that depend on the state, by id."""
        return super().command_titles() | {"quit": "Back to the wall", "detach": "Leave room"}
