"""What can be done with which key: data. Users give other keys by the ids, in the config's `[keys]`."""

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from textual.binding import Binding

from tui.errors import ConfigError

DASHBOARD = [
    Binding("c", "clear_clip", "clear clip", id="clear-clip", tooltip="Acknowledge that the input was clipped"),
    Binding("s", "start", "start", id="start", tooltip="Start listening: a new session"),
    Binding("t", "recover", "transcribe rest", id="recover", tooltip="Send what was recorded but never transcribed"),
    Binding("x", "stop", "stop", id="stop", tooltip="Stop listening, wait for what is still to come, end the session"),
    Binding("space", "mute", "mute", id="mute", tooltip="Record and send silence, or no longer; pause a replay"),
    Binding("p", "pick", "prompt", id="prompt", tooltip="Choose the prompt for the turns to come"),
    Binding("a", "analyse", "analyse", id="analyse", tooltip="Ask the LLM about the whole session so far"),
    Binding("colon", "ask", "ask", key_display=":", id="ask", tooltip="Ask a question about what was said so far"),
    Binding("m", "bookmark", "mark", id="mark", tooltip="Mark the selected or newest turn, with or without a note"),
    Binding("r", "ask_again", "try again", id="try-again", tooltip="Ask again for an answer that did not come"),
    Binding("b", "ask_all", "run back", id="run-back", tooltip="Ask the prompts in use about the turns so far, too"),
    Binding(
        "question_mark",
        "help",
        "help",
        key_display="?",
        id="help",
        tooltip="Show the keys of this place, and signs",
    ),
    Binding("q", "leave", "quit", id="quit", tooltip="Leave; asks first if a session is under way"),
    Binding("d", "detach", "detach", id="detach", tooltip="Leave; the session goes on and `livegist` returns to it"),
    Binding("f", "follow", "follow", id="follow", tooltip="Keep the newest turn and gist on the page, or stay put"),
    Binding("tab", "app.focus_next", "pane", id="next-pane", tooltip="Go to the next pane"),
    Binding("z", "zoom", "zoom", id="zoom", tooltip="Give the pane with the keyboard the whole screen, or no longer"),
    Binding("v", "hide('gists')", "gists", show=False, id="hide-gists", tooltip="Hide the gists, or show them again"),
    Binding("i", "hide('figures')", "stats", show=False, id="hide-stats", tooltip="Hide the stats, or show them again"),
    Binding("slash", "search", "search", key_display="/", id="search", tooltip="Search in turns and gists"),
    Binding("y", "copy", "copy", id="copy", tooltip="Copy the selected turn or gist; without one, the whole pane"),
    Binding("M", "marks", "marks only", id="marks", tooltip="Show only what is marked, or everything again"),
    Binding("R", "name_speaker", "name speaker", id="name-speaker", tooltip="Name the speaker of a turn, in all turns"),
    Binding("plus", "gain(3)", "louder", show=False, key_display="+", id="louder", tooltip="Record 3 dB louder"),
    Binding("minus", "gain(-3)", "softer", show=False, key_display="-", id="softer", tooltip="Record 3 dB softer"),
    Binding("D", "devices", "device", id="device", tooltip="Choose a device by its level; a session goes on"),
    Binding("h", "history", "history", id="history", tooltip="Look at a session that is kept"),
    Binding("e", "export", "export", id="export", tooltip="Write the session to a file for other programs"),
    Binding("comma", "settings", "settings", key_display=",", id="settings", tooltip="See and change settings"),
    Binding("left", "seek(-10)", "10 s back", id="back", tooltip="Go back ten seconds in a replay"),
    Binding("right", "seek(10)", "10 s on", id="on", tooltip="Go on ten seconds in a replay"),
    Binding("o", "seek_turn", "from here", id="from-turn", tooltip="Go on with a replay from the selected turn"),
    Binding("n", "to_match(1)", "next match", show=False, id="next-match", tooltip="Go to the next match"),
    Binding("N", "to_match(-1)", "match before", show=False, id="match-before", tooltip="Go to the match before"),
    Binding("escape", "let_go", "let go", show=False, id="let-go", tooltip="End the search; select nothing"),
    Binding("ctrl+p", "app.command_palette", "commands", id="commands", tooltip="Find a command by its name"),
    Binding(
        "shift+tab", "app.focus_previous", "pane back", show=False, id="previous-pane", tooltip="Go to the pane before"
    ),
    Binding(
        "left_square_bracket",
        "prompt_step(-1)",
        "prompt before",
        show=False,
        key_display="[",
        id="prompt-before",
        tooltip="Use the prompt before this one",
    ),
    Binding(
        "right_square_bracket",
        "prompt_step(1)",
        "prompt after",
        show=False,
        key_display="]",
        id="prompt-after",
        tooltip="Use the prompt after this one",
    ),
    *(
        Binding(
            str(n),
            f"prompt({n})",
            f"prompt {n}",
            show=False,
            id=f"prompt-{n}",
            tooltip=f"Use prompt {n} from now on; of several that are asked, show it alone",
        )
        for n in range(1, 10)
    ),
]
"""Keys of the dashboard, the most useful first: the footer shows as many as fit."""


