"""A terminal to measure in: a program under a pty, every byte it paints counted, the screen kept."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import pyte

COLUMNS, ROWS = 120, 36
PAINT_BYTES = 200
"""Bytes of one read from which on it is a frame and no longer the terminal being set up."""
END_S = 15.0
"""Longest wait for a program that was asked to end."""
KEYS = {"tab": "\t", "space": " ", "escape": "\x1b", "down": "\x1b[B", "up": "\x1b[A"}
ANSWERS = {
    # Synchronised output is understood; the cursor is in the corner.
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[6n": b"\x1b[1;1R",
}
"""What a terminal says when it is asked."""


class Ended(Exception):
    """The program ended while it was measured."""


class Terminal:
    """A program in a terminal of 120 by 36 cells.

    Args:
        command: the program and its arguments.
        env: what it finds in its environment beside ours.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self.painted = 0
        """Bytes painted so far."""
        self.first_paint_s: float | None = None
        """Seconds from the start to the first frame; `None` before it."""
        self._unread = bytearray()
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._started = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            size = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
            os.execvpe(command[0], list(command), {**os.environ, **size, **(env or {})})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    @property
    def text(self) -> str:
        """What is on the screen now."""
        self._stream.feed(bytes(self._unread))
        self._unread.clear()
        return "\n".join(self._screen.display)

    def watch(self, seconds: float, look: Callable[[], object] | None = None) -> None:
        """Read for so long, and `look` at once after each piece that was painted."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._read(left) and look is not None:
                look()

    def wait_for(self, shown: Callable[[str], bool], within_s: float) -> float:
        """Read until the screen is as wanted; return the seconds that took.

        Raises:
            TimeoutError: it was not so in time.
        """
        started = time.monotonic()
        while not shown(self.text):
            left = started + within_s - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not shown within {within_s} s:\n{self.text}")
            self._read(left)
        return time.monotonic() - started

    def press(self, key: str) -> None:
        """Send a key."""
        os.write(self._fd, KEYS.get(key, key).encode())

    def answer_s(self, key: str, painted: bytes, within_s: float) -> float:
        """Press a key and return the seconds until `painted` came.

        Raises:
            TimeoutError: it did not come in time.
        """
        came = bytearray()
        self.press(key)
        started = now = time.monotonic()
        while painted not in came:
            if now - started > within_s:
                raise TimeoutError(f"{key} is not answered within {within_s} s:\n{self.text}")
            piece = self._read(within_s)
            now = time.monotonic()
            came += piece
        return now - started

    def end(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGTERM)
        until = time.monotonic() + END_S
        with suppress(Ended):
            while time.monotonic() < until:
                self._read(0.1)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)

    def _read(self, within_s: float) -> bytes:
        """Read one piece, if there is one in time, and return it."""
        readable, _, _ = select.select([self._fd], [], [], within_s)
        if not readable:
            return b""
        try:
            piece = os.read(self._fd, 65536)
        except OSError:  # Linux's way to say that the program has ended.
            piece = b""
        if not piece:
            raise Ended(self.text)
        if self.first_paint_s is None and len(piece) > PAINT_BYTES:
            self.first_paint_s = time.monotonic() - self._started
        self.painted += len(piece)
        self._unread += piece
        for asked, answer in ANSWERS.items():
            if asked in piece:
                os.write(self._fd, answer)
        return piece
