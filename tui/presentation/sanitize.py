"""Text from outside, made harmless to show."""

import re
import unicodedata
from functools import cache

LIMIT = 8_000
"""Most characters shown of one text."""
MARKS = 4
"""Most combining marks shown on one character: enough for every script, too few to paint over the lines around."""
REPLACEMENT = "�"

_SPACES = re.compile(r"[^\S\n ]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_VISIBLE_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if code != 0x0A} | {0x7F: "␡"}


def sanitize(text: str, limit: int = LIMIT) -> str:
    """Return `text` so that a terminal shows it and does nothing else with it.

    Control characters become their pictures (`␛`), C1 controls and what cannot be encoded become `�`; characters
    without a width that steer the layout (bidirectional controls, joiners, tags) are dropped, and so are combining
    marks beyond `MARKS`. Line ends become newlines, every other space a plain one.

    Args:
        text: anything a server may have sent.
        limit: most characters to keep; how many are left out is said at the end.
    """
    left_out = len(text) - limit
    if left_out > 0:
        text = text[:limit]
    if not text.replace("\n", "").isprintable() or (not text.isascii() and _unusual().search(text)):
        text = _SPACES.sub(" ", _LINE_ENDS.sub("\n", text.replace("\t", " ")))
        text = _replace_unsafe(text)
    return f"{text} … ({left_out:,} more characters)" if left_out > 0 else text


@cache
def _unusual() -> re.Pattern[str]:
    """Match everything but Latin letters, punctuation and symbols: only there are marks that combine.

    Made when it is needed first, for it takes 5 ms, and the first frame needs none.
    """
    return re.compile("[\u0300-\u200f\u20d0-\u20ff\u2c00-\U0010ffff]")


def _replace_unsafe(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in text:
        match unicodedata.category(character):
            case "Mn" | "Me" | "Mc":
                marks += 1
                if marks > MARKS or not kept:
                    continue
            case "Cf":
                continue
            case "Cc":
                character = "\n" if character == "\n" else _VISIBLE_CONTROLS.get(ord(character), REPLACEMENT)
                marks = 0
            case "Cs" | "Cn" | "Co":
                character = REPLACEMENT
                marks = 0
            case _:
                marks = 0
        kept.append(character)
    return "".join(kept)


def one_line(text: str, limit: int = LIMIT) -> str:
    """Return `text` made harmless, on one line."""
    return " ".join(sanitize(text, limit).split())
