"""Full-text search over turns, gists, notes and names with SQLite's FTS5.

The index is derived from the sessions. It is updated before each search, and rebuilt if it is missing, damaged or of
another version, so deleting it loses nothing.
"""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from tui.errors import SessionError, UsageError, database_error_hint, file_error_hint
from tui.model.session_state import SessionState
from tui.paths import private_dir
from tui.sessions.metadata import METADATA_FILE, SessionMetadata
from tui.sessions.search_text import BEGIN_MARK, ELLIPSIS, END_MARK, fold, split_snippet, unfold_snippet
from tui.sessions.store import EVENTS, Store, StoredSession
from tui.text import file_text

INDEX = "search.sqlite"
VERSION = 4
"""Incremented when the tables change; an index of another version is rebuilt."""
BUSY_S = 10.0
"""Maximum time to wait for another process that updates the index, in seconds."""
SCHEMA = f"""
CREATE TABLE session (id TEXT PRIMARY KEY, stamp TEXT, title TEXT, tags TEXT, first_row INTEGER, last_row INTEGER);
CREATE VIRTUAL TABLE said USING fts5(
    text, session UNINDEXED, kind UNINDEXED, number UNINDEXED, at_s UNINDEXED, spelling UNINDEXED, track UNINDEXED,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* Co'", prefix = '2 3'
);
PRAGMA user_version = {VERSION};
"""
"""`text` is folded, `spelling` is the text before that; NULL if it is the same."""
QUERY_ALL = """
SELECT session, kind, number, at_s, spelling, track, snippet(said, 0, ?, ?, ?, 24) FROM said
WHERE said MATCH ? ORDER BY rank LIMIT ?
"""
"""Without a filter FTS5 sorts by rank itself, which is faster."""
QUERY_SESSIONS = """
SELECT session, kind, number, at_s, spelling, track, snippet(said, 0, ?, ?, ?, 24) FROM said
WHERE said MATCH ? AND session IN (SELECT value FROM json_each(?)) ORDER BY rank LIMIT ?
"""


class Hit(msgspec.Struct, frozen=True):
    """A match of a search."""

    session: str
    """Id of the session."""
    title: str
    """The session's name; empty if it has none."""
    kind: str
    """`turn`, `bookmark`, `gist`, `analysis`, `note` or `name`."""
    number: int
    """Number of the turn, also for its bookmark or gist; 0 for the whole session."""
    at_s: float
    """Time in the session, in seconds."""
    parts: tuple[str, ...]
    """The snippet split at the matches: parts with odd index are matches, the others are the text around them."""
    track: str = ""
    """Name of the turn's track; empty if the session has one without a name."""


class _Row(msgspec.Struct, frozen=True):
    kind: str
    number: int
    at_s: float
    text: str
    track: str = ""


def search(store: Store, index: Path, query: str, *, since: str = "", tag: str = "", max_hits: int = 20) -> list[Hit]:
    """Return the matches of `query`, the best first.

    Args:
        store: the sessions.
        index: the file of the index; created if it is missing.
        query: words that must all occur; "a phrase" in quotes, `word*` for a prefix, `-word` to exclude a word.
        since: id, or start of an id, of the oldest session to search.
        tag: a tag that the sessions must have; empty for any.
        max_hits: maximum number of matches.

    Raises:
        UsageError: the query contains no word to search for.
        SessionError: the index cannot be written.
    """
    expression = to_fts_expression(query)
    try:
        return _search(store, index, expression, since, tag, max_hits)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and not index.exists():
            raise _index_error(index, error) from error
    delete_index(index)
    try:
        return _search(store, index, expression, since, tag, max_hits)
    except sqlite3.DatabaseError as error:
        raise _index_error(index, error) from error


def delete_index(index: Path) -> None:
    """Delete the index, so that it does not contain text of deleted sessions."""
    for ending in ("", "-journal", "-wal", "-shm"):
        index.with_name(index.name + ending).unlink(missing_ok=True)


def to_fts_expression(query: str) -> str:
    """Return the FTS5 expression of a query, with every word and phrase quoted, so that none is an operator.

    Raises:
        UsageError: the query contains no word to search for.
    """
    included: list[str] = []
    excluded: list[str] = []
    for sign, phrase, word in re.findall(r'(-?)(?:"([^"]*)"?|([^\s"]+))', query):
        is_prefix = word.endswith("*")
        text = fold(file_text(phrase or word.rstrip("*"))).strip()
        if any(character.isalnum() for character in text):
            quoted = '"' + text.replace('"', '""') + '"' + ("*" if is_prefix else "")
            (excluded if sign else included).append(quoted)
    if not included:
        raise UsageError("The query contains no word to search for.", 'Give words, or "a phrase" in quotes.')
    return " AND ".join(included) + "".join(f" NOT {each}" for each in excluded)


