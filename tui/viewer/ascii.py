"""ASCII output for terminals without Unicode: each character is replaced by a similar one, or a question mark."""

import unicodedata
from functools import lru_cache

from rich.cells import get_character_cell_size
from textual.driver import Driver

LOOKALIKES = {
    **dict.fromkeys("─╌", "-"),
    **dict.fromkeys("━═", "="),
    **dict.fromkeys("│┃▌▏▎▍▐▕‖", "|"),
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝", "+"),
    **dict.fromkeys("█▇▉▊▋■", "#"),
    **dict.fromkeys("▆▅", "="),
    **dict.fromkeys("▄▃", "-"),
    **dict.fromkeys("▂▁·", "."),
    **dict.fromkeys("░▒▓", ":"),
    **dict.fromkeys("▸▶→›", ">"),
    **dict.fromkeys("‹←", "<"),
    **dict.fromkeys("↑", "^"),
    **dict.fromkeys("↓", "v"),
    **dict.fromkeys("●◉★•", "*"),
    **dict.fromkeys("○◌◎◔⊘", "o"),
    **dict.fromkeys("↻", "@"),
    **dict.fromkeys("✗×", "x"),
    **dict.fromkeys("∅", "0"),
    **dict.fromkeys("–—", "-"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”«»", '"'),
    **dict.fromkeys("◆◇", "%"),
    **dict.fromkeys("▲△", "^"),
    **dict.fromkeys("□", "#"),
    **dict.fromkeys("▼▽", "v"),
    **{chr(0x2800 + dots): " ..::||##"[dots.bit_count()] for dots in range(0x100)},
    "…": "~",
    "\xa0": " ",
}
"""ASCII characters for the dashboard's signs and common punctuation."""


def to_ascii(text: str) -> str:
    """Return the text in ASCII; each character keeps its width in cells."""
    return text if text.isascii() else "".join(map(_letter, text))


def ascii_driver(driver: type[Driver]) -> type[Driver]:
    """Return a subclass of a driver that writes ASCII only."""

    class AsciiDriver(driver):  # type: ignore[misc, valid-type]
        def write(self, data: str) -> None:
            super().write(to_ascii(data))

    return AsciiDriver


@lru_cache(maxsize=4096)
def _letter(character: str) -> str:
    if character.isascii():
        return character
    size = get_character_cell_size(character)
    found = LOOKALIKES.get(character)
    if found is None:
        base = unicodedata.normalize("NFKD", character)[:1]
        found = base if base.isascii() and base.isprintable() else "?"
    return found * size
