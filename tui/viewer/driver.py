"""Textual's terminal, to which a frame is one write.

Textual hands a frame over in three pieces: the sign to hold the screen, the frame, the sign to show it. Each wakes the
thread that writes and is a packet of its own on a line far away.
"""

from textual.drivers.linux_driver import LinuxDriver

SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
"""What Textual writes before and after a frame (synchronized output, DEC private mode 2026)."""


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
