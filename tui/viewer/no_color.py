"""For who wants no colours (`NO_COLOR`): what is written says bold, italic and reversed, and never a colour."""

import re
from collections.abc import Iterator

from textual.driver import Driver

SGR = re.compile(r"\x1b\[([0-9;]+)m")
FOLLOWED = {"2": 3, "5": 1}
"""How many parameters follow the kind of an extended colour: red, green, blue, or a number."""


def strip_colours(text: str) -> str:
    """Return what is written to a terminal without its colours; shades of grey are colours, too."""
    return SGR.sub(_attributes, text)


def colourless_driver(driver: type[Driver]) -> type[Driver]:
    """Return a driver that writes no colour."""

    class ColourlessDriver(driver):  # type: ignore[misc, valid-type]
        def write(self, data: str) -> None:
            super().write(strip_colours(data))

    return ColourlessDriver


def _attributes(found: re.Match[str]) -> str:
    kept = ";".join(_kept(iter(found[1].split(";"))))
    return f"\x1b[{kept}m" if kept else ""


def _kept(parameters: Iterator[str]) -> Iterator[str]:
    for parameter in parameters:
        code = int(parameter or 0)
        if code in (38, 48, 58):
            for _ in range(FOLLOWED.get(next(parameters, ""), 0)):
                next(parameters, "")
        elif not (30 <= code <= 49 or 90 <= code <= 107 or code == 59):
            yield parameter
