"""Keys of the list of past sessions: bindings, the keys in its border, and what an action needs."""

from textual.binding import Binding

from tui.viewer.screens.dialog import PREVIEW_KEYS

MATCH_KEYS = "enter open · F1 keys · ^a ask · ^l replay · esc list"
WATCHING_MATCH_KEYS = "enter open · F1 keys · esc list"
WATCHING_KEYS = "enter open · F1 keys · ^s sort · ^f search all · esc back"
CHANGES = frozenset({"mark", "rename", "tag", "ask", "export", "delete"})
"""Actions that are refused to a viewer that may only look."""
LIST_ACTIONS = frozenset({"rename", "tag", "export", "delete", "sort"})
"""Actions on the list of sessions, not on matches."""
NOT_A_LIST = "Not possible with matches: esc goes back to the list."
KEYS = "enter open · space mark · F1 keys · ^a ask · ^l replay · ^s sort · ^f search all · esc back"

HISTORY = (
    Binding("up", "step(-1)", "previous session", show=False, priority=True, key_display="↑"),
    Binding("down,tab", "step(1)", "next session", show=False, priority=True, key_display="↓"),
    Binding("pageup", "step(-8)", "eight sessions up", show=False, priority=True),
    Binding("pagedown", "step(8)", "eight sessions down", show=False, priority=True),
    *PREVIEW_KEYS,
    Binding("enter", "choose", "open the selected session, or the turn that was found", show=False),
    Binding("space", "mark", "mark the session, or no longer", show=False, priority=True),
    Binding("ctrl+s", "sort", "use the next sort order", show=False, priority=True),
    Binding("ctrl+f", "search_all", "search the words of the filter in all sessions", show=False, priority=True),
    Binding("ctrl+r", "rename", "edit the title of the selected session", show=False, priority=True),
    Binding("ctrl+t", "tag", "edit the tags of the selected session", show=False, priority=True),
    Binding("ctrl+a", "ask", "ask about the marked sessions, or the selected one", show=False, priority=True),
    Binding("ctrl+l", "replay", "replay the selected session", show=False, priority=True),
    Binding("ctrl+e", "export", "export the marked sessions, or the selected one", show=False, priority=True),
    Binding(
        "ctrl+x",
        "delete",
        "delete the marked sessions, or the selected one, when you leave; again: undo",
        show=False,
        priority=True,
    ),
    Binding("escape", "cancel", "back to the list, to the dashboard", show=False, priority=True, key_display="esc"),
)
"""Bindings of the list."""
