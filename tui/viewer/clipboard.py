"""Clipboard of the terminal, also over SSH: by OSC 52, by tmux, and a file.

Terminals do not confirm OSC 52 and tmux ignores it by default, so the text goes to tmux's buffer and to a file as well.
"""

import asyncio
import base64
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tui.paths import write_private

OSC52_LIMIT = 74_994
"""Maximum number of bytes in one sequence: xterm's limit of 100,000 characters of base64."""
TMUX_TIMEOUT_S = 2.0
"""Longest wait for tmux."""


def sequence(text: str, environ: Mapping[str, str]) -> str:
    """Return the OSC 52 sequence for `text`."""
    return wrap_for_multiplexer(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07", environ)


def wrap_for_multiplexer(osc: str, environ: Mapping[str, str]) -> str:
    """Return an OSC sequence wrapped so that tmux or screen, if one runs, passes it to the terminal."""
    term = environ.get("TERM", "")
    if term.startswith("tmux") or "TMUX" in environ:
        return "\x1bPtmux;" + osc.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return f"\x1bP{osc}\x1b\\" if term.startswith("screen") else osc


async def copy(
    text: str, *, write: Callable[[str], object], file: Path, environ: Mapping[str, str] = os.environ
) -> str:
    """Copy text by all available ways; return a sentence that names them.

    Args:
        text: the text to copy.
        write: writes to the terminal.
        file: receives the text, too; readable by its owner only.
        environ: environment variables.
    """
    ways: list[str] = []
    if "TMUX" in environ and await _copy_to_tmux(text):
        ways.append("to tmux's buffer")
    if len(text.encode()) <= OSC52_LIMIT:
        write(sequence(text, environ))
        ways.append("to the terminal's clipboard, if it supports OSC 52")
    try:
        write_private(file, text.encode())
        ways.append(f"to {file}")
    except OSError as error:
        ways.append(f"not to a file: {error.strerror}")
    return f"Copied {len(text):,} characters {'; '.join(ways)}"


async def _copy_to_tmux(text: str) -> bool:
    """Load the text into tmux's buffer; return whether tmux accepted it."""
    try:
        process = await asyncio.create_subprocess_exec(
            "tmux",
            "load-buffer",
            "-w",
            "-",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), TMUX_TIMEOUT_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return process.returncode == 0
