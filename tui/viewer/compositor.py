"""Paint no more than what changed.

Textual's partial update paints a widget's row from its left edge to the end of the change, with a reset after every
segment. On a bad line that is most of the traffic, so these paint exactly the changed cells and say of a style only
what is new.
"""

from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual.driver import Driver
from textual.strip import Strip

MAX_FRAMES_WAITING = 2
"""Frames that may wait for the terminal to take them before no more are made."""


def frames_waiting(driver: Driver | None) -> int:
    """Return how many frames the terminal has not taken yet, as a slow line or a suspended one leaves them.

    Textual's own limit is thirty: the next one stops the whole program until the terminal is read again.
    """
    queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    return queue.qsize() if queue is not None else 0


class SgrWriter:
    """Writes strips one after the other and says of each style only what is different from the one before.

    Args:
        system: colours that the terminal knows.
    """

    def __init__(self, system: ColorSystem) -> None:
        self._system = system
        self._now = PLAIN
        self._written: list[str] = []

    def move_to(self, x: int, y: int) -> None:
        """Go on writing from a cell, counted from 0."""
        self._written.append(f"\x1b[{y + 1};{x + 1}H")

    def write(self, strip: Strip) -> None:
        """Write the strip's text in its styles."""
        for text, style, _ in strip:
            wanted = sgr_codes(style, self._system) if style else PLAIN
            if wanted != self._now:
                self._written.append(f"\x1b[{self._change(wanted)}m")
                self._now = wanted
            self._written.append(text)

    def done(self) -> str:
        """Return all that was written, with the terminal's style as it was before."""
        if self._now != PLAIN:
            self._written.append("\x1b[0m")
        return "".join(self._written)

    def _change(self, wanted: "SgrCodes") -> str:
        """Return the shortest parameters that lead from the style in force to another."""
        if wanted == PLAIN:
            return "0"
        if self._now.attributes != wanted.attributes and self._now.attributes:
            return ";".join(part for part in ("0", *wanted) if part)
        attributes = wanted.attributes if not self._now.attributes else ""
        colour = (wanted.colour or "39") if wanted.colour != self._now.colour else ""
        background = (wanted.background or "49") if wanted.background != self._now.background else ""
        return ";".join(part for part in (attributes, colour, background) if part)


class SgrCodes(NamedTuple):
    """A style as SGR parameters; empty for what is as usual."""

    attributes: str = ""
    colour: str = ""
    background: str = ""


PLAIN = SgrCodes()


@lru_cache(maxsize=1024)
def sgr_codes(style: Style, system: ColorSystem) -> SgrCodes:
    """Return a style's parameters in the colours that the terminal knows."""
    colour = style.color.downgrade(system).get_ansi_codes() if style.color else ()
    background = style.bgcolor.downgrade(system).get_ansi_codes(False) if style.bgcolor else ()
    attributes = Strip.render_ansi(style.without_color, system)
    return SgrCodes(attributes, ";".join(colour), ";".join(background))


class CellsUpdate(ChopsUpdate):
    """Changed stretches of cells, each painted from its own start to its own end."""

    def render_segments(self, console: Console) -> str:
        """Return what to write to the terminal."""
        pen = SgrWriter(COLOR_SYSTEMS[console.color_system or "truecolor"])
        for y, start, end in self.spans:
            for edge, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                first, last = max(start, x), min(end, edge)
                if strip is not None and first < last:
                    pen.move_to(first, y)
                    pen.write(strip.crop(first - x, last - x))
        return pen.done()


class ScreenUpdate(LayoutUpdate):
    """A whole screen."""

    def render_segments(self, console: Console) -> str:
        """Return what to write to the terminal."""
        pen = SgrWriter(COLOR_SYSTEMS[console.color_system or "truecolor"])
        for y, strips in enumerate(self.strips, self.region.y):
            pen.move_to(self.region.x, y)
            for strip in strips:
                pen.write(strip)
        return pen.done()


class CellCompositor(Compositor):
    """Textual's compositor with smaller updates."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return the update of what is dirty, `None` if nothing is."""
        update = super().render_partial_update()
        return None if update is None else CellsUpdate(update.chops, update.spans, update.chop_ends)

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """Return the update of everything."""
        update = super().render_full_update(simplify)
        return ScreenUpdate(update.strips, update.region)
