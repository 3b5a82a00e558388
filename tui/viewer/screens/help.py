"""Help: the keys of a screen, and the signs of the dashboard."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.model.events import State
from tui.presentation.formatting import STATES
from tui.text import contains_all
from tui.viewer.bindings import KeyHelp
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Reader

SIGNS = (
    ("now before a turn", "an open turn: it still grows; words in italics may change"),
    ("▎ before a turn", "its speaker, by colour"),
    ("█ ░ │", "level: RMS, peak, highest peak of the last seconds; numbers in dBFS"),
    ("⣿ ⣀ beside the level", "the last minutes: speech is filled, silence a dot at its level"),
    ("● ○ speech, silence", "whether the endpoint detects speech"),
    ("device lost", "silence is recorded until a device is available; below the header stands why"),
    ("CLIP", "samples reached full scale: lower the gain, then press c"),
    ("★ before a turn", "a bookmark; M shows bookmarked turns only"),
    ("┃ before a gist", "the gist is about the whole session"),
    ("◆ ▲ □ ▽", "before a gist of a turn: its prompt, by the place in the list"),
    ("! in the stats", "what is abnormal"),
    ("╌ between turns", "a gap in the recording"),
    ("∅ and ✗", "a gist that timed out, and one that failed; r retries"),
)
STATE_HELP = {
    State.IDLE: "no recording; s starts a session",
    State.CONNECTING: "recording; audio is sent once the connection is open",
    State.LIVE: "recording and sending",
    State.RECONNECTING: "connection lost; recording continues, audio is sent later",
    State.DRAINING: "recording has stopped; waiting for the last turns and gists; x ends the wait",
    State.ENDED: "the session is saved",
    State.FAILED: "see the reason and the hint below the header",
}
"""Meaning of each state."""
ID_COLUMNS = 80
"""Width of a terminal below which the ids of actions have no room."""
KEY_CELLS = 20
"""Cells of the column of keys and signs."""


CHANGE_KEYS = 'To change a key, set it in config.toml under [keys] by the name in brackets, for example: start = "f5".'


def _sign_row(sign: str, about: str) -> Line:
    return (Span(f"  {sign:<{KEY_CELLS - 2}}", "strong"), Span(about))


def _plain(heading: str, row: Line) -> str:
    return f"{heading} {''.join(span.text for span in row)}"


class HelpScreen(ModalScreen[None]):
    """Keys in sections, signs, states, and how to change keys.

    Args:
        sections: headings with their keys; keys of actions that are not possible now are muted.
        signs: whether to explain signs, states and how to change keys.
        signs_of: the signs and their meanings.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "dismiss", show=False, priority=True),
        Binding("question_mark", "dismiss", show=False, priority=True),
        Binding("up", "scroll(-1)", show=False, priority=True),
        Binding("down", "scroll(1)", show=False, priority=True),
        Binding("pageup", "scroll(-10)", show=False, priority=True),
        Binding("pagedown", "scroll(10)", show=False, priority=True),
    ]

    def __init__(
        self,
        sections: Sequence[tuple[str, Sequence[KeyHelp]]],
        *,
        signs: bool = True,
        signs_of: Sequence[tuple[str, str]] = SIGNS,
    ) -> None:
        super().__init__()
        self._signs_of = signs_of
        self._sections = sections
        self._signs = signs

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        keys = "type to filter · ↑ ↓ scroll · muted: not possible now · esc close"
        with Box("Keys and signs" if self._signs else "Keys", keys, classes="tall" if self._signs else ""):
            yield Input(placeholder="filter", id="filter", compact=True)
            yield Reader(self._text(""), hang=KEY_CELLS, id="help-text")

    @on(Input.Changed)
    def filter_rows(self, event: Input.Changed) -> None:
        """Show the rows that contain each word of the filter."""
        self.query_one(Reader).show(self._text(event.value) or [(Span("Nothing matches the filter.", "muted"),)])

    def action_scroll(self, lines: int) -> None:
        """Scroll the text down, or up if negative."""
        self.query_one(Reader).action_scroll(lines)

    def _text(self, words: str) -> list[Line]:
        """Return the sections with the rows that contain all words, and nothing of the others."""
        sections: list[tuple[str, list[Line]]] = [
            (heading, [self._row(key) for key in keys]) for heading, keys in self._sections
        ]
        if self._signs:
            states = [(f"{sign} {word}", STATE_HELP[state]) for state, (sign, word) in STATES.items()]
            sections.append(("States", [_sign_row(sign, about) for sign, about in states]))
            sections.append(("Signs", [_sign_row(sign, about) for sign, about in self._signs_of]))
        text: list[Line] = []
        for heading, rows in sections:
            found = [row for row in rows if contains_all(_plain(heading, row), words)]
            if found:
                text += [(Span(heading, "accent strong"),), *found, ()]
        if self._signs and not words.strip() and self.app.size.width >= ID_COLUMNS:
            return [*text, (Span(CHANGE_KEYS, "muted"),)]
        return text[:-1]

    def _row(self, key: KeyHelp) -> Line:
        style = "" if key.possible else "muted"
        id = (Span(f"  [{key.id}]", "muted"),) if key.id and self.app.size.width >= ID_COLUMNS else ()
        return (
            Span(f"  {key.key:<{KEY_CELLS - 2}}", "strong" if key.possible else style),
            Span(key.description, style),
            *id,
        )
