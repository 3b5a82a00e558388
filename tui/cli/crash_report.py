"""What is told when a command meets what it was not made for: two lines, and a report that holds no key."""

import contextlib
import logging
import os
import sys
import traceback
from pathlib import Path

from tui import __version__
from tui.errors import LivegistError, file_error_hint

REPORT = "crash.log"


def keep_log(path: Path) -> None:
    """Have what is logged appended to a file for its owner alone; none of it is printed among a session's lines.

    Raises:
        OSError: the file cannot be written.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    file = os.fdopen(fd, "a", encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(name)s %(message)s",
        handlers=[logging.StreamHandler(file)],
    )


def describe(error: Exception) -> LivegistError:
    """Return what happened as a person is told it; a mistake of ours leaves a report, a refusal by the system none."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, LivegistError):
        return error
    if isinstance(error, OSError):
        what = error.strerror or str(error) or type(error).__name__
        if error.filename is None:
            _discard_stdout()
        about = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return LivegistError(f"{about}{what}.", file_error_hint(error))
    report = _report(error)
    where = _write_report(report)
    hint = f"The report is in {where}." if where else "No report of it could be written."
    return LivegistError(f"This is a mistake in livegist: {_last_line(report)}", f"What was recorded is safe. {hint}")


def _report(error: Exception) -> str:
    """Return a traceback without keys."""
    from tui.credentials import Key, find, redacted

    keys: list[str] = []
    for key in Key:
        # One that cannot be had cannot stand in a traceback, either.
        with contextlib.suppress(LivegistError, OSError):
            if (found := find(key)) is not None:
                keys.append(found.value)
    trace = "".join(traceback.format_exception(error))
    return redacted(f"livegist {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n{trace}", *keys)


def _last_line(report: str) -> str:
    from tui.text import terminal_line

    return terminal_line(report.rstrip().rpartition("\n")[2])[:300]


def _write_report(report: str) -> str:
    """Write the report for its owner alone, in place of the one before; return where, empty if that cannot be."""
    from tui.paths import runtime_dir

    try:
        path = runtime_dir() / REPORT
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
            file.write(report)
    except (LivegistError, OSError):
        return ""
    return str(path)


def _discard_stdout() -> None:
    """Give up standard output, which may be what was refused: what still waits for it would be refused at the end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
