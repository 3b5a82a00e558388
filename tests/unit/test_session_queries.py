import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from tests.session_fixtures import MEETING, STARTED, store_session
from tui.engine.session_queries import export_session, list_sessions, run_query, show_session
from tui.errors import UsageError
from tui.model.commands import DeleteSessions, DescribeSession, SearchSessions
from tui.model.events import SessionExported, SessionsFound, SessionsListed
from tui.sessions.catalogue import find
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "sessions")


def test_viewers_are_listed_newest_first(store: Store) -> None:
    old = store_session(store, metadata=SessionMetadata("Standup", ("work",)))
    new = store_session(store, [], started=STARTED + timedelta(days=1))
    listed = list_sessions(store).sessions
    assert [session.id for session in listed] == [new.id, old.id]
    assert [session.problem for session in listed] == ["", ""]
    assert (listed[1].name, listed[1].tags, listed[1].turns, listed[1].length_s) == ("Standup", ("work",), 5, 30.0)


def test_a_viewer_gets_all_of_one(store: Store) -> None:
    stored = store_session(store)
    snapshot = show_session(store, stored.id).snapshot
    assert [turn.text for turn in snapshot.turns] == [text for _, text in MEETING]
    assert len(snapshot.gists) == 6


def test_a_session_that_is_not_there_is_refused(store: Store) -> None:
    store_session(store)
    with pytest.raises(UsageError, match="no session 'nope'"):
        show_session(store, "nope")


def test_an_export_is_a_file_for_its_owner_alone(store: Store, tmp_path: Path) -> None:
    stored = store_session(store)
    exported = export_session(store, stored.id, "txt", tmp_path / "exports")
    path = tmp_path / "exports" / f"{stored.id}.txt"
    assert exported == SessionExported(str(path))
    assert len(path.read_text(encoding="utf-8").splitlines()) == 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("format", ["../../evil", "exe", ""])
def test_no_viewer_chooses_where_a_file_goes(store: Store, tmp_path: Path, format: str) -> None:
    stored = store_session(store)
    with pytest.raises(UsageError, match=f"Unknown format: '{re.escape(format)}'"):
        export_session(store, stored.id, format, tmp_path / "exports")
    assert not (tmp_path / "exports").exists()


def test_selected_turns_are_exported_with_their_gists_only(store: Store, tmp_path: Path) -> None:
    stored = store_session(store)
    exported = export_session(store, stored.id, "md", tmp_path, (2, 3))
    text = Path(exported.path).read_text(encoding="utf-8")
    assert exported.path.endswith(f"{stored.id}-turns-2-3.md")
    assert "Gist of turn 2." in text
    assert "The migration is ready" in text
    assert not any(other in text for other in ("Good morning", "Gist of turn 1.", "Ship on **Thursday**"))


def test_a_name_is_found_with_its_accents_composed_or_not(store: Store) -> None:
    stored = store_session(store, metadata=SessionMetadata("cafe\N{COMBINING ACUTE ACCENT}"))
    assert find(store, "CAFÉ").id == find(store, "cafe\N{COMBINING ACUTE ACCENT}").id == stored.id


def test_title_and_tags_of_a_stored_session_are_changed(store: Store) -> None:
    stored = store_session(store, metadata=SessionMetadata("Standup", ("work",), "a note"))
    listed = run_query(store, DescribeSession(stored.id, " Team\nmeeting ", ("#q4", "b")), None)
    assert isinstance(listed, SessionsListed)
    assert (listed.sessions[0].name, listed.sessions[0].tags) == ("Team meeting", ("b", "q4"))
    assert stored.metadata().note == "a note"


def test_deleted_sessions_are_gone_from_the_list_and_from_the_search(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", str(tmp_path))
    old = store_session(store)
    new = store_session(store, started=STARTED + timedelta(days=1))
    word = MEETING[0][1].split()[0].strip(",.")
    found = run_query(store, SearchSessions(word), None)
    assert isinstance(found, SessionsFound)
    assert {hit.session for hit in found.hits} == {old.id, new.id}
    assert {hit.turn for hit in found.hits} >= {1}
    listed = run_query(store, DeleteSessions((old.id,)), None)
    assert isinstance(listed, SessionsListed)
    assert [session.id for session in listed.sessions] == [new.id]
    found = run_query(store, SearchSessions(word), None)
    assert isinstance(found, SessionsFound)
    assert {hit.session for hit in found.hits} == {new.id}
