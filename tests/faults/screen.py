"""A terminal that can stall and be hung up: a pty with an emulated screen."""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pyte

from tests.faults.engines import PATIENCE_S

COLUMNS, ROWS = 100, 30


class _Display(pyte.Screen):  # type: ignore[misc]
    """A screen that counts the bells."""

    bells = 0

    def bell(self, *args: object) -> None:
        self.bells += 1


class Screen:
    """Runs a program on a pty.

    Args:
        command: the program.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._screen = _Display(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = asyncio.Event()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.set_blocking(self._master, False)
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.bytes = 0
        """Number of bytes read from the program."""
        self.resume()

    def stall(self) -> None:
        """Stop reading the program's output."""
        asyncio.get_running_loop().remove_reader(self._master)

    def resume(self) -> None:
        """Continue reading."""
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def hang_up(self) -> None:
        """Close the terminal, as a dropped connection does."""
        self.stall()
        os.close(self._master)
        self._master = -1

    async def until(self, *texts: str, within_s: float = PATIENCE_S) -> str:
        """Wait until all of `texts` are shown, and return the screen."""
        return await self._until(lambda: all(text in self.text for text in texts), str(texts), within_s)

    async def until_match(self, pattern: str) -> str:
        """Wait until a regular expression matches, and return the screen."""
        return await self._until(lambda: re.search(pattern, self.text), pattern, PATIENCE_S)

    async def _until(self, holds: Callable[[], object], what: str, within_s: float) -> str:
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what} not shown within {within_s} s:\n{self.text}") from None
        return self.text

    async def ended(self) -> int:
        """Wait until the program has ended; return its exit code."""
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), PATIENCE_S)

    @property
    def bells(self) -> int:
        """How often the bell rang."""
        return self._screen.bells

    def background(self, text: str) -> set[str]:
        """Return the background colours of the whole row that contains a text."""
        row = next(at for at, line in enumerate(self._screen.display) if text in line)
        return {self._screen.buffer[row][column].bg for column in range(COLUMNS)}

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def close(self) -> None:
        """Hang up, and kill the program."""
        if self._master >= 0:
            self.hang_up()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            try:
                painted = os.read(self._master, 65536)
            except OSError:
                painted = b""
            if not painted:
                self.stall()
            self.bytes += len(painted)
            self._stream.feed(painted)
        self._changed.set()


@asynccontextmanager
async def screen(*command: str) -> AsyncIterator[Screen]:
    """Run a program on a pty."""
    shown = Screen(command)
    try:
        yield shown
    finally:
        shown.close()
