"""Output without colours for `NO_COLOR`: bold, italic and reverse remain. See https://no-color.org."""

import re
from collections.abc import Iterator

from textual.driver import Driver

SGR = re.compile(r"\x1b\[([0-9;]+)m")
COLOUR_PARAMETERS = {"2": 3, "5": 1}
"""Number of parameters after the kind of an extended colour: red, green, blue (2), or a palette index (5)."""


def strip_colours(text: str) -> str:
    """Return terminal output without its colours; greys are colours, too."""
    return SGR.sub(_without_colours, text)


def colourless_driver(driver: type[Driver]) -> type[Driver]:
    """Return a subclass of a driver that writes no colours."""

    class ColourlessDriver(driver):  # type: ignore[misc, valid-type]
        def write(self, data: str) -> None:
            super().write(strip_colours(data))

    return ColourlessDriver


def _without_colours(found: re.Match[str]) -> str:
    attributes = ";".join(_attributes(iter(found[1].split(";"))))
    return f"\x1b[{attributes}m" if attributes else ""


def _attributes(parameters: Iterator[str]) -> Iterator[str]:
    for parameter in parameters:
        code = int(parameter or 0)
        if code in (38, 48, 58):
            for _ in range(COLOUR_PARAMETERS.get(next(parameters, ""), 0)):
                next(parameters, "")
        elif not (30 <= code <= 49 or 90 <= code <= 107 or code == 59):
            yield parameter
