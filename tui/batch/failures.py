"""Files that were not transcribed, by the reason. Pure."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tui.text import plural

LISTED = 10
"""Files of one reason that are listed; each was printed when it failed."""
FILE = "FILE"
"""Stands for the file in a reason."""


class Reason(msgspec.Struct):
    """Why files were not transcribed."""

    error: str
    """With `FILE` in place of the file."""
    first_error: str
    """That of the first file."""
    hint: str
    """What to do; empty if it differs."""
    files: int = 0
    listed: list[Path] = []
    """The first files."""

    def lines(self) -> Iterator[str]:
        """Yield the lines of a report: one for a single file; else the reason, the hint and the first files."""
        if self.files == 1:
            (path,) = self.listed
            yield f"{_printable(str(path))}: {_printable(self.first_error)}"
            return
        yield f"{plural(self.files, 'file')}: {self.error}"
        if self.hint:
            yield f"  {self.hint}"
        for path in self.listed:
            yield f"  {_printable(str(path))}"
        if self.files > len(self.listed):
            yield f"  … and {self.files - len(self.listed):,} more; see above"


def failures_by_reason(failures: Iterable[tuple[Path, str, str]]) -> list[Reason]:
    """Return the reasons, the most frequent first.

    Args:
        failures: file, error and hint of each.
    """
    reasons: dict[str, Reason] = {}
    for path, error, hint in failures:
        general = error.replace(str(path), FILE).replace(path.name, FILE)
        reason = reasons.setdefault(general, Reason(general, error, hint))
        reason.files += 1
        if hint != reason.hint:
            reason.hint = ""
        if len(reason.listed) < LISTED:
            reason.listed.append(path)
    return sorted(reasons.values(), key=lambda reason: -reason.files)


def _printable(text: str) -> str:
    """Return a text that can be printed: names of files may contain bytes that are no text."""
    return text.encode(errors="replace").decode()
