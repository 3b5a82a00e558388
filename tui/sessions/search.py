"""Search over everything that was said, answered, noted and named: SQLite's FTS5.

The index is derived from the sessions. It is brought up to date before each search, and made anew when it is missing,
damaged or of another version: whoever deletes it loses nothing.
"""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from tui.errors import SessionError, UsageError, file_error_hint
from tui.model.session_state import SessionState
from tui.paths import private_dir
from tui.sessions.metadata import METADATA_FILE, SessionMetadata
from tui.sessions.store import EVENTS, Store, StoredSession
from tui.text import file_text

INDEX = "search.sqlite"
VERSION = 2
"""Goes up when the tables change; an index of another version is made anew."""
BUSY_S = 10.0
"""Longest wait for another process that brings the index up to date."""
BEGIN_MARK, END_MARK = "\x02", "\x03"
"""Stand around what was found; no text holds them, for text is made inert."""
SCHEMA = f"""
CREATE TABLE session (id TEXT PRIMARY KEY, stamp TEXT, title TEXT, tags TEXT, first_row INTEGER, last_row INTEGER);
CREATE VIRTUAL TABLE said USING fts5(
    text, session UNINDEXED, kind UNINDEXED, number UNINDEXED, at_s UNINDEXED,
    tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
);
PRAGMA user_version = {VERSION};
"""
QUERY_ALL = """
SELECT session, kind, number, at_s, snippet(said, 0, ?, ?, '…', 24) FROM said
WHERE said MATCH ? ORDER BY rank LIMIT ?
"""
"""FTS5 ranks by itself, and faster, as long as nothing else is asked."""
QUERY_SESSIONS = """
SELECT session, kind, number, at_s, snippet(said, 0, ?, ?, '…', 24) FROM said
WHERE said MATCH ? AND session IN (SELECT value FROM json_each(?)) ORDER BY rank LIMIT ?
"""


class Hit(msgspec.Struct, frozen=True):
    """A place where something was found."""

    session: str
    """Id."""
    title: str
    """The session's name; empty if it has none."""
    kind: str
    """`turn`, `bookmark`, `gist`, `analysis`, `note` or `name`."""
    number: int
    """Of the turn, also for its bookmark or gist; 0 for what is about the whole session."""
    at_s: float
    """Seconds on the session's clock."""
    parts: tuple[str, ...]
    """The words around it: every second one was looked for."""


class _Row(msgspec.Struct, frozen=True):
    kind: str
    number: int
    at_s: float
    text: str


def search(store: Store, index: Path, query: str, *, since: str = "", tag: str = "", max_hits: int = 20) -> list[Hit]:
    """Return where the words of `query` are found, the best first.

    Args:
        store: the sessions.
        index: the file of the index; made if it is missing.
        query: words, all of which must be there; "a phrase" in quotes, `word*` for a beginning, `-word` for one that
            must not be there.
        since: id, or start of an id, of the oldest session that counts.
        tag: a tag that the sessions must have; empty for any.
        max_hits: how many places are returned at most.

    Raises:
        UsageError: the query looks for nothing.
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
    """Remove the index: what was deleted must not be found in it either."""
    for ending in ("", "-journal", "-wal", "-shm"):
        index.with_name(index.name + ending).unlink(missing_ok=True)


def to_fts_expression(query: str) -> str:
    """Return what FTS5 is asked: every word and phrase as text, so that nothing in it is an operator.

    Raises:
        UsageError: it looks for nothing.
    """
    wanted: list[str] = []
    unwanted: list[str] = []
    for sign, phrase, word in re.findall(r'(-?)(?:"([^"]*)"?|([^\s"]+))', query):
        beginning = word.endswith("*")
        text = file_text(phrase or word.rstrip("*")).strip()
        if any(character.isalnum() for character in text):
            quoted = '"' + text.replace('"', '""') + '"' + ("*" if beginning else "")
            (unwanted if sign else wanted).append(quoted)
    if not wanted:
        raise UsageError("There is nothing to look for.", 'Give words, or "a phrase" in quotes.')
    return " AND ".join(wanted) + "".join(f" NOT {each}" for each in unwanted)


def _search(store: Store, index: Path, expression: str, since: str, tag: str, most: int) -> list[Hit]:
    with closing(_open(index)) as database:
        _update(database, store)
        titles = dict(database.execute("SELECT id, title FROM session"))
        marked = (BEGIN_MARK, END_MARK, expression)
        if since or tag:
            chosen = json.dumps(_matching_sessions(database, since, tag))
            rows = database.execute(QUERY_SESSIONS, (*marked, chosen, most)).fetchall()
        else:
            rows = database.execute(QUERY_ALL, (*marked, most)).fetchall()
    return [
        Hit(session, titles[session], kind, number, at_s, tuple(re.split(f"[{BEGIN_MARK}{END_MARK}]", snippet)))
        for session, kind, number, at_s, snippet in rows
    ]


def _matching_sessions(database: sqlite3.Connection, since: str, tag: str) -> list[str]:
    asked = "SELECT id FROM session WHERE id >= ? AND (? = '' OR instr(tags, ?))"
    return [id for (id,) in database.execute(asked, (since, tag, f" {tag} "))]


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
    """Make the tables, unless another process just did."""
    database.execute("BEGIN IMMEDIATE")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        database.execute("DROP TABLE IF EXISTS said")
        database.execute("DROP TABLE IF EXISTS session")
        for statement in SCHEMA.split(";\n"):
            database.execute(statement)
    database.execute("COMMIT")


def _update(database: sqlite3.Connection, store: Store) -> None:
    """Take in sessions that are new or changed, drop those that are gone."""
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
        record = stored.load()
    except SessionError:
        # It is listed as what it is, and looked at again once its files change.
        record = SessionState()
    about = stored.metadata()
    (last,) = database.execute("SELECT coalesce(max(rowid), 0) FROM said").fetchone()
    rows = [(row.text, stored.id, row.kind, row.number, row.at_s) for row in _rows(record, about)]
    database.executemany("INSERT INTO said (text, session, kind, number, at_s) VALUES (?, ?, ?, ?, ?)", rows)
    tags = f" {' '.join(about.tags)} "
    entry = (stored.id, stamp, file_text(about.name), tags, last + 1, last + len(rows))
    database.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)", entry)


def _rows(state: SessionState, metadata: SessionMetadata) -> Iterator[_Row]:
    names = " ".join((metadata.name, *metadata.tags))
    if names.strip():
        yield _Row("name", 0, 0.0, file_text(names))
    if metadata.note:
        yield _Row("note", 0, 0.0, file_text(metadata.note))
    for turn in state.finals:
        yield _Row("turn", turn.number, turn.start_s, file_text(turn.text))
        if state.bookmarks.get(turn.number):
            yield _Row("bookmark", turn.number, turn.start_s, file_text(state.bookmarks[turn.number]))
    for gist in state.gists.values():
        about_turn = state.transcript.get(gist.turn) if gist.turn is not None else None
        at_s = about_turn.start_s if about_turn else 0.0
        if gist.text:
            kind = "analysis" if gist.turn is None else "gist"
            yield _Row(kind, gist.turn or 0, at_s, " ".join(file_text(gist.text).split()))


def _stamp(stored: StoredSession) -> str:
    """Return what is other once a session has changed."""
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
    return SessionError(f"The index {index} cannot be used: {error}.", "Remove it; it is made anew. Is the disk full?")