TOPICS = (
    ("Session", ("start", "stop", "recover", "mute", "device", "louder", "softer", "clear-clip")),
    ("Prompts and answers", ("prompt", "prompt-1", "prompt-before", "prompt-after", "ask", "analyse", "run-back")),
    ("What was said", ("mark", "marks", "name-speaker", "copy", "try-again")),
    ("Find", ("search", "next-match", "match-before", "let-go", "follow")),
    ("Panes", ("next-pane", "previous-pane", "zoom", "hide-gists", "hide-stats")),
    ("Replay", ("back", "on", "from-turn")),
    ("All the rest", ("help", "commands", "settings", "history", "export", "detach", "quit")),
)
"""Ids of the dashboard's keys by what they are for, as the help shows them."""
NINE = "Use the prompt at that place from now on; of several that are asked, show it alone, or all"


class KeyHelp(NamedTuple):
    """A key in the help."""

    key: str
    description: str
    id: str = ""
    """By which it can be given another key; empty for none."""
    possible: bool = True
    """Whether it does something now."""


def group_by_topic(keys: Mapping[str, str], possible: Container[str]) -> list[tuple[str, list[KeyHelp]]]:
    """Return the dashboard's keys by topic, for the help; the prompts' nine as one unless they were changed.

    Args:
        keys: a person's own, by id.
        possible: ids of what can be done now.
    """
    known = {binding.id: binding for binding in DASHBOARD if binding.id}
    own = [id for id in keys if id.startswith("prompt-") and id[7:].isdigit() and id != "prompt-1" and id in known]
    topics: list[tuple[str, list[KeyHelp]]] = []
    for topic, ids in TOPICS:
        rows = [help_entry(known[id], keys, possible) for id in ids]
        if "prompt-1" in ids:
            at = ids.index("prompt-1")
            if "prompt-1" not in keys:
                rows[at] = KeyHelp("1 … 9", NINE, "prompt-1 … prompt-9", "prompt-1" in possible)
            rows[at + 1 : at + 1] = [help_entry(known[id], keys, possible) for id in own]
        topics.append((topic, rows))
    return topics


def help_entry(binding: Binding, keys: Mapping[str, str], possible: Container[str]) -> KeyHelp:
    """Return one key for the help."""
    id = binding.id or ""
    key = keys.get(id) or binding.key_display or binding.key.replace(",", " ")
    return KeyHelp(key, binding.tooltip or binding.description, id, id in possible)


def problems(keys: Mapping[str, str], bindings: Iterable[Binding]) -> list[ConfigError]:
    """Return what is wrong with a person's own keys: ids that do not exist, and one key for two actions.

    Args:
        keys: by id, one key or several with commas between.
        bindings: all there are.
    """
    known = {binding.id: binding for binding in bindings if binding.id}
    found = [
        ConfigError(f"keys: there is no action {id!r}.", f"There are: {', '.join(sorted(known))}.")
        for id in keys
        if id not in known
    ]
    taken: dict[str, str] = {}
    for id, binding in known.items():
        for key in (part.strip() for part in keys.get(id, binding.key).split(",")):
            other = taken.setdefault(key, id)
            if other != id:
                found.append(ConfigError(f"keys: {key!r} is both {other} and {id}.", "Give one of them another key."))
    return found
