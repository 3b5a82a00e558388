"""A real terminal for tests: tmux with a socket of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LIVEGIST = (sys.executable, "-P", "-m", "tui")
"""The command line of the code under test."""


class Terminal:
    """A program in a window of tmux.

    Args:
        socket: of the tmux server, ours alone.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def type(self, *keys: str) -> None:
        """Press keys, named as tmux names them."""
        self._tmux("send-keys", "-t", "test", *keys)

    def screen(self) -> str:
        """Return what is shown; empty once the program has ended."""
        return self._tmux("capture-pane", "-p", "-t", "test")

    def until(self, *texts: str, within_s: float = 30.0) -> str:
        """Wait until all of `texts` are shown, and return the screen."""
        deadline = time.monotonic() + within_s
        while not all(text in (screen := self.screen()) for text in texts):
            assert time.monotonic() < deadline, f"{texts} not shown within {within_s} s:\n{screen}"
            time.sleep(0.1)
        return screen

    def escape(self, shown: str) -> None:
        """Press escape and wait until `shown` is gone: a key that follows too soon would make it an Alt chord."""
        self.type("Escape")
        deadline = time.monotonic() + 30
        while shown in self.screen():
            assert time.monotonic() < deadline, f"{shown} does not go away"
            time.sleep(0.1)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ("tmux", "-S", str(self._socket), *arguments), capture_output=True, text=True, check=False, timeout=20
        )
        return done.stdout


@contextmanager
def terminal(
    folder: Path, command: str, *, columns: int, rows: int, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Run a shell command in a terminal of that size; what it leaves on the screen stays there to be read."""
    socket = folder / "tmux.sock"
    start = ("tmux", "-S", str(socket), "-f", "/dev/null", "new-session", "-d", "-s", "test")
    size = ("-x", str(columns), "-y", str(rows))
    environment = os.environ | {"COLORTERM": "truecolor", "TERM": "xterm-256color"} | dict(env or {})
    subprocess.run((*start, *size, f'{command}; echo "[left with $?]"; exec sleep 600'), env=environment, check=True)
    try:
        yield Terminal(socket)
    finally:
        subprocess.run(("tmux", "-S", str(socket), "kill-server"), check=False, capture_output=True)
