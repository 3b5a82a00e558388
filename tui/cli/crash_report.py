"""Reports of unexpected errors: two lines for the user, and a file with the traceback, without keys."""

import contextlib
import logging
import os
import sys
import traceback
from pathlib import Path

from tui import __version__
from tui.errors import LivegistError, file_error_hint

REPORT = "crash.log"


def log_to_file(path: Path) -> None:
    """Append log records to a file that only its owner may read, so that none appears among a session's lines.

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
    """Return an error for the user; an internal error leaves a report, an error of the operating system none."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, LivegistError):
        return error
    if isinstance(error, OSError):
        what = error.strerror or str(error) or type(error).__name__
        if error.filename is None:
            discard_stdout()
        subject = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return LivegistError(f"{subject}{what}.", file_error_hint(error))
    report = _report(error)
    where = _write_report(report)
    hint = f"The report is in {where}." if where else "No report could be written."
    return LivegistError(f"Internal error: {_last_line(report)}", f"The recording is safe. {hint}")


def _report(error: Exception) -> str:
    """Return a traceback without keys."""
    from tui.credentials import Key, find, redacted

    keys: list[str] = []
    for key in Key:
        # A key that cannot be read cannot appear in a traceback either.
        with contextlib.suppress(LivegistError, OSError):
            if (found := find(key)) is not None:
                keys.append(found.value)
    trace = "".join(traceback.format_exception(error))
    return redacted(f"livegist {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n{trace}", *keys)


def _last_line(report: str) -> str:
    from tui.text import terminal_line

    return terminal_line(report.rstrip().rpartition("\n")[2])[:300]


def _write_report(report: str) -> str:
    """Write the report, mode 0600, over the previous one; return its path, empty on failure."""
    from tui.paths import runtime_dir, write_private

    try:
        path = runtime_dir() / REPORT
        write_private(path, report.encode(errors="replace"))
    except (LivegistError, OSError):
        return ""
    return str(path)


def discard_stdout() -> None:
    """Discard standard output, which may have caused the error: flushing its buffer at exit would fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
