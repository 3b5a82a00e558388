"""Help: the keys of a screen, and the signs of the dashboard."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.model.events import State
from tui.presentation.formatting import STATES
from tui.viewer.bindings import KeyHelp
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.choices import Reader

SIGNS = (
    ("now before a turn", "an open turn: it still grows; words in italics may change"),
    ("▎ before a turn", "its speaker, by colour"),
    ("█ ░ │", "level: RMS, peak, highest peak of the last seconds; numbers in dBFS"),
    ("⣿ ⣀ beside the level", "the last minutes: speech is filled, silence a dot at its level"),
    ("● ○ speech, silence", "whether the endpoint detects speech"),
    ("CLIP", "samples reached full scale: lower the gain, then press c"),
    ("★ before a turn", "a bookmark; M shows bookmarked turns only"),
    ("┃ before a gist", "the gist is about the whole session"),
    ("◆ ▲ □ ▽", "before a gist of a turn: its prompt, by the place in the list"),
    ("! in the stats", "what is abnormal"),
    ("∅ and ✗", "a gist that timed out, and one that failed; r retries"),
)
STATE_HELP = {
    State.IDLE: "no recording; s starts a session",
    State.CONNECTING: "recording; audio is sent once the connection is open",
    State.LIVE: "recording and sending",
    State.RECONNECTING: "connection lost; recording continues, audio is sent later",
    State.DRAINING: "recording has stopped; waiting for the last turns and gists",
    State.ENDED: "the session is saved",
    State.FAILED: "see the reason and the hint below the header",
}
"""Meaning of each state."""
KEY_CELLS = 20
"""Cells of the column of keys and signs."""


class HelpScreen(ModalScreen[None]):
    """Keys in sections, the dashboard's signs, and how to change keys.

    Args:
        sections: headings with their keys; keys of actions that are not possible now are muted.
        signs: whether to explain the dashboard's signs and how to change keys.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q,f1", "dismiss", show=False)]

    def __init__(self, sections: Sequence[tuple[str, Sequence[KeyHelp]]], *, signs: bool = True) -> None:
        super().__init__()
        self._sections = sections
        self._signs = signs

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with Vertical(classes="dialog tall" if self._signs else "dialog"):
            yield Reader(self._text(), hang=KEY_CELLS, focusable=True, id="help-text")

    def _text(self) -> list[Line]:
        keys_help = "↑ ↓ pgup pgdn scroll · muted: not possible now · esc close" if self._signs else "esc close"
        text: list[Line] = [(Span("Keys  ", "strong"), Span(keys_help, "muted")), ()]
        for heading, keys in self._sections:
            text.append((Span(heading, "accent strong"),))
            text += [self._row(key) for key in keys]
            text.append(())
        if not self._signs:
            return text[:-1]
        text.append((Span("Signs", "accent strong"),))
        text += [
            (Span(f"  {f'{sign} {word}':<{KEY_CELLS - 2}}", "strong"), Span(STATE_HELP[state]))
            for state, (sign, word) in STATES.items()
        ]
        text += [(Span(f"  {sign:<{KEY_CELLS - 2}}", "strong"), Span(about)) for sign, about in SIGNS]
        change = (
            'To change a key, set it in config.toml under [keys] by the name in brackets, for example: start = "f5".'
        )
        return [*text, (), (Span(change, "muted"),)]

    @staticmethod
    def _row(key: KeyHelp) -> Line:
        style = "" if key.possible else "muted"
        id = (Span(f"  [{key.id}]", "muted"),) if key.id else ()
        return (
            Span(f"  {key.key:<{KEY_CELLS - 2}}", "strong" if key.possible else style),
            Span(key.description, style),
            *id,
        )
