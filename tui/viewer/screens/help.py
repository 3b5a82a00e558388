"""All keys of where one is, and what the signs mean."""

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
    ("… before a turn", "it is still spoken; words in italics may change"),
    ("█ ░ │", "level: RMS, what the peak exceeds it by, the highest peak of the last seconds"),
    ("● ○ speech, silence", "whether the endpoint hears somebody speak"),
    ("CLIP", "samples at full scale: lower the gain, then press c"),
    ("★ before a turn", "it is marked; M shows only those"),
    ("┃ before a gist", "it is about the whole session"),
    ("∅ and ✗", "an answer that did not come, and one that failed"),
)
STATES_SAY = {
    State.IDLE: "nothing is recorded; s starts a session",
    State.CONNECTING: "it is recorded already, and sent once the endpoint answers",
    State.LIVE: "what is said is recorded and sent",
    State.RECONNECTING: "the line is lost; it is recorded on, and sent later",
    State.DRAINING: "no longer recorded; answers are still to come",
    State.ENDED: "the session is saved",
    State.FAILED: "the line under the header says why, and what helps",
}
"""What each state means for what is said."""
HANG = 20
"""Cells of the column of keys and signs."""


class HelpScreen(ModalScreen[None]):
    """Keys, signs, and how to get other keys.

    Args:
        sections: keys under their headings; those that do nothing now are muted.
        signs: whether to explain the dashboard's signs and how to get other keys.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q,f1", "dismiss", show=False)]

    def __init__(self, sections: Sequence[tuple[str, Sequence[KeyHelp]]], *, signs: bool = True) -> None:
        super().__init__()
        self._sections = sections
        self._signs = signs

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with Vertical(classes="dialog tall" if self._signs else "dialog"):
            yield Reader(self._text(), hang=HANG, focusable=True, id="help-text")

    def _text(self) -> list[Line]:
        ways = "↑ ↓ page up, page down · muted: not possible now · esc closes" if self._signs else "esc closes"
        text: list[Line] = [(Span("Keys  ", "strong"), Span(ways, "muted")), ()]
        for heading, keys in self._sections:
            text.append((Span(heading, "accent strong"),))
            text += [self._row(told) for told in keys]
            text.append(())
        if not self._signs:
            return text[:-1]
        text.append((Span("Signs", "accent strong"),))
        text += [
            (Span(f"  {f'{sign} {word}':<{HANG - 2}}", "strong"), Span(STATES_SAY[state]))
            for state, (sign, word) in STATES.items()
        ]
        text += [(Span(f"  {sign:<{HANG - 2}}", "strong"), Span(about)) for sign, about in SIGNS]
        other = (
            'Other keys: in config.toml, under [keys], by the names in brackets: start = "f5". Muted: not possible now.'
        )
        return [*text, (), (Span(other, "muted"),)]

    @staticmethod
    def _row(told: KeyHelp) -> Line:
        ink = "" if told.possible else "muted"
        id = (Span(f"  [{told.id}]", "muted"),) if told.id else ()
        return (Span(f"  {told.key:<{HANG - 2}}", "strong" if told.possible else ink), Span(told.description, ink), *id)
