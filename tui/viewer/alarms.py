"""Tell a person away from the screen what was said: a desktop notification, or a command of theirs."""

import asyncio
import contextlib
import os
import shlex
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping

from tui.credentials import without_keys
from tui.errors import LivegistError, UsageError
from tui.lines import json_line
from tui.model.events import TurnChanged
from tui.model.transcript import Turn
from tui.viewer.clipboard import passed_on
from tui.viewer.inert import one_line

COMMAND_S = 60.0
"""Longest time that a command may take."""
TEXT_MOST = 200
"""Characters of a turn in a notification."""


def notification(text: str, kind: str, environ: Mapping[str, str]) -> str:
    """Return the sequence that has the terminal show a desktop notification.

    iTerm2, kitty, WezTerm, Ghostty and Windows' take OSC 9; rxvt, foot and VTE's terminals take OSC 777.

    Args:
        text: what to say; made harmless.
        kind: `9` or `777`; anything else is decided by the terminal's own variables.
        environ: the process's environment.
    """
    if kind not in ("9", "777"):
        older = "VTE_VERSION" in environ or environ.get("TERM", "").startswith(("rxvt", "foot"))
        kind = "777" if older else "9"
    said = one_line(text, TEXT_MOST)
    sequence = f"777;notify;livegist;{said}" if kind == "777" else f"9;livegist: {said}"
    return passed_on(f"\x1b]{sequence}\x07", environ)


async def run_command(command: str, turn: Turn, environ: Mapping[str, str]) -> None:
    """Run a command, without a shell, with the turn as a line of JSON on its stdin; it does not get our keys.

    Raises:
        LivegistError: it cannot be started, fails, or takes too long.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{command} is no command: {error}.", "Check the quotes in highlights.") from error
    if not words:
        return
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            env=without_keys(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise LivegistError(f"{words[0]} cannot be started: {error.strerror}.", "Check highlights.") from error
    try:
        async with asyncio.timeout(COMMAND_S):
            await process.communicate(f"{json_line(TurnChanged(turn))}\n".encode())
    except TimeoutError as error:
        raise LivegistError(f"{words[0]} took longer than {COMMAND_S:.0f} s and was ended.") from error
    finally:
        await _end(process)
    if process.returncode:
        raise LivegistError(f"{words[0]} failed with exit code {process.returncode}.", "Try it in a shell.")


async def _end(process: Process) -> None:
    """End a process that still runs, with all that it started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()
