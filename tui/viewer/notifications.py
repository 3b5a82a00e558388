"""Notifications of a matched highlight: a desktop notification by the terminal, and a person's own command."""

from collections.abc import Mapping

from tui.model.events import TurnChanged
from tui.model.lines import json_line
from tui.model.transcript import Turn
from tui.text import one_line
from tui.user_command import run_with_stdin
from tui.viewer.clipboard import wrap_for_multiplexer

MAX_CHARACTERS = 200
"""Maximum number of characters of a turn in a notification."""


def notification(text: str, kind: str, environ: Mapping[str, str]) -> str:
    """Return the escape sequence of a desktop notification.

    iTerm2, kitty, WezTerm, Ghostty and Windows Terminal support OSC 9; rxvt, foot and VTE terminals support OSC 777.

    Args:
        text: text of the notification; sanitised here.
        kind: `9` or `777`; for any other value the environment decides.
        environ: environment variables.
    """
    if kind not in ("9", "777"):
        osc_777 = "VTE_VERSION" in environ or environ.get("TERM", "").startswith(("rxvt", "foot"))
        kind = "777" if osc_777 else "9"
    line = one_line(text, MAX_CHARACTERS)
    sequence = f"777;notify;livegist;{line}" if kind == "777" else f"9;livegist: {line}"
    return wrap_for_multiplexer(f"\x1b]{sequence}\x07", environ)


async def run_command(command: str, turn: Turn, environ: Mapping[str, str], room: str = "") -> None:
    """Run a command, without a shell and without API keys, with the turn as a line of JSON on its stdin.

    Args:
        command: program and arguments.
        turn: the turn.
        environ: environment of the command.
        room: name of the turn's room, which the JSON then contains; empty if the viewer shows one engine.

    Raises:
        CommandError: the command cannot be started, fails, or times out.
    """
    stdin = f"{json_line(TurnChanged(turn), room)}\n".encode()
    await run_with_stdin(command, stdin, environ, setting="the command in highlights")
