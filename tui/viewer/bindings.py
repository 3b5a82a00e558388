"""Key bindings of the dashboard, their topics in the help, and checks of a person's own keys. Pure data and functions.

A binding's id is its name in the `[keys]` table of the config file.
"""

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from textual.binding import Binding

from tui.errors import ConfigError

DASHBOARD = [
    Binding("c", "clear_clip", "clear clip", id="clear-clip", tooltip="Clear the clip mark"),
    Binding("s", "start", "start", id="start", tooltip="Start a session"),
    Binding(
        "t",
        "recover",
        "transcribe rest",
        id="recover",
        tooltip="Transcribe the rest of the newest session that was not transcribed to its end",
    ),
    Binding("x", "stop", "stop", id="stop", tooltip="Stop recording, wait for the last turns; meanwhile: end the wait"),
    Binding("space", "mute", "mute", id="mute", tooltip="Mute or unmute; in a replay: pause or resume"),
    Binding("p", "choose_prompt", "prompt", id="choose-prompt", tooltip="Choose the prompt for new turns"),
    Binding("a", "analyse", "analyse", id="analyse", tooltip="Ask the LLM about the whole session so far"),
    Binding("colon", "ask", "ask", key_display=":", id="ask", tooltip="Ask a question about the session so far"),
    Binding(
        "m",
        "bookmark",
        "bookmark",
        id="bookmark",
        tooltip="Add, edit or remove a bookmark on the selected or last turn",
    ),
    Binding("r", "retry_gist", "retry", id="retry-gist", tooltip="Retry the selected or the newest failed gist"),
    Binding("b", "ask_all", "ask all", id="ask-all", tooltip="Ask the prompts in use about all turns so far"),
    Binding(
        "question_mark",
        "help",
        "help",
        key_display="?",
        id="show-help",
        tooltip="Show the keys and signs of this screen",
    ),
    Binding("q", "request_quit", "quit", id="quit", tooltip="Quit; asks first if a session is running"),
    Binding("d", "detach", "detach", id="detach", tooltip="Close the dashboard; the session continues"),
    Binding("f", "follow", "follow", id="follow", tooltip="Follow the newest turn and gist, or stop following"),
    Binding("tab", "app.focus_next", "pane", id="next-pane", tooltip="Focus the next pane"),
    Binding("z", "zoom", "zoom", id="zoom", tooltip="Zoom the focused pane, or show all panes"),
    Binding(
        "w",
        "toggle_reading",
        "reading",
        show=False,
        id="toggle-reading",
        tooltip="Show turns with their gists below them in one column, or all panes",
    ),
    Binding("v", "toggle_pane('gists')", "gists", show=False, id="toggle-gists", tooltip="Show or hide the gists"),
    Binding(
        "i",
        "toggle_all_stats",
        "all stats",
        show=False,
        id="toggle-all-stats",
        tooltip="Show all statistics, or the most important ones",
    ),
    Binding("I", "toggle_pane('stats')", "stats", show=False, id="toggle-stats", tooltip="Show or hide the stats"),
    Binding(
        "T",
        "toggle_clock",
        "times",
        show=False,
        id="toggle-clock",
        tooltip="Show turns with the time of the day, or with the time since the start",
    ),
    Binding(
        "0",
        "reset_layout",
        "reset layout",
        show=False,
        id="reset-layout",
        tooltip="Show all panes at their sizes, with times since the start",
    ),
    Binding("slash", "search", "search", key_display="/", id="search", tooltip="Search turns and gists"),
    Binding("y", "copy", "copy", id="copy", tooltip="Copy the selected entry, or the whole pane if none is selected"),
    Binding(
        "M",
        "toggle_bookmarks",
        "bookmarks only",
        id="toggle-bookmarks",
        tooltip="Show bookmarked turns only, or all turns",
    ),
    Binding(
        "Y",
        "copy_markdown",
        "copy Markdown",
        show=False,
        id="copy-markdown",
        tooltip="Copy the selected turns, or all, as Markdown with times",
    ),
    Binding("ctrl+g", "go_to", "go to", show=False, id="go-to", tooltip="Go to a turn by its number or its time"),
    Binding(
        "P",
        "play",
        "play",
        show=False,
        id="play",
        tooltip="Play the recording from the selected turn on, or stop playing; on the engine's machine",
    ),
    Binding("f2", "edit_title", "title", show=False, id="edit-title", tooltip="Edit the title of the session"),
    Binding(
        "E",
        "edit_turn",
        "edit",
        show=False,
        id="edit-turn",
        tooltip="Edit the text of the selected or last turn; | in the text splits it",
    ),
    Binding(
        "J", "merge_turn", "merge", show=False, id="merge-turn", tooltip="Append the next turn to the selected one"
    ),
    Binding(
        "u", "undo_edit", "undo edit", show=False, id="undo-edit", tooltip="Undo the newest edit of the transcript"
    ),
    Binding(
        "F",
        "toggle_speaker",
        "one speaker",
        show=False,
        id="toggle-speaker",
        tooltip="Show the turns of the selected turn's speaker only, or all turns",
    ),
    Binding("R", "name_speaker", "name speaker", id="name-speaker", tooltip="Name the speaker of a turn, in all turns"),
    Binding(
        "plus",
        "change_gain(3)",
        "louder",
        show=False,
        key_display="+",
        id="increase-gain",
        tooltip="Increase the gain by 3 dB",
    ),
    Binding(
        "minus",
        "change_gain(-3)",
        "softer",
        show=False,
        key_display="-",
        id="decrease-gain",
        tooltip="Decrease the gain by 3 dB",
    ),
    Binding(
        "D",
        "choose_device",
        "device",
        id="choose-device",
        tooltip="Choose an input device by its level; a running session continues",
    ),
    Binding("h", "history", "history", id="show-history", tooltip="Open a past session"),
    Binding("e", "export", "export", id="export", tooltip="Export the session to a file"),
    Binding("comma", "settings", "settings", key_display=",", id="show-settings", tooltip="Show and change settings"),
    Binding("left", "seek(-10)", "10 s back", id="seek-back", tooltip="Seek back 10 s in a replay"),
    Binding("right", "seek(10)", "10 s forward", id="seek-forward", tooltip="Seek forward 10 s in a replay"),
    Binding("o", "seek_turn", "seek to turn", id="seek-to-turn", tooltip="Seek a replay to the selected turn"),
    Binding("n", "go_to_match(1)", "next match", show=False, id="next-match", tooltip="Go to the next match"),
    Binding(
        "N", "go_to_match(-1)", "previous match", show=False, id="previous-match", tooltip="Go to the previous match"
    ),
    Binding(
        "escape",
        "clear_selection",
        "clear selection",
        show=False,
        id="clear-selection",
        tooltip="Clear the search, or the selection",
    ),
    Binding("ctrl+p", "app.command_palette", "commands", id="show-commands", tooltip="Find a command by its name"),
    Binding(
        "shift+tab",
        "app.focus_previous",
        "previous pane",
        show=False,
        id="previous-pane",
        tooltip="Focus the previous pane",
    ),
    Binding(
        "left_square_bracket",
        "step_prompt(-1)",
        "previous prompt",
        show=False,
        key_display="[",
        id="previous-prompt",
        tooltip="Use the previous prompt in the list",
    ),
    Binding(
        "right_square_bracket",
        "step_prompt(1)",
        "next prompt",
        show=False,
        key_display="]",
        id="next-prompt",
        tooltip="Use the next prompt in the list",
    ),
    *(
        Binding(
            str(n),
            f"use_prompt({n})",
            f"prompt {n}",
            show=False,
            id=f"use-prompt-{n}",
            tooltip=f"Use prompt {n} for new turns; if it is in use beside others: show only its gists, or all gists",
        )
        for n in range(1, 10)
    ),
]
"""Keys of the dashboard, the most useful first: the footer shows as many as fit."""

