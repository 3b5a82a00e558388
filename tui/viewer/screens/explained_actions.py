"""Reasons why keys of the dashboard cannot act, said in its footer."""

from collections.abc import Iterable

from textual.actions import parse
from textual.binding import Binding, BindingType

from tui.presentation.availability import ACTION_STATES, is_refused, unavailable_reason
from tui.presentation.view_model import ViewModel
from tui.viewer.bindings import DASHBOARD, KeyHelp, group_by_topic, help_entry
from tui.viewer.screens.body_actions import BodyActions
from tui.viewer.widgets.pane import Pane

LOCAL_REASONS = {
    "clear_clip": "No clip mark is set.",
    "follow": "There are no turns yet.",
    "search": "There is nothing to search yet.",
    "copy": "There is nothing to copy yet.",
    "copy_markdown": "There is nothing to copy yet.",
    "go_to": "There are no turns yet.",
    "toggle_speaker": "There are no turns yet.",
    "toggle_bookmarks": "No turn has a bookmark. Press m to add one.",
    "go_to_match": "No search. Press / to search.",
}
"""Why actions that the dashboard decides by itself are not possible."""


class ExplainedActions(BodyActions):
    """A screen that says why an action is not possible now."""

    view_model: ViewModel
    _keys: dict[str, str]
    """A person's own keys by action id."""

    def is_possible_here(self, action: str) -> bool | None:
        """Return whether an action that the screen decides by itself is possible now; `None` for another one."""
        match action:
            case "follow" | "search" | "toggle_speaker":
                return self.body.count > 0
            case "copy" | "copy_markdown" | "go_to":
                return self.body.pane.count > 0
            case "toggle_bookmarks":
                return bool(self.view_model.bookmarks) or self.body.turns.filter.bookmarks_only
            case "go_to_match":
                return bool(self.body.pane.needle)
        return None

    def explain_unavailable(self, binding: Binding) -> None:
        """Say in the footer why the action of a key is not possible now."""
        _, action, parameters = parse(binding.action)
        self.show_status(self._unavailable_reason(action, parameters))

    def _unavailable_reason(self, action: str, parameters: tuple[object, ...]) -> str:
        if action in LOCAL_REASONS:
            return LOCAL_REASONS[action]
        if self.view_model.disconnected and action in ACTION_STATES and not self.view_model.watching:
            return "Not possible: not connected to the engine."
        return unavailable_reason(self.view_model, action, parameters)

    def action_help(self) -> None:
        """Show the keys and signs of the dashboard."""
        from tui.viewer.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.help_sections()))

    def help_sections(self) -> list[tuple[str, list[KeyHelp]]]:
        """Return the keys of the focused pane and those of the dashboard, by topic."""
        possible = {active.binding.id or "" for active in self.active_bindings.values() if active.enabled}
        pane = [help_entry(found, self._keys, possible) for found in Pane.BINDINGS if isinstance(found, Binding)]
        offered = {found.id for found in self.without_refused(DASHBOARD)}
        topics = group_by_topic(self._keys, possible)
        kept = [(topic, [row for row in rows if row.id.partition(" ")[0] in offered]) for topic, rows in topics]
        return [(f"In {self.body.pane.NAME}", pane), *((topic, rows) for topic, rows in kept if rows)]

    def without_refused(self, bindings: Iterable[BindingType]) -> list[Binding]:
        """Return the bindings without those that a viewer that may only look can never use."""
        return [
            found
            for found in bindings
            if isinstance(found, Binding) and not is_refused(self.view_model, parse(found.action)[1])
        ]
