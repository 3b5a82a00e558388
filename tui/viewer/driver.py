"""Terminal driver that writes each frame at once, to a terminal.

Textual writes a frame in three pieces: start of synchronised output, frame, end of synchronised output. Each piece
wakes the writer thread and is a packet of its own over SSH. It also writes to stderr, even if that is a file. Its
parser of keys loses an escape that arrives together with another key.
"""

import asyncio
import contextlib
import signal
import sys
from typing import Any

from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver

from tui.viewer.escape_parser import EscapeParser

TERMINATED = 128 + signal.SIGTERM
"""Exit code after SIGTERM, as of a shell."""
SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
"""What Textual writes before and after a frame (synchronized output, DEC private mode 2026)."""


class FrameDriver(LinuxDriver):
    """Textual's Linux driver with the pieces of a frame joined."""

    _frame: list[str] | None = None
    """Pieces of the current frame; `None` between frames."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        if sys.__stderr__ is None or not sys.__stderr__.isatty():
            self._file = sys.__stdout__

    def start_application_mode(self) -> None:
        """Take over the terminal; SIGTERM ends the app, which gives the terminal its screen and mouse back."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        # Only the main thread handles signals.
        with contextlib.suppress(RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._terminate)

    def _terminate(self) -> None:
        self._app.exit(return_code=TERMINATED)

    def run_input_thread(self) -> None:
        """Read keys and the mouse until the driver is closed."""
        # Textual has no other way to choose the parser.
        linux_driver.XTermParser = EscapeParser  # type: ignore[attr-defined]
        super().run_input_thread()

    def write(self, data: str) -> None:
        """Write data; buffer the pieces of a frame until it is complete."""
        if data == SYNC_START:
            self._frame = []
        if self._frame is None:
            super().write(data)
            return
        self._frame.append(data)
        if data == SYNC_END:
            frame, self._frame = self._frame, None
            super().write("".join(frame))
