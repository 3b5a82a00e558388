"""Layout of the panes: which are hidden, stored in a file for the next viewer; and which is zoomed, which is not."""

import contextlib
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from tui.errors import LivegistError
from tui.paths import private_dir, write_private

OLD_STATS_NAME = b'"figures"'
"""Name of the stats pane in files of earlier versions."""


class LayoutState(msgspec.Struct, frozen=True):
    """The panes that are zoomed and hidden."""

    zoomed: Literal["", "turns", "gists", "reading"] = ""
    """The pane that fills the body; `reading` for the turns with their gists below them; empty for none."""
    hidden: tuple[Literal["gists", "stats"], ...] = ()
    all_stats: bool = False
    """Whether all statistics are shown, and not only the most important ones."""
    clock_times: bool = False
    """Whether turns show the time of the day, and not the time since the start."""


def load(file: Path) -> LayoutState:
    """Return the stored layout; the default one, all panes visible, if the file is missing or invalid."""
    try:
        stored = msgspec.json.decode(file.read_bytes().replace(OLD_STATS_NAME, b'"stats"'), type=LayoutState)
        return replace(stored, zoomed="")
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
        return LayoutState()


def save(file: Path, layout: LayoutState) -> None:
    """Store the layout; an error of the disk is ignored, for losing the layout costs one key press."""
    with contextlib.suppress(OSError, LivegistError):
        private_dir(file.parent)
        write_private(file, msgspec.json.encode(replace(layout, zoomed="")))
