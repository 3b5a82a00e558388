"""Compositor that writes only the changed cells and only the changed attributes of styles.

Textual's partial update writes a widget's row from its left edge to the end of the change, with a reset after each
segment, which is most of the traffic on a slow connection.
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
"""Maximum number of frames that may wait for the terminal."""


def frames_waiting(driver: Driver | None) -> int:
    """Return the number of frames that wait because the terminal is slow or suspended.

    Textual's own limit is thirty: the next frame would block the whole program until the terminal reads again.
    """
    queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    return queue.qsize() if queue is not None else 0


class SgrWriter:
    """Writer of strips that encodes each style as the difference from the previous one (SGR parameters).

    Args:
        system: colours that the terminal supports.
    """

    def __init__(self, system: ColorSystem) -> None:
        self._system = system
        self._current = PLAIN
        self._written: list[str] = []

    def move_to(self, x: int, y: int) -> None:
        """Move the cursor to a cell, counted from 0."""
        self._written.append(f"\x1b[{y + 1};{x + 1}H")

    def write(self, strip: Strip) -> None:
        """Write a strip's text in its styles."""
        for text, style, _ in strip:
            codes = sgr_codes(style, self._system) if style else PLAIN
            if codes != self._current:
                self._written.append(f"\x1b[{self._difference(codes)}m")
                self._current = codes
            self._written.append(text)

    def finish(self) -> str:
        """Return the whole output, with a reset of the style at its end."""
        if self._current != PLAIN:
            self._written.append("\x1b[0m")
        return "".join(self._written)

    def _difference(self, codes: "SgrCodes") -> str:
        """Return the shortest parameters that change the current style to another."""
        if codes == PLAIN:
            return "0"
        if self._current.attributes != codes.attributes and self._current.attributes:
            return ";".join(part for part in ("0", *codes) if part)
        attributes = codes.attributes if not self._current.attributes else ""
        colour = (codes.colour or "39") if codes.colour != self._current.colour else ""
        background = (codes.background or "49") if codes.background != self._current.background else ""
        return ";".join(part for part in (attributes, colour, background) if part)


class SgrCodes(NamedTuple):
    """A style as SGR parameters; empty for the terminal's defaults."""

    attributes: str = ""
    colour: str = ""
    background: str = ""


PLAIN = SgrCodes()


@lru_cache(maxsize=1024)
def sgr_codes(style: Style, system: ColorSystem) -> SgrCodes:
    """Return a style's parameters in the colours that the terminal supports."""
    colour = style.color.downgrade(system).get_ansi_codes() if style.color else ()
    background = style.bgcolor.downgrade(system).get_ansi_codes(False) if style.bgcolor else ()
    attributes = Strip.render_ansi(style.without_color, system)
    return SgrCodes(attributes, ";".join(colour), ";".join(background))


class CellsUpdate(ChopsUpdate):
    """Partial update that writes changed spans of cells only."""

    def render_segments(self, console: Console) -> str:
        """Return the output for the terminal."""
        writer = SgrWriter(COLOR_SYSTEMS[console.color_system or "truecolor"])
        for y, start, end in self.spans:
            for edge, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                first, last = max(start, x), min(end, edge)
                if strip is not None and first < last:
                    writer.move_to(first, y)
                    writer.write(strip.crop(first - x, last - x))
        return writer.finish()


class ScreenUpdate(LayoutUpdate):
    """Full update of the screen."""

    def render_segments(self, console: Console) -> str:
        """Return the output for the terminal."""
        writer = SgrWriter(COLOR_SYSTEMS[console.color_system or "truecolor"])
        for y, strips in enumerate(self.strips, self.region.y):
            writer.move_to(self.region.x, y)
            for strip in strips:
                writer.write(strip)
        return writer.finish()


class CellCompositor(Compositor):
    """Textual's compositor with smaller output."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return the update of the dirty regions, `None` if there are none."""
        update = super().render_partial_update()
        return None if update is None else CellsUpdate(update.chops, update.spans, update.chop_ends)

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """Return the update of the whole screen."""
        update = super().render_full_update(simplify)
        return ScreenUpdate(update.strips, update.region)
