"""Layout of the panes: which are hidden or zoomed, stored in a file for the next viewer."""

import contextlib
from pathlib import Path
from typing import Literal

import msgspec

from tui.errors import LivegistError
from tui.paths import private_dir, write_private

OLD_STATS_NAME = b'"figures"'
"""Name of the stats pane in files of earlier versions."""


class LayoutState(msgspec.Struct, frozen=True):
    """The panes that are zoomed and hidden."""

    zoomed: Literal["", "turns", "gists"] = ""
    """The pane that fills the body; empty for none."""
    hidden: tuple[Literal["gists", "stats"], ...] = ()


def load(file: Path) -> LayoutState:
    """Return the stored layout; the default one, all panes visible, if the file is missing or invalid."""
    try:
        return msgspec.json.decode(file.read_bytes().replace(OLD_STATS_NAME, b'"stats"'), type=LayoutState)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
        return LayoutState()


def save(file: Path, layout: LayoutState) -> None:
    """Store the layout; an error of the disk is ignored, for losing the layout costs one key press."""
    with contextlib.suppress(OSError, LivegistError):
        private_dir(file.parent)
        write_private(file, msgspec.json.encode(layout))