OLD_ACTION_IDS = {
    "prompt": "choose-prompt",
    **{f"prompt-{n}": f"use-prompt-{n}" for n in range(1, 10)},
    "prompt-before": "previous-prompt",
    "prompt-after": "next-prompt",
    "mark": "bookmark",
    "marks": "toggle-bookmarks",
    "try-again": "retry-gist",
    "run-back": "ask-all",
    "help": "show-help",
    "commands": "show-commands",
    "settings": "show-settings",
    "history": "show-history",
    "hide-gists": "toggle-gists",
    "hide-stats": "toggle-stats",
    "louder": "increase-gain",
    "softer": "decrease-gain",
    "device": "choose-device",
    "back": "seek-back",
    "on": "seek-forward",
    "from-turn": "seek-to-turn",
    "match-before": "previous-match",
    "let-go": "clear-selection",
    "previous": "previous-entry",
    "next": "next-entry",
    "first": "first-entry",
    "last": "last-entry",
    "choose": "show-counterpart",
}
"""Current ids of actions by their ids in earlier versions, which config files may contain."""

TOPICS = (
    (
        "Session",
        (
            "start",
            "stop",
            "recover",
            "mute",
            "edit-title",
            "choose-device",
            "increase-gain",
            "decrease-gain",
            "clear-clip",
        ),
    ),
    (
        "Prompts and gists",
        (
            "choose-prompt",
            "use-prompt-1",
            "previous-prompt",
            "next-prompt",
            "ask",
            "analyse",
            "ask-all",
            "retry-gist",
        ),
    ),
    (
        "Turns",
        (
            "bookmark",
            "toggle-bookmarks",
            "name-speaker",
            "toggle-speaker",
            "edit-turn",
            "merge-turn",
            "undo-edit",
            "play",
            "copy",
            "copy-markdown",
        ),
    ),
    ("Search", ("search", "go-to", "next-match", "previous-match", "clear-selection", "follow")),
    (
        "Panes",
        (
            "next-pane",
            "previous-pane",
            "zoom",
            "toggle-reading",
            "toggle-gists",
            "toggle-all-stats",
            "toggle-stats",
            "toggle-clock",
            "reset-layout",
        ),
    ),
    ("Replay", ("seek-back", "seek-forward", "seek-to-turn")),
    ("Application", ("show-help", "show-commands", "show-settings", "show-history", "export", "detach", "quit")),
)
"""Ids of the dashboard's keys by topic, in the order in which the help shows them."""
PROMPT_KEYS_HELP = (
    "Use the prompt at that place for new turns; if it is in use beside others: show only its gists, or all gists"
)


