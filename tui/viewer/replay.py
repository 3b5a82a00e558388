"""Replay from the dashboard: a program of its own, which has the terminal until it ends."""

import subprocess
import sys
from collections.abc import Sequence


def local_replay_command(session: str) -> Sequence[str]:
    """Return the command that replays a session of this machine.

    Args:
        session: id of the session.
    """
    # -P keeps a folder named `tui` in the current directory from being imported in place of this package.
    return (sys.executable, "-P", "-m", "tui", "replay", session)


def run_replay(command: Sequence[str]) -> str:
    """Run a replay until a person quits it; return why it failed, empty if it did not."""
    try:
        code = subprocess.call(command)
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror}."
    return f"The replay ended with exit code {code}." if code else ""
