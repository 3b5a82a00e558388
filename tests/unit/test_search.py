import sqlite3
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.session_fixtures import STARTED, final_turn, finished_gist, store_session
from tui.errors import SessionError, UsageError
from tui.model.events import GistChanged, TurnBookmarked, TurnChanged
from tui.sessions import catalogue
from tui.sessions.journal import Journal
from tui.sessions.metadata import SessionMetadata, update_metadata
from tui.sessions.search import Hit, delete_index, search, to_fts_expression
from tui.sessions.search_text import fold, unfold_snippet
from tui.sessions.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "sessions")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "search.sqlite"


def found(hits: list[Hit]) -> list[tuple[str, int]]:
    return [(hit.kind, hit.number) for hit in hits]


def test_a_turn_is_found_with_its_time_and_the_words_around_it(store: Store, index: Path) -> None:
    stored = store_session(store)
    (hit,) = search(store, index, "connection pool")
    assert (hit.session, hit.kind, hit.number, hit.at_s) == (stored.id, "turn", 3, 12.0)
    assert hit.parts[1] == "connection"
    assert "".join(hit.parts).startswith("What worries me is the connection pool")


def test_gists_notes_names_and_tags_are_found_too(store: Store, index: Path) -> None:
    store_session(store, metadata=SessionMetadata("Budget", ("money",), "ask Maria"))
    assert found(search(store, index, "gist -pool")) == [("gist", n) for n in range(1, 6)]
    assert found(search(store, index, "ship thursday")) == [("analysis", 0), ("turn", 2)]
    assert found(search(store, index, "budget")) == [("name", 0)]
    assert found(search(store, index, "money")) == [("name", 0)]
    assert found(search(store, index, "maria")) == [("note", 0)]
    assert search(store, index, "maria")[0].title == "Budget"


def test_the_note_of_a_bookmark_is_found_with_its_turn(store: Store, index: Path) -> None:
    store_session(store, [TurnChanged(final_turn(1, "Hello.")), TurnBookmarked(1, "ask the landlord")])
    (hit,) = search(store, index, "landlord")
    assert (hit.kind, hit.number) == ("bookmark", 1)


def test_phrases_beginnings_and_exclusions_narrow_it(store: Store, index: Path) -> None:
    store_session(store)
    assert found(search(store, index, '"the pool"')) == [("turn", 4)]
    assert found(search(store, index, "migrat*")) == [("turn", 2)]
    assert found(search(store, index, "pool -forty")) == [("turn", 3)]
    assert search(store, index, "migrat") == []


def test_accents_and_case_do_not_matter(store: Store, index: Path) -> None:
    store_session(store)
    assert found(search(store, index, "GRUSSE")) == []
    assert found(search(store, index, "grüße")) == [("turn", 5)]
    assert found(search(store, index, "Gruße")) == [("turn", 5)]


@pytest.mark.parametrize(
    ("text", "query", "match"),
    [
        ("重跑gen-itgc后50条", "重", "重"),
        ("重跑gen-itgc后50条", "重跑", "重跑"),
        ("重跑gen-itgc后50条", "itgc", "itgc"),
        ("重跑gen-itgc后50条", "itgc后", "itgc后"),
        ("重跑gen-itgc后50条", "后50条", "后50条"),
        ("重跑gen-itgc后50条", "条 重", "重"),
        ("指针悬空会崩溃", "悬空", "悬空"),
        ("指针悬空会崩溃", '"空会崩"', "空会崩"),
        ("明日の会議は東京です", "会議", "会議"),
        ("明日の会議は東京です", "です", "です"),
        ("ﾃﾞｰﾀを送る", "データ", "ﾃﾞｰﾀ"),
        ("データを送る", "ﾃﾞｰﾀ", "データ"),
        ("ＡＰＩ　ｋｅｙ２", "api key2", "ＡＰＩ"),
        ("an api key", "ＡＰＩ", "api"),
        ("회의를 시작합니다", "회의", "회의"),
        ("พรุ่งนี้ประชุมสิบโมง", "ประชุม", "ประชุม"),
        ("พรุ่งนี้ประชุมสิบโมง", "ช", "ชุ"),
        ("قال أحمد إلى المكتبة", "احمد", "أحمد"),
        ("كتاب كبير", "کبیر", "كبير"),
        ("العَرَبِيَّة", "العربية", "العَرَبِيَّة"),
        ("محـــمد", "محمد", "محـــمد"),
        ("سال ۲۰۲۶ است", "2026", "۲۰۲۶"),
        ("Die Silben\u00adtrennung stört", "silbentrennung", "Silben\u00adtrennung"),
        ("می\u200cخواهم بروم", "می\u200cخواهم", "می\u200cخواهم"),
        ("हिन्दी में बात", "हिन्दी", "हिन्दी"),
        ("a 👩\u200d🚀 flew", "flew", "flew"),
    ],
)
def test_every_script_is_found_and_shown_as_it_was_spelled(
    store: Store, index: Path, text: str, query: str, match: str
) -> None:
    store_session(store, [TurnChanged(final_turn(1, text)), TurnChanged(final_turn(2, "Nothing of that."))])
    (hit,) = search(store, index, query)
    assert hit.number == 1
    assert hit.parts[1] == match
    assert "".join(hit.parts) == text.replace("　", " ")


