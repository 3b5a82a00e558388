import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.terminal import terminal
from tui.viewer.no_color import strip_colours

PLAY = f"{sys.executable} -m tests.viewer.manual"


def test_attributes_stay_and_colours_go() -> None:
    written = "\x1b[1;38;2;10;20;30;48;5;16mbold\x1b[0m \x1b[91;7mreversed\x1b[39;49m\x1b[3;44mitalic\x1b[2J"
    assert strip_colours(written) == "\x1b[1mbold\x1b[0m \x1b[7mreversed\x1b[3mitalic\x1b[2J"


@pytest.mark.parametrize(
    ("environment", "present", "absent"),
    [
        ("NO_COLOR=1", ("\x1b[1m",), ("\x1b[3", "\x1b[4", "38;", "48;", "\x1b[9")),
        ("COLORTERM= TERM=xterm-256color", ("38;5;",), ("38;2;",)),
        ("COLORTERM= TERM=xterm", ("\x1b[9",), ("38;2;", "38;5;")),
        ("COLORTERM=truecolor TERM=xterm-256color", ("38;2;",), ("38;5;",)),
    ],
)
def test_a_terminal_gets_the_colours_it_supports(
    short_dir: Path, environment: str, present: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    """Read the colours of cells from a real terminal; `3` alone means italics."""
    needs("tmux")
    with terminal(short_dir, f"env {environment} {PLAY}", columns=100, rows=30) as window:
        window.until("LIVE", "Turn 13", " dB ")
        window.type("Up")
        window.until("▎")
        window.type("?")
        window.until("In Turns")
        shown = subprocess.run(
            ("tmux", "-S", str(short_dir / "tmux.sock"), "capture-pane", "-e", "-p", "-t", "test"),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.replace("\x1b[3m", "")
        assert all(code in shown for code in present)
        assert not any(code in shown.replace("\x1b[39m", "").replace("\x1b[49m", "") for code in absent)
