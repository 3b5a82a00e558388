"""Textual's terminal, to which a frame is one write.

Textual hands a frame over in three pieces: the sign to hold the screen, the frame, the sign to show it. Each wakes the
thread that writes and is a packet of its own on a line far away.
"""

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.drivers.linux_driver import LinuxDriver


class FrameDriver(LinuxDriver):
    """Joins what is written between the two signs."""

    _frame: list[str] | None = None
    """Pieces of the frame that is being written; `None` between frames."""

    def write(self, data: str) -> None:
        """Write, or hold back what belongs to a frame until that is whole."""
        if data == SYNC_START:
            self._frame = []
        if self._frame is None:
            super().write(data)
            return
        self._frame.append(data)
        if data == SYNC_END:
            frame, self._frame = self._frame, None
            super().write("".join(frame))