@pytest.mark.parametrize("query", ["空悬", "悬会", "重重", "崩溃 -指"])
def test_signs_that_do_not_stand_together_are_not_found(store: Store, index: Path, query: str) -> None:
    store_session(store, [TurnChanged(final_turn(1, "指针悬空会崩溃"))])
    assert search(store, index, query) == []


def test_a_turn_that_says_it_more_often_comes_first_in_every_script(store: Store, index: Path) -> None:
    often, once = "会議の後にまた会議", "今日は会議がありません"
    store_session(store, [TurnChanged(final_turn(1, once)), TurnChanged(final_turn(2, often))])
    assert [hit.number for hit in search(store, index, "会議")] == [2, 1]


def test_a_long_text_is_cut_around_the_match_and_keeps_its_spelling(store: Store, index: Path) -> None:
    store_session(store, [TurnChanged(final_turn(1, f"{'前置きです' * 20}ﾃﾞｰﾀﾍﾞｰｽ{'後書きです' * 20}"))])
    (hit,) = search(store, index, "データベース")
    assert hit.parts[1] == "ﾃﾞｰﾀﾍﾞｰｽ"
    assert hit.parts[0].startswith("…")
    assert hit.parts[0].endswith("です")
    assert hit.parts[2].startswith("後書き")
    assert hit.parts[2].endswith("…")


def test_an_index_from_before_is_rebuilt(store: Store, index: Path) -> None:
    store_session(store, [TurnChanged(final_turn(1, "指针悬空会崩溃"))])
    with sqlite3.connect(index) as database:
        database.execute("CREATE VIRTUAL TABLE said USING fts5(text)")
        database.execute("PRAGMA user_version = 2")
    database.close()
    assert found(search(store, index, "悬空")) == [("turn", 1)]


ODD = "aé重跑ﾃﾞが\u3099กำأـ\u0651ﬁ½…\u200d\u0301각ᄀ\u1161 .-"


@given(st.text(alphabet=st.sampled_from(ODD), max_size=20))
def test_a_snippet_of_a_whole_text_has_its_spelling(text: str) -> None:
    shown = "".join(unfold_snippet(fold(text), text))
    assert shown in text
    assert fold(shown) == fold(text)


def test_sessions_are_narrowed_by_tag_and_time(store: Store, index: Path) -> None:
    old = store_session(store, metadata=SessionMetadata(tags=("work",)))
    new = store_session(store, started=STARTED + timedelta(days=3))
    assert {hit.session for hit in search(store, index, "pool")} == {old.id, new.id}
    assert {hit.session for hit in search(store, index, "pool", tag="work")} == {old.id}
    assert {hit.session for hit in search(store, index, "pool", tag="wor")} == set()
    assert {hit.session for hit in search(store, index, "pool", since="2026-11-22")} == {new.id}


