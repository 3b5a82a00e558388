"""Replay from the dashboard: a program of its own, which has the terminal until it ends."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from textual.app import App

NEEDS_TERMINAL = "A replay needs a terminal."


def has_terminal(app: App[Any]) -> bool:
    """Return whether the app runs in a terminal that it can lend to a replay, and not in a browser's page."""
    return app._driver is not None and app._driver.can_suspend


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
