"""Paint no more than what changed.

Textual's partial update paints a widget's row from its left edge to the end of the change, with a reset after every
segment. On a bad line that is most of the traffic, so these two paint exactly the changed cells and say a style once.
"""

from rich.color import ColorSystem
from rich.console import Console
from textual._compositor import ChopsUpdate, Compositor
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.strip import Strip

MOST_WAITING = 2
"""Frames that may wait for the terminal to take them before no more are made."""


def waiting(driver: Driver | None) -> int:
    """Return how many frames the terminal has not taken yet, as a slow line or a suspended one leaves them.

    Textual's own limit is thirty: the next one stops the whole program until the terminal is read again.
    """
    writer = getattr(driver, "_writer_thread", None)
    return writer._queue.qsize() if isinstance(writer, WriterThread) else 0


class CellsUpdate(ChopsUpdate):
    """Changed stretches of cells, each painted from its own start to its own end."""

    def render_segments(self, console: Console) -> str:
        """Return what to write to the terminal."""
        written: list[str] = []
        for y, start, end in self.spans:
            for edge, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                first, last = max(start, x), min(end, edge)
                if strip is not None and first < last:
                    written.append(f"\x1b[{y + 1};{first + 1}H")
                    written.append(encode(strip.crop(first - x, last - x), console))
        return "".join(written)


class CellsCompositor(Compositor):
    """Textual's compositor with smaller partial updates."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return the update of what is dirty, `None` if nothing is."""
        update = super().render_partial_update()
        return None if update is None else CellsUpdate(update.chops, update.spans, update.chop_ends)


def encode(strip: Strip, console: Console) -> str:
    """Return the strip with a style written where it changes, and one reset at the end."""
    system = console._color_system or ColorSystem.TRUECOLOR
    written: list[str] = []
    current = ""
    for text, style, _ in strip:
        codes = Strip.render_ansi(style, system) if style else ""
        if codes != current:
            written.append(f"\x1b[0;{codes}m" if codes and current else f"\x1b[{codes or 0}m")
            current = codes
        written.append(text)
    if current:
        written.append("\x1b[0m")
    return "".join(written)
