"""Header: the state of the session in one row; and the alert below it, with a problem's reason and a hint."""

from collections.abc import Sequence
from typing import ClassVar

from textual.geometry import Size

from tui.model.events import State
from tui.presentation.formatting import prompt_name, state_pill
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line
from tui.viewer.layout_state import LayoutState
from tui.viewer.styled_text import Line, Span, justify, pad, width, wrap
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.stats_pane import NOTABLE_LAG_S


class Banner(CellWidget):
    """One row: name, state, elapsed time, shortfalls, prompt, device, model and endpoint.

    Args:
        view_model: the session.
        past: whether it is shown as a past one, with the time of its start.
        id: of the widget.
    """

    STYLES: ClassVar[frozenset[str]] = frozenset(
        {"accent", "muted", "good", "warn", "bad", "strong", "pill-muted", "pill-warn", "pill-bad"}
    )

    def __init__(self, view_model: ViewModel, *, past: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view_model = view_model
        self._past = past
        self.room = ""
        """Name of the room on the wall; empty if the viewer shows one engine."""
        self.layout_state = LayoutState()
        """Which panes are hidden or zoomed, to be named."""

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the row; details that do not fit are left out, the least important first."""
        view_model = self._view_model
        machine = one_line(self.room or view_model.host.rpartition("@")[2], 40)
        left = [
            Span(f" livegist{f'@{machine}' if machine else ''} ", "accent strong"),
            *self._state(),
            Span(f"  {clock(view_model.stats.elapsed_s)}", "strong"),
        ]
        if view_model.replay_speed:
            left.append(Span(f"  ▶ REPLAY ×{view_model.replay_speed:g}", "accent strong"))
        if view_model.playing:
            left += [Span("  ▶ PLAYING", "accent strong"), Span(" P", "muted")]
        if view_model.paused:
            left.append(Span("  ‖ PAUSED", "warn strong"))
        if view_model.muted:
            left.append(Span("  ⊘ MUTED", "warn strong"))
        left += self._shortfalls()
        left += self._layout()
        details: list[Line] = []
        for label, value in self._details():
            style = "" if label else "strong"
            details.append((Span("  "), Span(f"{label} " if label else "", "muted"), Span(one_line(value, 60), style)))
        right: Line = ()
        room = columns - width(left) - 1
        for detail in details:
            if width(right) + width(detail) <= room:
                right += detail
        return [justify(left, (*right, Span(" ")), columns)]

    def _layout(self) -> list[Span]:
        """Return the zoomed pane, or the hidden ones, with the key that shows all."""
        layout = self.layout_state
        if layout.zoomed == "reading":
            return [Span("  reading", "accent"), Span(" w", "muted")]
        if layout.zoomed:
            return [Span(f"  {layout.zoomed} zoomed", "accent"), Span(" z", "muted")]
        if layout.hidden:
            return [Span(f"  {' and '.join(layout.hidden)} hidden", "accent"), Span(" 0", "muted")]
        return []

    def _shortfalls(self) -> list[Span]:
        """Return how far sending and saving are behind, if that is notable."""
        view_model, stats = self._view_model, self._view_model.stats
        spans: list[Span] = []
        if view_model.state.active and stats.lag_s >= NOTABLE_LAG_S:
            behind = "switching prompt" if view_model.switching_prompt else f"{stats.lag_s:.0f} s BEHIND"
            spans.append(Span(f"  {behind}", "warn strong"))
        if stats.unsaved_s:
            spans.append(Span(f"  {stats.unsaved_s:.0f} s NOT ON DISK", "bad strong"))
        return spans

    def _state(self) -> list[Span]:
        if self._view_model.replay_speed and self._view_model.state is State.LIVE and not self._view_model.disconnected:
            return []
        style, sign, word = state_pill(self._view_model)
        return [Span(f" {sign} {word} ", style)]

    def _details(self) -> list[tuple[str, str]]:
        """Return labels and values at the right, the most important first."""
        view_model = self._view_model
        details: list[tuple[str, str]] = []
        if self._past and view_model.session is not None:
            details.append(("", view_model.session.started_at[:16].replace("T", " ")))
        if view_model.title:
            details.append(("", view_model.title))
        if view_model.prompt:
            extra_prompts = len(view_model.asking) - 1
            more = f" +{extra_prompts}" if extra_prompts else ""
            details.append(("prompt", f"{prompt_name(view_model.prompts, view_model.prompt)}{more}"))
        if view_model.session is not None:
            details.append(("from", view_model.stats.device or _source_name(view_model.session.source)))
            details.append(("speech", view_model.session.speech_model))
            details.append(("at", view_model.endpoint))
        return details


def _source_name(source: str) -> str:
    """Return a source as it is shown while it is recorded: of a file, its name."""
    return source.rpartition("/")[2] if source.startswith("/") else source


class Alert(CellWidget):
    """Reason of a problem and what to do about it; hidden while there is none."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"pill-bad", "warn", "strong", "muted"})

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content: tuple[str, str, str] = ("", "", "")
        """Style, reason and hint."""
        self.display = False

    @property
    def style(self) -> str:
        """Style of the reason; empty while the alert is hidden."""
        return self._content[0] if self._content[1] else ""

    def show(self, style: str, reason: str, hint: str = "") -> None:
        """Show a reason and a hint; hide the alert for an empty reason."""
        if (style, reason, hint) == self._content:
            return
        self._content = (style, reason, hint)
        self.display = bool(reason)
        self.refresh(layout=True)
        self.touch()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return one to three rows."""
        return min(3, len(self._wrapped(width)))

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the reason and the hint; those of a failure in red across the row."""
        fill = "pill-bad" if self._content[0] == "bad" else ""
        return [pad(line, columns, fill) for line in self._wrapped(columns)[:rows]]

    def _wrapped(self, columns: int) -> list[Line]:
        """Return the reason and the hint; the rows after the first begin below its words."""
        style, reason, hint = self._content
        reason, hint = one_line(reason, 400), one_line(hint, 400)
        match style:
            case "alarm":
                alarm = _hanging([Span(f"■ {reason}", "pill-bad")], columns, "pill-bad")
                hints = [(Span("   "), *line) for line in wrap([Span(hint, "muted")], columns - 3)] if hint else []
                return [*(pad(line, columns, "pill-bad") for line in alarm), *hints]
            case "bad":
                return _hanging([Span(f"✗ {reason} {hint} ", "pill-bad")], columns, "pill-bad")
        sign = "◔" if style == "wait" else "↻"
        return _hanging([Span(f"{sign} {reason} ", "warn strong"), Span(hint)], columns, "")


def _hanging(spans: Sequence[Span], columns: int, style: str) -> list[Line]:
    """Return the text as lines; the first has a sign of one cell, below which the others are empty."""
    sign, text = spans[0]._replace(text=spans[0].text[:2]), spans[0]._replace(text=spans[0].text[2:])
    first = Span(f" {sign.text}", sign.style)
    return [
        (first if at == 0 else Span("   ", style), *line)
        for at, line in enumerate(wrap([text, *spans[1:]], columns - 3))
    ]
