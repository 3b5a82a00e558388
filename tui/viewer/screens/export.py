"""Export picker: the formats in which a session can be written to a file."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Span
from tui.viewer.widgets.choices import Choices, Reader

FORMATS = {
    "md": "Markdown: turns with their gists, analyses first",
    "txt": "Text: one line per turn",
    "srt": "SubRip captions",
    "vtt": "WebVTT captions, with speakers",
    "json": "JSON: everything, with words and statistics",
    "jsonl": "JSON Lines: one object per line",
    "csv": "CSV table: one row per turn",
}


class ExportPicker(Dialog[str | None]):
    """A list of formats. Its result is a file name extension, or `None` if it was cancelled."""

    NAME = "Export"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous format", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next format", show=False, key_display="↓ j"),
        Binding("enter", "choose", "export the session in the selected format", show=False),
        Binding("escape,q,e", "cancel", "cancel: do not export", show=False, key_display="esc"),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the title and the formats."""
        with Vertical(classes="dialog"):
            yield Reader([(Span("Export the session as", "strong"),)], id="question")
            yield Choices(id="formats")

    def on_mount(self) -> None:
        """Show the formats."""
        self.query_one(Choices).show(
            [(Span(f"{extension:<6}", "strong"), Span(about, "muted")) for extension, about in FORMATS.items()]
        )

    def action_choose(self) -> None:
        """Return the selected format."""
        self.dismiss(list(FORMATS)[self.query_one(Choices).selected])