def _search(store: Store, index: Path, expression: str, since: str, tag: str, max_hits: int) -> list[Hit]:
    with closing(_open(index)) as database:
        _update(database, store)
        titles = dict(database.execute("SELECT id, title FROM session"))
        marked = (BEGIN_MARK, END_MARK, ELLIPSIS, expression)
        if since or tag:
            session_ids = json.dumps(_matching_sessions(database, since, tag))
            rows = database.execute(QUERY_SESSIONS, (*marked, session_ids, max_hits)).fetchall()
        else:
            rows = database.execute(QUERY_ALL, (*marked, max_hits)).fetchall()
    return [
        Hit(
            session,
            titles[session],
            kind,
            number,
            at_s,
            split_snippet(snippet) if spelling is None else unfold_snippet(snippet, spelling),
            track,
        )
        for session, kind, number, at_s, spelling, track, snippet in rows
    ]


def _matching_sessions(database: sqlite3.Connection, since: str, tag: str) -> list[str]:
    statement = "SELECT id FROM session WHERE id >= ? AND (? = '' OR instr(tags, ?))"
    return [id for (id,) in database.execute(statement, (since, tag, f" {tag} "))]


def _open(index: Path) -> sqlite3.Connection:
    try:
        private_dir(index.parent)
        os.close(os.open(index, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _index_error(index, error) from error
    database = sqlite3.connect(index, timeout=BUSY_S, isolation_level=None)
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            _create_tables(database)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _create_tables(database: sqlite3.Connection) -> None:
    """Create the tables, unless another process has created them meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        database.execute("DROP TABLE IF EXISTS said")
        database.execute("DROP TABLE IF EXISTS session")
        for statement in SCHEMA.split(";\n"):
            database.execute(statement)
    database.execute("COMMIT")


def _update(database: sqlite3.Connection, store: Store) -> None:
    """Index new and changed sessions, and remove deleted ones."""
    stamps = {stored.id: _stamp(stored) for stored in store}
    known = dict(database.execute("SELECT id, stamp FROM session"))
    changed = [id for id in stamps if known.get(id) != stamps[id]]
    gone = [id for id in known if id not in stamps]
    if not changed and not gone:
        return
    database.execute("BEGIN IMMEDIATE")
    for id in (*gone, *changed):
        _remove_session(database, id)
    for stored in store:
        if stored.id in changed:
            _index_session(database, stored, stamps[stored.id])
    database.execute("COMMIT")


def _remove_session(database: sqlite3.Connection, id: str) -> None:
    rows = database.execute("SELECT first_row, last_row FROM session WHERE id = ?", (id,)).fetchone()
    if rows is not None:
        database.execute("DELETE FROM said WHERE rowid BETWEEN ? AND ?", rows)
        database.execute("DELETE FROM session WHERE id = ?", (id,))


def _index_session(database: sqlite3.Connection, stored: StoredSession, stamp: str) -> None:
    try:
        state = stored.load()
    except SessionError:
        # Indexed as empty; its files change when it is repaired, and then it is indexed again.
        state = SessionState()
    metadata = stored.metadata()
    (last,) = database.execute("SELECT coalesce(max(rowid), 0) FROM said").fetchone()
    rows = [
        (*_columns(row.text), stored.id, row.kind, row.number, row.at_s, row.track) for row in _rows(state, metadata)
    ]
    database.executemany(
        "INSERT INTO said (text, spelling, session, kind, number, at_s, track) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
    )
    tags = f" {' '.join(metadata.tags)} "
    entry = (stored.id, stamp, file_text(metadata.name), tags, last + 1, last + len(rows))
    database.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)", entry)


def _columns(text: str) -> tuple[str, str | None]:
    """Return the text as it is indexed, and its spelling if that differs."""
    folded = fold(text)
    return folded, None if folded == text else text


def _rows(state: SessionState, metadata: SessionMetadata) -> Iterator[_Row]:
    names = " ".join((metadata.name, *metadata.tags))
    if names.strip():
        yield _Row("name", 0, 0.0, file_text(names))
    if metadata.note:
        yield _Row("note", 0, 0.0, file_text(metadata.note))
    for turn, note, _ in state.entries():
        yield _Row("turn", turn.number, turn.start_s, file_text(turn.text), file_text(turn.track))
        if note:
            yield _Row("bookmark", turn.number, turn.start_s, file_text(note))
    for gist in state.gists.values():
        turn_of_gist = state.transcript.get(gist.turn) if gist.turn is not None else None
        at_s = turn_of_gist.start_s if turn_of_gist else 0.0
        if gist.text:
            kind = "analysis" if gist.turn is None else "gist"
            yield _Row(kind, gist.turn or 0, at_s, " ".join(file_text(gist.text).split()))


def _stamp(stored: StoredSession) -> str:
    """Return a value that changes when the files of a session change."""
    return " ".join(_file_stamp(stored.path / name) for name in (EVENTS, METADATA_FILE))


def _file_stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ino}"


def _index_error(index: Path, error: Exception) -> SessionError:
    if isinstance(error, OSError):
        return SessionError(f"The index {index} cannot be used: {error.strerror}.", file_error_hint(error))
    return SessionError(
        f"The index {index} cannot be used: {error}.", database_error_hint(error, "Delete it; it will be rebuilt.")
    )
