"""Text for display: untrusted text made safe for a terminal or a file, and formatted numbers. Pure."""

import re
import unicodedata
from functools import cache

MAX_CHARACTERS = 8_000
"""Maximum length of a displayed text, in characters."""
MAX_COMBINING_MARKS = 4
"""Maximum combining marks on one character: enough for every script, too few to overlap the lines around it."""
REPLACEMENT = "�"
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of the text after them (UAX #9)."""

_SPACES = re.compile(r"[^\S\n ]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_VISIBLE_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if code != 0x0A} | {0x7F: "␡"}


def sanitize(text: str, limit: int | None = MAX_CHARACTERS) -> str:
    """Return `text` without anything that could control a terminal.

    Control characters become their symbols (`␛`); C1 controls and code points that cannot be encoded become `�`.
    Zero-width characters that change the layout (bidirectional controls, joiners, tags) are removed, and so are
    combining marks beyond `MAX_COMBINING_MARKS`. Line ends become newlines, every other space a plain one.

    Args:
        text: untrusted text, for example from a server.
        limit: maximum length in characters, `None` for all; a suffix says how many characters were removed.
    """
    left_out = len(text) - limit if limit is not None else 0
    if left_out > 0:
        text = text[:limit]
    if not text.replace("\n", "").isprintable() or (not text.isascii() and _unusual().search(text)):
        text = _SPACES.sub(" ", _LINE_ENDS.sub("\n", text.replace("\t", " ")))
        text = _replace_unsafe(text)
    return f"{text} … ({left_out:,} more characters)" if left_out > 0 else text


@cache
def _unusual() -> re.Pattern[str]:
    """Return a pattern for the ranges that contain combining marks: all but Latin letters, punctuation and symbols.

    Compiled on first use: compiling takes 5 ms, and the first frame does not need the pattern.
    """
    return re.compile("[\u0300-\u200f\u20d0-\u20ff\u2c00-\U0010ffff]")


def _replace_unsafe(text: str) -> str:
    safe: list[str] = []
    marks = 0
    for character in text:
        match unicodedata.category(character):
            case "Mn" | "Me" | "Mc":
                marks += 1
                if marks > MAX_COMBINING_MARKS or not safe:
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
        safe.append(character)
    return "".join(safe)


def one_line(text: str, limit: int | None = MAX_CHARACTERS) -> str:
    """Return sanitised `text` on one line, runs of whitespace collapsed."""
    return " ".join(sanitize(text, limit).split())


def terminal_line(text: str) -> str:
    """Return sanitised `text` of any length, line ends replaced by spaces and runs of spaces unchanged."""
    return sanitize(text, None).replace("\n", " ")


def file_text(text: str) -> str:
    """Return `text` for one line of a file: its spelling unchanged, without characters that control a terminal.

    Joiners (U+200C, U+200D) and soft hyphens stay: the spelling of Persian, Indic scripts and emoji needs them.
    Bidirectional controls are removed; control characters, line ends and all spaces become plain spaces.
    """
    if text.isprintable():
        return text
    return "".join(_file_character(character) for character in text)


def escape_markdown(text: str) -> str:
    """Return `text` for one line of Markdown, with its special characters escaped."""
    escaped = re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", file_text(text))
    # A leading -, +, . or ) would start a list.
    return re.sub(r"^(\s*\d*)([-+.)])", r"\1\\\2", escaped)


def _file_character(character: str) -> str:
    if character in BIDI_CONTROLS:
        return ""
    match unicodedata.category(character):
        case "Cc" | "Zs" | "Zl" | "Zp":
            return " "
        case "Cs":
            return REPLACEMENT
        case _:
            return character


def contains_all(text: str, words: str) -> bool:
    """Return whether a text contains each word of a filter, in upper or lower case; true without any."""
    folded = text.casefold()
    return all(word in folded for word in words.casefold().split())


def clock(seconds: float, *, padded: bool = False) -> str:
    """Return a session time as text: `0:07` (`00:07` if padded), `12:34`, `1:02:03`."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minute:02}:{second:02}"
    return f"{minute:02}:{second:02}" if padded else f"{minute}:{second:02}"


def size(size_bytes: int) -> str:
    """Return a size as text in kB, MB or GB (powers of 1,000)."""
    if size_bytes >= 999_950_000:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 999_500 else f"{size_bytes / 1e3:.0f} kB"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 turn`, `2 turns`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