def test_turns_added_after_a_search_are_found_by_the_next(store: Store, index: Path) -> None:
    stored = store_session(store)
    assert search(store, index, "zeppelin") == []
    journal = Journal(stored.events)
    journal.append(TurnChanged(final_turn(6, "A zeppelin landed.")), 36.0)
    journal.append(GistChanged(finished_gist(7, 6, "About a balloon.")), 36.0)
    assert found(search(store, index, "zeppelin")) == [("turn", 6)]
    journal.close()
    update_metadata(stored.path, lambda about: about.with_tags("airship"))
    assert found(search(store, index, "airship")) == [("name", 0)]
    assert len(search(store, index, "pool")) == 2


def test_deleted_sessions_are_removed_from_the_index_file(store: Store, index: Path) -> None:
    stored = store_session(store, [TurnChanged(final_turn(1, "The password is xyzzyplugh."))])
    store_session(store, started=STARTED + timedelta(days=1))
    assert len(search(store, index, "xyzzyplugh")) == 1
    catalogue.delete(stored)
    delete_index(index)
    assert search(store, index, "xyzzyplugh") == []
    assert b"xyzzyplugh" not in index.read_bytes()


def test_a_session_that_vanished_is_dropped(store: Store, index: Path) -> None:
    stored = store_session(store)
    other = store_session(store, started=STARTED + timedelta(days=1))
    search(store, index, "pool")
    catalogue.delete(stored)
    assert {hit.session for hit in search(store, index, "pool")} == {other.id}


@pytest.mark.parametrize("damage", [b"", b"garbage" * 1000, None])
def test_a_damaged_or_missing_index_is_rebuilt(store: Store, index: Path, damage: bytes | None) -> None:
    store_session(store)
    search(store, index, "pool")
    if damage is None:
        index.unlink()
    else:
        index.write_bytes(damage)
    assert len(search(store, index, "pool")) == 2


def test_an_index_with_a_hole_in_it_is_rebuilt(store: Store, index: Path) -> None:
    store_session(store)
    search(store, index, "pool")
    content = bytearray(index.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    index.write_bytes(content)
    assert len(search(store, index, "pool")) == 2


def test_an_index_of_another_version_is_rebuilt(store: Store, index: Path) -> None:
    store_session(store)
    search(store, index, "pool")
    with sqlite3.connect(index) as database:
        database.execute("PRAGMA user_version = 99")
        database.execute("DROP TABLE session")
    database.close()
    assert len(search(store, index, "pool")) == 2


def test_only_the_owner_can_read_the_index(store: Store, index: Path) -> None:
    store_session(store)
    search(store, index, "pool")
    assert stat.S_IMODE(index.stat().st_mode) == 0o600


def test_a_session_that_cannot_be_read_hides_no_other(store: Store, index: Path) -> None:
    store_session(store)
    broken = store_session(store, started=STARTED + timedelta(days=1))
    broken.events.write_bytes(b'{"at":0,"format":99,"event":{"type":"muted","muted":true}}\n')
    assert len(search(store, index, "pool")) == 2


def test_an_unwritable_index_is_an_error(store: Store, tmp_path: Path) -> None:
    store_session(store)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SessionError, match="cannot be used"):
        search(store, tmp_path / "folder", "pool")


@pytest.mark.parametrize("query", ["", "  ", '""', "*", "-pool", "(", '"', "- -"])
def test_a_query_without_words_is_a_usage_error(query: str) -> None:
    with pytest.raises(UsageError, match="The query contains no word to search for"):
        to_fts_expression(query)


@given(st.text(max_size=40))
def test_no_query_is_a_syntax_error_of_sqlite(query: str) -> None:
    try:
        expression = to_fts_expression(query)
    except UsageError:
        assert "-" in query or not any(map(str.isalnum, query))
        return
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE t USING fts5(text)")
    assert database.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall() == []
    database.close()


def test_processes_that_build_the_index_at_once_all_find_the_sessions(
    store: Store, index: Path, tmp_path: Path
) -> None:
    for day in range(5):
        store_session(store, started=STARTED + timedelta(days=day), sound_s=0.0)
    program = (
        "import sys; from pathlib import Path\n"
        "from tui.sessions.search import search; from tui.sessions.store import Store\n"
        "print(len(search(Store(Path(sys.argv[1])), Path(sys.argv[2]), 'pool')))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "sessions"), str(index)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [each.communicate(timeout=60) for each in running] == [("10\n", "")] * 4
    assert [each.returncode for each in running] == [0] * 4
