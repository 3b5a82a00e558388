"""Choose what a session is exported as."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.viewer.lines import Span
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


class ExportPicker(ModalScreen[str | None]):
    """The ending of a format, or `None` if the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", show=False),
        Binding("down,j,tab", "step(1)", show=False),
        Binding("enter", "choose", show=False),
        Binding("escape,q,e", "cancel", show=False),
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

    def action_step(self, step: int) -> None:
        """Mark another format."""
        self.query_one(Choices).step(step)

    def action_choose(self) -> None:
        """Take the marked format."""
        self.dismiss(list(FORMATS)[self.query_one(Choices).marked])

    def action_cancel(self) -> None:
        """Export nothing."""
        self.dismiss(None)
