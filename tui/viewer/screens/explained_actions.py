"""Reasons why keys of the dashboard cannot act, said in its footer."""

from textual.actions import parse
from textual.binding import Binding

from tui.presentation.availability import ACTION_STATES, unavailable_reason
from tui.presentation.view_model import ViewModel
from tui.viewer.bindings import KeyHelp, group_by_topic, help_entry
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
        return [(f"In {self.body.pane.NAME}", pane), *group_by_topic(self._keys, possible)]
