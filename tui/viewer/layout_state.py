"""Which panes are seen, remembered from one viewer to the next."""

import contextlib
from pathlib import Path
from typing import Literal

import msgspec

from tui.errors import LivegistError
from tui.paths import private_dir


class LayoutState(msgspec.Struct, frozen=True):
    """What a person chose to see."""

    zoomed: Literal["", "turns", "gists"] = ""
    """The pane that has the whole space; empty for none."""
    hidden: tuple[Literal["gists", "figures"], ...] = ()


def load(file: Path) -> LayoutState:
    """Return what was chosen before; everything if there is nothing that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=LayoutState)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
        return LayoutState()


def save(file: Path, arrangement: LayoutState) -> None:
    """Keep what was chosen; a disk that does not take it costs no more than a key next time."""
    with contextlib.suppress(OSError, LivegistError):
        private_dir(file.parent)
        file.write_bytes(msgspec.json.encode(arrangement))
