"""Session queries: list stored sessions, show one, export one to a file."""

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
from tui.paths import private_dir, write_private
from tui.sessions.catalogue import find, summarise
from tui.sessions.export import export
from tui.sessions.store import Store

MAX_LISTED = 200
"""Maximum number of sessions in a list, the newest."""


def list_sessions(store: Store) -> SessionsListed:
    """Return the newest sessions."""
    summaries = (summarise(stored) for stored in islice(store, MAX_LISTED))
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
            for summary in summaries
        )
    )


def show_session(store: Store, id: str) -> SessionShown:
    """Return the whole state of a session.

    Raises:
        UsageError: the session does not exist.
        SessionError: the session cannot be read.
    """
    return SessionShown(find(store, id).load().snapshot(tui.__version__))


def export_session(store: Store, id: str, format: str, folder: Path) -> Notice:
    """Export a session to a file in `folder` that only its owner can read; replace an older file.

    Raises:
        UsageError: the session or the format does not exist.
        SessionError: the file cannot be written.
    """
    stored = find(store, id)
    text = export(stored.load(), stored.metadata(), format)
    try:
        path = private_dir(folder) / f"{stored.id}.{format}"
        write_private(path, text.encode())
    except OSError as error:
        raise SessionError(f"{folder} cannot be written to: {error.strerror}.", file_error_hint(error)) from error
    return Notice(Severity.INFO, f"Wrote {path}")
