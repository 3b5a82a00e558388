"""Titles of the dashboard's actions, and their order by use in each state. Pure data and functions."""

from textual.binding import Binding

from tui.model.events import State
from tui.viewer.bindings import DASHBOARD

FIRST = {
    State.IDLE: ("start", "recover", "choose-device", "choose-prompt", "show-history", "show-settings", "quit"),
    State.LIVE: ("stop", "clear-clip", "mute", "ask", "bookmark", "choose-prompt", "search", "zoom", "analyse"),
    State.DRAINING: ("stop", "ask", "search", "bookmark", "export"),
    State.ENDED: ("start", "export", "ask", "analyse", "search", "show-history", "recover", "quit"),
    State.FAILED: ("start", "stop", "choose-device", "show-settings", "show-history", "recover", "quit"),
}
"""Ids of the most useful actions in each state, in the order of the footer and the command palette."""
FIRST |= {State.CONNECTING: FIRST[State.LIVE], State.RECONNECTING: FIRST[State.LIVE]}


def by_use(state: State) -> list[Binding]:
    """Return the dashboard's bindings, the most useful in a state first."""
    first = FIRST[state]
    return sorted(DASHBOARD, key=lambda known: first.index(known.id) if known.id in first else len(first))


TITLES = {
    "clear-clip": "Clear clip mark",
    "start": "Start session",
    "recover": "Transcribe rest of a session",
    "stop": "Stop session",
    "mute": "Mute microphone",
    "choose-prompt": "Choose prompt",
    "analyse": "Analyse session",
    "ask": "Ask question",
    "bookmark": "Bookmark turn",
    "retry-gist": "Retry gist",
    "ask-all": "Ask prompts about all turns",
    "show-help": "Show help",
    "quit": "Quit livegist",
    "detach": "Close dashboard",
    "follow": "Follow newest turn",
    "next-pane": "Focus next pane",
    "previous-pane": "Focus previous pane",
    "zoom": "Zoom pane",
    "toggle-reading": "Read turns with their gists",
    "toggle-gists": "Hide gists",
    "toggle-all-stats": "Show all stats",
    "toggle-stats": "Hide stats",
    "toggle-clock": "Show times of the day",
    "reset-layout": "Reset layout",
    "search": "Search turns and gists",
    "copy": "Copy entry",
    "copy-markdown": "Copy as Markdown",
    "play": "Play recording from turn",
    "go-to": "Go to turn or time",
    "extend-up": "Extend selection up",
    "extend-down": "Extend selection down",
    "edit-title": "Edit title",
    "edit-turn": "Edit turn",
    "merge-turn": "Merge turn with the next",
    "undo-edit": "Undo edit",
    "toggle-speaker": "Show one speaker only",
    "toggle-bookmarks": "Show bookmarks only",
    "name-speaker": "Name speaker",
    "increase-gain": "Increase gain",
    "decrease-gain": "Decrease gain",
    "choose-device": "Choose input device",
    "show-history": "Open past session",
    "export": "Export session",
    "show-settings": "Change settings",
    "seek-back": "Seek back 10 s",
    "seek-forward": "Seek forward 10 s",
    "seek-to-turn": "Seek to turn",
    "next-match": "Go to next match",
    "previous-match": "Go to previous match",
    "clear-selection": "Clear selection",
    "previous-prompt": "Use previous prompt",
    "next-prompt": "Use next prompt",
    **{f"use-prompt-{n}": f"Use prompt {n}" for n in range(1, 10)},
    "previous-entry": "Select previous entry",
    "next-entry": "Select next entry",
    "page-up": "Scroll up one page",
    "page-down": "Scroll down one page",
    "first-entry": "Select first entry",
    "last-entry": "Go to newest entry",
    "show-counterpart": "Go to counterpart",
}
"""Verb and object of each action, for the command palette."""
