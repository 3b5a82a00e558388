"""Order of the command palette: the actions that a person ran from it, stored in a file for the next viewer."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tui.errors import LivegistError
from tui.paths import private_dir, write_private

MAX_STORED = 100
"""Maximum number of ids in the file."""


def load(file: Path) -> list[str]:
    """Return the stored ids of actions, the last used first; empty if the file is missing or invalid."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[str])[:MAX_STORED]
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
        return []


def save(file: Path, used: Sequence[str]) -> None:
    """Store the ids; an error of the disk is ignored, for the order is a convenience."""
    with contextlib.suppress(OSError, LivegistError):
        private_dir(file.parent)
        write_private(file, msgspec.json.encode(used[:MAX_STORED]))
