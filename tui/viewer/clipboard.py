"""Copy text to the clipboard of the terminal at the other end of the line.

OSC 52 asks the terminal, through ssh too. Inside tmux the server is asked, for it ignores OSC 52 by default. No
terminal says whether it obeyed, so the text also goes to a file, and the words say where.
"""

import asyncio
import base64
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

OSC52_LIMIT = 74_994
"""Most bytes of text in one sequence: what xterm and its kin take (100,000 characters of base64)."""
TMUX_S = 2.0
"""Longest wait for tmux."""


def sequence(text: str, environ: Mapping[str, str]) -> str:
    """Return the OSC 52 sequence for `text`."""
    return passed_on(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07", environ)


def passed_on(osc: str, environ: Mapping[str, str]) -> str:
    """Return a sequence so that a tmux or screen on this side hands it to the terminal."""
    term = environ.get("TERM", "")
    if term.startswith("tmux") or "TMUX" in environ:
        return "\x1bPtmux;" + osc.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return f"\x1bP{osc}\x1b\\" if term.startswith("screen") else osc


async def copy(
    text: str, *, write: Callable[[str], object], file: Path, environ: Mapping[str, str] = os.environ
) -> str:
    """Copy `text` by every way there is, and return in words what happened.

    Args:
        text: what to copy.
        write: writes to the terminal.
        file: where the text also goes; only its owner may read it.
        environ: the process's environment.
    """
    ways: list[str] = []
    if "TMUX" in environ and await _tmux(text):
        ways.append("to tmux's buffer")
    if len(text.encode()) <= OSC52_LIMIT:
        write(sequence(text, environ))
        ways.append("to the terminal's clipboard, if it allows that (OSC 52)")
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
        ways.append(f"to {file}")
    except OSError as error:
        ways.append(f"not to a file: {error.strerror}")
    return f"Copied {len(text):,} characters {'; '.join(ways)}"


async def _tmux(text: str) -> bool:
    """Give the text to the tmux server; return whether it took it."""
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
        await asyncio.wait_for(process.communicate(text.encode()), TMUX_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return process.returncode == 0
