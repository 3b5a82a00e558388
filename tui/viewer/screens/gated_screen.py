"""Screen that paints changes at once, and no frames while the terminal is behind."""

import time

from textual.reactive import Reactive
from textual.screen import UPDATE_PERIOD, Screen
from textual.widget import Widget

from tui.viewer.compositor import MAX_FRAMES_WAITING, CellCompositor, frames_waiting
from tui.viewer.frame_rate import FrameRateController


class GatedScreen(Screen[None]):
    """A screen whose frames are gated by the terminal.

    Args:
        frame_rate: learns whether the terminal keeps up.
    """

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """The focused widget. Textual repaints the whole screen when it changes; here the panes repaint their titles."""

    def __init__(self, *, frame_rate: FrameRateController, id: str | None = None) -> None:
        super().__init__(id=id)
        self._compositor = CellCompositor()
        self._frame_rate = frame_rate
        self._painted_at = 0.0

    def on_idle(self) -> None:
        """Paint a change at once; changes that follow within one frame wait for Textual's timer."""
        if time.monotonic() - self._painted_at >= UPDATE_PERIOD:
            self._on_timer_update()

    def _on_timer_update(self) -> None:
        """Paint, unless frames wait for the terminal: changes merge, and their newest state is painted later."""
        now = time.monotonic()
        if frames_waiting(self.app._driver) < MAX_FRAMES_WAITING:
            self._painted_at = now
            self._frame_rate.mark_fast(now)
            super()._on_timer_update()
        else:
            self._frame_rate.mark_slow(now)
