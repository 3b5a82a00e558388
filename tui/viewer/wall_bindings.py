"""Key bindings of the wall, and their topics in the help. Pure data and functions.

Actions that the dashboard has, too, have the same ids, so that a person's own keys hold on both.
"""

from collections.abc import Container, Mapping

from textual.binding import Binding

from tui.viewer.bindings import DASHBOARD, KeyHelp, help_entry

SHARED = {binding.id: binding for binding in DASHBOARD}
"""Bindings of the dashboard by id, some of which do the same on the wall."""

WALL = [
    Binding(
        "enter",
        "open_room",
        "open",
        key_display="enter",
        id="open-room",
        tooltip="Open the selected room as the dashboard",
    ),
    Binding("s", "start", "start", id="start", tooltip="Start a session in the selected room"),
    Binding("x", "stop", "stop", id="stop", tooltip="Stop the session of the selected room"),
    Binding(
        "space", "mute", "mute", id="mute", tooltip="Mute or unmute the selected room; in a replay: pause or resume"
    ),
    Binding("p", "choose_prompt", "prompt", id="choose-prompt", tooltip="Choose the prompt of the selected room"),
    Binding("m", "bookmark", "bookmark", id="bookmark", tooltip="Bookmark the newest turn of the selected room"),
    Binding(
        "A",
        "toggle_all",
        "all rooms",
        id="all-rooms",
        tooltip="Send the next start, stop, mute, prompt or bookmark to all rooms, or to the selected one",
    ),
    Binding(
        "slash", "search", "search", key_display="/", id="search", tooltip="Search the turns and gists of all rooms"
    ),
    Binding("M", "bookmarks", "bookmarks", id="show-bookmarks", tooltip="Show the bookmarks of all rooms"),
    Binding(
        "c", "clear_alarms", "clear alarms", id="clear-alarms", tooltip="Clear the alarms and clip marks of all rooms"
    ),
    Binding("z", "toggle_tall", "size", id="toggle-tall", tooltip="Show more of each room and scroll, or all rooms"),
    SHARED["show-help"],
    Binding("q", "close", "close", id="quit", tooltip="Close the wall; the sessions continue"),
    SHARED["show-commands"],
    Binding("up,k", "step(-1)", "previous room", show=False, id="previous-entry", tooltip="Select the previous room"),
    Binding("down,j", "step(1)", "next room", show=False, id="next-entry", tooltip="Select the next room"),
    Binding("pageup", "page(-1)", "page up", show=False, id="page-up", tooltip="Select the room one page up"),
    Binding("pagedown", "page(1)", "page down", show=False, id="page-down", tooltip="Select the room one page down"),
    Binding("home,g", "step(-9999)", "first room", show=False, id="first-entry", tooltip="Select the first room"),
    Binding("end,G", "step(9999)", "last room", show=False, id="last-entry", tooltip="Select the last room"),
    Binding(
        "escape",
        "clear_selection",
        "selected room only",
        show=False,
        id="clear-selection",
        tooltip="Send commands to the selected room only",
    ),
]
"""Keys of the wall, the most useful first: the footer shows as many as fit."""

TOPICS = (
    ("Rooms", ("open-room", "previous-entry", "next-entry", "page-up", "page-down", "first-entry", "last-entry")),
    ("Sessions", ("start", "stop", "mute", "choose-prompt", "bookmark", "all-rooms", "clear-selection")),
    ("Search and alarms", ("search", "show-bookmarks", "clear-alarms")),
    ("Application", ("toggle-tall", "show-help", "show-commands", "quit")),
)
"""Ids of the keys by topic, in the order in which the help shows them."""

TITLES = {
    "open-room": "Open room",
    "all-rooms": "Send next command to all rooms",
    "search": "Search all rooms",
    "show-bookmarks": "Show bookmarks of all rooms",
    "clear-alarms": "Clear alarms",
    "toggle-tall": "Show more of each room",
    "quit": "Close wall",
    "previous-entry": "Select previous room",
    "next-entry": "Select next room",
    "page-up": "Select room one page up",
    "page-down": "Select room one page down",
    "first-entry": "Select first room",
    "last-entry": "Select last room",
    "clear-selection": "Send commands to the selected room only",
    "bookmark": "Bookmark newest turn",
}
"""Titles of the wall's actions in the command palette, where they differ from the dashboard's."""

SIGNS = (
    ("▸ before a name", "the selected room; before every name: all rooms"),
    ("█ ░ │", "level: RMS, peak, highest peak of the last seconds"),
    ("● ○ after the level", "whether the endpoint detects speech"),
    ("◆ and ┃", "the newest gist: of a turn, of the whole session"),
    ("★ 3", "number of bookmarks; M lists those of all rooms"),
    ("! word ×2", "alarm: turns that matched a highlight; c clears it"),
    ("BEHIND", "audio that waits to be sent"),
)


def wall_topics(keys: Mapping[str, str], possible: Container[str]) -> list[tuple[str, list[KeyHelp]]]:
    """Return the wall's keys by topic.

    Args:
        keys: a person's own keys by action id.
        possible: ids of the actions that are possible now.
    """
    known = {binding.id: binding for binding in WALL}
    return [(topic, [help_entry(known[id], keys, possible) for id in ids]) for topic, ids in TOPICS]
