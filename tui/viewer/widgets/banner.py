"""The header line and, when something is wrong, why and what to do."""

from typing import ClassVar

from textual.geometry import Size

from tui.model.events import State
from tui.presentation.formatting import STATES, prompt_name
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line
from tui.viewer.styled_text import Line, Span, justify, pad, width, wrap
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.stats_pane import NOTABLE_LAG_S

STATE_STYLES = {
    State.IDLE: "muted",
    State.CONNECTING: "warn",
    State.LIVE: "good",
    State.RECONNECTING: "warn",
    State.DRAINING: "warn",
    State.ENDED: "strong",
    State.FAILED: "bad",
}


class Banner(CellWidget):
    """Name, state as sign and word, elapsed time, device, models and prompt, in one row."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"accent", "muted", "good", "warn", "bad", "strong"})

    def __init__(self, picture: ViewModel, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture = picture
        self.cut = False
        """Whether the line to the engine is down."""

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the row; what matters least gives way first."""
        picture = self._picture
        left = [
            Span(" livegist ", "accent strong"),
            *self._state(),
            Span(f"  {clock(picture.stats.elapsed_s)}", "strong"),
        ]
        if picture.replay_speed:
            left.append(Span(f"  ▶ REPLAY ×{picture.replay_speed:g}", "accent strong"))
        if picture.paused:
            left.append(Span("  ‖ PAUSED", "warn strong"))
        if picture.muted:
            left.append(Span("  ⊘ MUTED", "warn strong"))
        left += self._shortfalls()
        details: list[Line] = []
        for label, value in self._details():
            details.append((Span("  "), Span(f"{label} ", "muted"), Span(one_line(value, 60))))
        right: Line = ()
        room = columns - width(left) - 1
        for detail in details:
            if width(right) + width(detail) <= room:
                right += detail
        return [justify(left, (*right, Span(" ")), columns)]

    def _shortfalls(self) -> list[Span]:
        """Return by how much the endpoint and the disk are behind, as long as that is worth a word."""
        picture, stats = self._picture, self._picture.stats
        found: list[Span] = []
        if picture.state.active and stats.lag_s >= NOTABLE_LAG_S:
            found.append(Span(f"  {stats.lag_s:.0f} s BEHIND", "warn strong"))
        if stats.unsaved_s:
            found.append(Span(f"  {stats.unsaved_s:.0f} s NOT ON DISK", "bad strong"))
        return found

    def _state(self) -> list[Span]:
        if self.cut:
            return [Span(" ↻ ENGINE GONE", "bad strong")]
        if not self._picture.synced:
            return [Span(" … STARTING", "muted strong")]
        sign, word = STATES[self._picture.state]
        return [Span(f" {sign} {word}", f"{STATE_STYLES[self._picture.state]} strong")]

    def _details(self) -> list[tuple[str, str]]:
        """Return what is told beside the state, most important first."""
        picture = self._picture
        found: list[tuple[str, str]] = []
        if picture.prompt:
            lenses = len(picture.asking) - 1
            beside = f" +{lenses}" if lenses else ""
            found.append(("prompt", f"{prompt_name(picture.prompts, picture.prompt)}{beside}"))
        if picture.session is not None:
            found.append(("from", picture.stats.device or picture.session.source))
            found.append(("speech", picture.session.speech_model))
            found.append(("at", picture.session.endpoint))
        return found


class Alert(CellWidget):
    """Why the session is where it is and what to do; hidden while there is nothing to say."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"bad", "warn", "strong", "muted"})

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._why: tuple[str, str, str] = ("", "", "")
        self.display = False

    def say(self, ink: str, why: str, hint: str = "") -> None:
        """Show why and what to do, or nothing for an empty `why`."""
        if (ink, why, hint) == self._why:
            return
        self._why = (ink, why, hint)
        self.display = bool(why)
        self.refresh(layout=True)
        self.touch()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return one row, or up to three if the words need them."""
        return min(3, len(self._wrapped(width)))

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return what and what to do."""
        return [pad(line, columns) for line in self._wrapped(columns)[:rows]]

    def _wrapped(self, columns: int) -> list[Line]:
        ink, why, hint = self._why
        sign = "✗" if ink == "bad" else "↻"
        return wrap([Span(f" {sign} {one_line(why, 400)} ", f"{ink} strong"), Span(one_line(hint, 400))], columns)
