"""Tell a person away from the screen what was said: a desktop notification, or a command of theirs."""

from collections.abc import Mapping

from tui.model.events import TurnChanged
from tui.model.lines import json_line
from tui.model.transcript import Turn
from tui.text import one_line
from tui.user_command import run_with_stdin
from tui.viewer.clipboard import passed_on

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
        CommandError: it cannot be started, fails, or takes too long.
    """
    stdin = f"{json_line(TurnChanged(turn))}\n".encode()
    await run_with_stdin(command, stdin, environ, setting="the command in highlights")
