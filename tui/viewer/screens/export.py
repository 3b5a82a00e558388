"""Choose what a session is exported as."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Span
from tui.viewer.widgets.choices import Choices, Reader

FORMATS = {
    "md": "Markdown: turns with their gists, analyses first",
    "txt": "Text: a line a turn",
    "srt": "SubRip captions",
    "vtt": "WebVTT captions, with speakers",
    "json": "JSON: all there is, words and figures too",
    "jsonl": "JSON, one object a line",
    "csv": "A table, a row a turn",
}


class ExportPicker(Dialog[str | None]):
    """The ending of a format, or `None` if the person thought better of it."""

    NAME = "Export"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "the row above", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "the row below", show=False, key_display="↓ j"),
        Binding("enter", "choose", "write the session in the marked format", show=False),
        Binding("escape,q,e", "cancel", "export nothing", show=False, key_display="esc"),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the question and the formats."""
        with Vertical(classes="dialog"):
            yield Reader([(Span("Export the session as what?", "strong"),)], id="question")
            yield Choices(id="formats")

    def on_mount(self) -> None:
        """Offer the formats."""
        self.query_one(Choices).show(
            [(Span(f"{ending:<6}", "strong"), Span(about, "muted")) for ending, about in FORMATS.items()]
        )

    def action_choose(self) -> None:
        """Take the marked format."""
        self.dismiss(list(FORMATS)[self.query_one(Choices).marked])
