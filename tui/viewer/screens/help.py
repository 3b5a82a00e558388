"""All keys of where one is, and what the signs mean."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.viewer.lines import Line, Span
from tui.viewer.widgets.choices import Reader
from tui.viewer.words import STATES

SIGNS = (
    ("… before a turn", "it is still spoken; words in italics may change"),
    ("█ ░ │", "level: RMS, what the peak exceeds it by, the highest peak of the last seconds"),
    ("CLIP", "samples at full scale: lower the gain, then press c"),
    ("★ before a turn", "it is marked; M shows only those"),
    ("┃ before a gist", "it is about the whole session"),
    ("∅ and ✗", "an answer that did not come, and one that failed"),
)
HANG = 20
"""Cells of the column of keys and signs."""


class HelpScreen(ModalScreen[None]):
    """Keys, signs, and how to get other keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", show=False)]

    def __init__(self, sections: Sequence[tuple[str, Sequence[tuple[str, str, str]]]]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with Vertical(classes="dialog tall"):
            yield Reader(self._text(), hang=HANG, focusable=True, id="help-text")

    def _text(self) -> list[Line]:
        text: list[Line] = []
        for heading, keys in self._sections:
            text.append((Span(heading, "accent strong"),))
            text += [
                (Span(f"  {key:<{HANG - 2}}", "strong"), Span(f"{about}  "), Span(f"[{id}]" if id else "", "muted"))
                for key, about, id in keys
            ]
            text.append(())
        text.append((Span("Signs", "accent strong"),))
        text += [(Span(f"  {sign} {word:<14}", "strong"),) for sign, word in STATES.values()]
        text += [(Span(f"  {sign:<{HANG - 2}}", "strong"), Span(about)) for sign, about in SIGNS]
        text += [
            (),
            (Span('Other keys: in config.toml, under [keys], by the names in brackets: start = "f5"', "muted"),),
        ]
        text += [(Span("esc closes this", "muted"),)]
        return text
