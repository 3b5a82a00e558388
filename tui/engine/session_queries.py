"""Session queries: list stored sessions, show one, export one to a file."""

from collections.abc import Collection
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

import tui
from tui.errors import SessionError, UsageError, file_error_hint
from tui.model.commands import (
    DeleteSessions,
    DescribeSession,
    ExportSession,
    ListSessions,
    SearchSessions,
    SessionQuery,
    ShowSession,
)
from tui.model.events import (
    SessionExported,
    SessionInfo,
    SessionsFound,
    SessionShown,
    SessionsListed,
)
from tui.model.prompts import PromptLibrary
from tui.model.session import Session
from tui.model.session_hits import SessionHit
from tui.paths import data_dir, private_dir, prompt_folders, write_private
from tui.sessions.catalogue import delete, find, summarise
from tui.sessions.export import export
from tui.sessions.metadata import SessionMetadata, clean_line, update_metadata
from tui.sessions.store import Store

MAX_HITS = 100
"""Maximum number of matches of a search."""
MAX_LISTED = 200
"""Maximum number of sessions in a list, the newest."""


def run_query(
    store: Store, query: SessionQuery, current: Session | None
) -> SessionsListed | SessionsFound | SessionShown | SessionExported:
    """Return the reply to a query.

    Args:
        store: the sessions on disk.
        query: the query.
        current: the session that is exported if the query names none; `None` if there is none.

    Raises:
        UsageError: the session or the format does not exist.
        SessionError: the session cannot be read, or the file cannot be written.
    """
    match query:
        case ListSessions():
            return list_sessions(store)
        case DescribeSession(session=id, name=name, tags=tags):
            update_metadata(find(store, id).path, lambda old: _described(old, name, tags))
            return list_sessions(store)
        case DeleteSessions(sessions=ids):
            return _delete_sessions(store, ids)
        case SearchSessions(query=words):
            return _search_sessions(store, words)
        case ShowSession(session=id):
            return show_session(store, id)
        case ExportSession(session="") if current is None or not current.path:
            raise UsageError("There is no stored session to export.", "Start one with s, or choose one with h.")
        case ExportSession(session=id, format=format, turns=turns, fetch=fetch):
            folder = None if fetch else data_dir() / "exports"
            return export_session(store, id or (current.id if current else ""), format, folder, turns)


def _delete_sessions(store: Store, ids: tuple[str, ...]) -> SessionsListed:
    from tui.sessions.search import INDEX, delete_index

    for id in ids:
        delete(find(store, id))
    delete_index(data_dir() / INDEX)
    return list_sessions(store)


def _search_sessions(store: Store, words: str) -> SessionsFound:
    # SQLite takes a megabyte, which an engine without a search does without.
    from tui.sessions.search import INDEX, search

    found = search(store, data_dir() / INDEX, words, max_hits=MAX_HITS)
    return SessionsFound(tuple(SessionHit(hit.session, hit.number, hit.at_s, hit.parts) for hit in found))


def _described(metadata: SessionMetadata, name: str, tags: tuple[str, ...]) -> SessionMetadata:
    return replace(metadata, name=clean_line(name), tags=()).with_tags(*tags)


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
    stored = find(store, id)
    snapshot = stored.load().snapshot(tui.__version__)
    prompts = PromptLibrary.load(*prompt_folders()).infos
    return SessionShown(replace(snapshot, prompts=prompts, title=stored.metadata().name))


def export_session(
    store: Store, id: str, format: str, folder: Path | None, turns: Collection[int] = ()
) -> SessionExported:
    """Export a session to a file in `folder` that only its owner can read, replacing an older file.

    Without a folder, return the text in place of writing it. With `turns`, export only the turns of these numbers.

    Raises:
        UsageError: the session or the format does not exist.
        SessionError: the file cannot be written.
    """
    stored = find(store, id)
    names = PromptLibrary.load(*prompt_folders()).names
    state = stored.load()
    name = stored.id
    if turns:
        state.keep(turns)
        name = f"{name}-turns-{min(turns)}-{max(turns)}"
    text = export(state, stored.metadata(), format, names)
    if folder is None:
        return SessionExported(f"{name}.{format}", text)
    try:
        path = private_dir(folder) / f"{name}.{format}"
        write_private(path, text.encode())
    except OSError as error:
        raise SessionError(f"{folder} cannot be written to: {error.strerror}.", file_error_hint(error)) from error
    return SessionExported(str(path))
