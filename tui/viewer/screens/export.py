"""Export picker: the formats in which a session can be written to a file."""

from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.text import one_line
from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Span
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices

FORMATS = {
    "md": "Markdown: turns with their gists, analyses first",
    "txt": "Text: one line per turn",
    "srt": "SubRip captions",
    "vtt": "WebVTT captions, with speakers",
    "json": "JSON: everything, with words and statistics",
    "jsonl": "JSON Lines: one object per line",
    "csv": "CSV table: one row per turn",
}


class ExportChoice(NamedTuple):
    """What a person wants exported."""

    format: str
    """Extension of the file."""
    fetch: bool = False
    """Whether the file is written on this machine in place of the engine's."""


class ExportPicker(Dialog[ExportChoice | None]):
    """A list of formats. Its result is `None` if it was cancelled.

    Args:
        host: name of the engine's machine, from which an export can be fetched; empty for this one.
        turns: number of turns that are selected; 0 to export the whole session.
    """

    NAME = "Export"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous format", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next format", show=False, key_display="↓ j"),
        Binding("enter", "choose", "export the session in the selected format", show=False),
        Binding("f", "fetch", "write the file on this machine, not on the engine's", show=False),
        Binding("escape,q,e", "cancel", "cancel: do not export", show=False, key_display="esc"),
    ]

    def __init__(self, host: str = "", turns: int = 0) -> None:
        super().__init__()
        self._what = f"{turns} selected turns" if turns else "the session"
        self._host = host

    def compose(self) -> ComposeResult:
        """Lay out the title and the formats."""
        keys = f"enter write on {one_line(self._host, 30)} · f fetch here" if self._host else "enter write"
        with Box(f"Export {self._what} as", f"{keys} · esc cancel"):
            yield Choices(id="formats")

    def on_mount(self) -> None:
        """Show the formats."""
        self.query_one(Choices).show(
            [(Span(f"{extension:<6}", "strong"), Span(about, "muted")) for extension, about in FORMATS.items()]
        )

    def action_choose(self) -> None:
        """Return the selected format."""
        self.dismiss(ExportChoice(self._selected))

    def action_fetch(self) -> None:
        """Return the selected format, to be written on this machine; do nothing if the engine is on it."""
        if self._host:
            self.dismiss(ExportChoice(self._selected, fetch=True))

    @property
    def _selected(self) -> str:
        return list(FORMATS)[self.query_one(Choices).selected]
