"""What viewers may ask about sessions that are over: which there are, all of one, one as a file."""

import os
from itertools import islice
from pathlib import Path

import tui
from tui.errors import SessionError, file_error_hint
from tui.model.events import (
    Notice,
    SessionInfo,
    SessionShown,
    SessionsListed,
    Severity,
)
from tui.paths import private_dir
from tui.sessions.catalogue import find, summarise
from tui.sessions.export import export
from tui.sessions.store import Store

LISTED = 200
"""Most sessions that are listed, the newest."""


def list_sessions(store: Store) -> SessionsListed:
    """Return the newest sessions."""
    found = (summarise(stored) for stored in islice(store, LISTED))
    return SessionsListed(
        tuple(
            SessionInfo(
                summary.id,
                summary.started_at,
                summary.length_s,
                summary.turns,
                summary.state,
                summary.name,
                summary.tags,
                summary.first_words,
                summary.bookmarks,
                summary.live,
                summary.problem,
            )
            for summary in found
        )
    )


def show_session(store: Store, id: str) -> SessionShown:
    """Return all of a session.

    Raises:
        UsageError: there is none of that id.
        SessionError: it cannot be read.
    """
    record = find(store, id).load()
    return SessionShown(record.snapshot(tui.__version__))


def export_session(store: Store, id: str, format: str, folder: Path) -> Notice:
    """Write a session to `folder`, for its owner alone, in place of what stood there.

    Raises:
        UsageError: there is no such session or format.
        SessionError: it cannot be written.
    """
    stored = find(store, id)
    text = export(stored.load(), stored.metadata(), format)
    try:
        path = private_dir(folder) / f"{stored.id}.{format}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise SessionError(f"Nothing can be written to {folder}: {error.strerror}.", file_error_hint(error)) from error
    return Notice(Severity.INFO, f"Wrote {path}")