class KeyHelp(NamedTuple):
    """One row of the help: a key and what it does."""

    key: str
    description: str
    id: str = ""
    """Id of the action in `[keys]`; empty if its key is fixed."""
    possible: bool = True
    """Whether the action is possible now."""


def group_by_topic(keys: Mapping[str, str], possible: Container[str]) -> list[tuple[str, list[KeyHelp]]]:
    """Return the dashboard's keys by topic; `1` to `9` are one row unless a person's own keys change them.

    Args:
        keys: a person's own keys by action id.
        possible: ids of the actions that are possible now.
    """
    known = {binding.id: binding for binding in DASHBOARD if binding.id}
    own = [id for id in keys if id.startswith("use-prompt-") and id != "use-prompt-1" and id in known]
    topics: list[tuple[str, list[KeyHelp]]] = []
    for topic, ids in TOPICS:
        rows = [help_entry(known[id], keys, possible) for id in ids]
        if "use-prompt-1" in ids:
            at = ids.index("use-prompt-1")
            if "use-prompt-1" not in keys:
                rows[at] = KeyHelp("1 … 9", PROMPT_KEYS_HELP, "use-prompt-1 … use-prompt-9", "use-prompt-1" in possible)
            rows[at + 1 : at + 1] = [help_entry(known[id], keys, possible) for id in own]
        topics.append((topic, rows))
    return topics


def help_entry(binding: Binding, keys: Mapping[str, str], possible: Container[str]) -> KeyHelp:
    """Return a binding's row of the help."""
    id = binding.id or ""
    key = keys.get(id) or binding.key_display or binding.key.replace(",", " ")
    return KeyHelp(key, binding.tooltip or binding.description, id, id in possible)


def current_ids(keys: Mapping[str, str]) -> tuple[dict[str, str], list[ConfigError]]:
    """Return a person's own keys by current action ids, and at most one notice that names the old ids.

    A key under an action's current id overrides one under its old id.

    Args:
        keys: keys by action id, as the config file has them.
    """
    old = {id: OLD_ACTION_IDS[id] for id in keys if id in OLD_ACTION_IDS}
    if not old:
        return dict(keys), []
    renamed = {new: keys[id] for id, new in old.items()}
    current = {id: key for id, key in keys.items() if id not in old}
    names = ", ".join(f"{id} is now called {new}" for id, new in old.items())
    notice = ConfigError(f"[keys]: {names}.", "Old names still work; please use the new ones in the config file.")
    return renamed | current, [notice]


def problems(
    keys: Mapping[str, str], bindings: Iterable[Binding], elsewhere: Iterable[Binding] = ()
) -> list[ConfigError]:
    """Return the errors in a person's own keys: unknown action ids, and one key bound to two actions.

    Args:
        keys: by action id, one key or several separated by commas.
        bindings: all bindings with ids of one screen.
        elsewhere: bindings of other screens, whose ids are known, too.
    """
    known = {binding.id: binding for binding in bindings if binding.id}
    ids = sorted({*known, *(binding.id for binding in elsewhere if binding.id)})
    found = [
        ConfigError(f"[keys]: unknown action {id!r}.", f"Actions: {', '.join(ids)}.") for id in keys if id not in ids
    ]
    taken: dict[str, str] = {}
    for id, binding in known.items():
        for key in (part.strip() for part in keys.get(id, binding.key).split(",")):
            other = taken.setdefault(key, id)
            if other != id:
                found.append(
                    ConfigError(f"[keys]: {key!r} is bound to both {other} and {id}.", "Give one of them another key.")
                )
    return found
