"""The dashboard in a real terminal that gets a signal to end, or to stop."""

import contextlib
import os
import pty
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.conftest import needs
from tests.terminal import LIVEGIST, terminal

PATIENCE_S = 60.0
STARTED, FRAME = b"\x1b[?1049h", b"\x1b[1;1H"
RESTORED = (b"\x1b[?1049l", b"\x1b[?1000l", b"\x1b[?25h")
"""The screen of before, no more reports of the mouse, and a cursor."""


class Output:
    """What a program writes to its terminal."""

    def __init__(self, terminal: int) -> None:
        self.text = b""
        self._terminal = terminal
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        # The read fails when the program's end of the terminal is closed.
        with contextlib.suppress(OSError):
            while found := os.read(self._terminal, 65_536):
                self.text += found

    def until(self, *texts: bytes) -> None:
        """Wait for texts."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(text in self.text for text in texts):
            assert time.monotonic() < deadline, self.text
            time.sleep(0.02)


def test_a_terminated_dashboard_gives_the_terminal_back() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tui"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm-256color"}
    )
    os.close(theirs)
    output = Output(ours)
    try:
        output.until(STARTED, FRAME)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
        output.until(*RESTORED)
    finally:
        process.kill()
        process.wait()
        subprocess.run([sys.executable, "-m", "tui", "stop"], capture_output=True, timeout=PATIENCE_S)
        os.close(ours)


def test_the_whole_screen_is_painted_again_after_fg(short_dir: Path) -> None:
    needs("tmux")
    with terminal(short_dir, "bash --norc --noprofile -i", columns=100, rows=30) as shown:
        shown.type(shlex.join(LIVEGIST), "Enter")
        shown.until("READY", "Press s to start")
        shown.type("C-z")
        shown.until("Stopped")
        shown.type("fg", "Enter")
        shown.until("READY", "Press s to start", "Gists of finished turns")
        shown.type("q")
        shown.until("Stopped")
