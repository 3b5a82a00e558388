"""Actions on the layout of the dashboard: zoomed and hidden panes, all statistics, times."""

from typing import Literal

from textual.message import Message
from textual.screen import Screen

from tui.presentation.finishing import is_finishing
from tui.presentation.view_model import ViewModel
from tui.text import one_line
from tui.viewer.binding_titles import by_use
from tui.viewer.layout_state import LayoutState
from tui.viewer.widgets.banner import Banner
from tui.viewer.widgets.body import Body


class LayoutActions(Screen[None]):
    """A screen with actions on its layout."""

    body: Body
    banner: Banner
    view_model: ViewModel

    class LayoutChanged(Message):
        """A person hid, showed or zoomed a pane."""

    def useful_actions(self) -> list[str]:
        """Return the ids of the actions, the most useful in this state first."""
        return [known.id for known in by_use(self.view_model.state) if known.id]

    def command_titles(self) -> dict[str, str]:
        """Return the titles of commands that depend on the state, by id."""
        view_model, layout = self.view_model, self.body.layout_state
        prompts = {
            f"use-prompt-{at}": f"Use prompt {one_line(p.name, 60)}" for at, p in enumerate(view_model.prompts, 1)
        }
        chosen = {
            "start": (view_model.was_stopped, "Go on recording the session"),
            "stop": (
                view_model.was_stopped or is_finishing(view_model),
                "End session" if view_model.was_stopped else "End the wait for the last turns",
            ),
            "mute": (view_model.muted, "Unmute microphone"),
            "zoom": (bool(layout.zoomed), "End zoom"),
            "toggle-reading": (layout.zoomed == "reading", "Show all panes"),
            "toggle-gists": ("gists" in layout.hidden, "Show gists"),
            "toggle-stats": ("stats" in layout.hidden, "Show stats"),
            "toggle-all-stats": (layout.all_stats, "Show important stats"),
            "toggle-clock": (layout.clock_times, "Show times since the start"),
            "toggle-bookmarks": (self.body.turns.filter.bookmarks_only, "Show all turns"),
            "toggle-speaker": (bool(self.body.turns.filter.speaker), "Show all speakers"),
            "follow": (self.body.turns.following and self.body.gists.following, "Stop following"),
        }
        return prompts | {id: title for id, (other, title) in chosen.items() if other}

    def footer_names(self) -> dict[str, str]:
        """Return what keys of the footer do now, by id, where that depends on the state; empty for the usual."""
        view_model = self.view_model
        if view_model.replay_speed:
            return {"mute": "resume" if view_model.paused else "pause"}
        return {
            "start": "go on" if view_model.was_stopped else "",
            "stop": "end session" if view_model.was_stopped else "end wait" if is_finishing(view_model) else "",
            "mute": "unmute" if view_model.muted else "mute",
            "play": "stop playing" if view_model.playing else "",
        }

    def action_zoom(self) -> None:
        """Zoom the focused pane, or show all panes."""
        self.body.toggle_zoom()
        self._show_layout()

    def action_toggle_reading(self) -> None:
        """Show turns with their gists below them in one column, or all panes."""
        self.body.toggle_reading()
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
