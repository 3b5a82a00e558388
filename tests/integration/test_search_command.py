import json
import stat
from datetime import timedelta

import pytest

from tests.command import livegist
from tests.session_fixtures import STARTED, final_turn, store_session
from tui.model.events import TurnChanged
from tui.paths import data_dir, sessions_dir
from tui.sessions.metadata import SessionMetadata
from tui.sessions.search import INDEX
from tui.sessions.store import Store


@pytest.fixture
def store() -> Store:
    return Store(sessions_dir())


def test_a_place_is_shown_with_session_time_turn_and_context(store: Store) -> None:
    stored = store_session(store, metadata=SessionMetadata("Standup"))
    (line,) = livegist("search", "connection pool").stdout.splitlines()
    assert line.startswith(f"{stored.id}  00:12  turn 3  Standup  What worries me is the connection pool")


@pytest.mark.parametrize("query", ["悬", "悬空", "itgc", "后50条"])
def test_text_without_spaces_is_found_by_any_part_of_it(store: Store, query: str) -> None:
    text = "指针悬空，重跑gen-itgc后50条"
    store_session(store, [TurnChanged(final_turn(1, text))])
    (line,) = livegist("search", query).stdout.splitlines()
    assert line.endswith(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("می\u200cخواهم", "میخواهم"), ("co\u00adoperate", "cooperate"), ("the 👩\u200d🚀 flew", "the 👩🚀 flew")],
)
def test_a_result_has_no_space_in_place_of_a_joiner(store: Store, text: str, shown: str) -> None:
    store_session(store, [TurnChanged(final_turn(1, text))])
    (line,) = livegist("search", text).stdout.splitlines()
    assert line.endswith(shown)
    (line,) = livegist("search", "--json", text).stdout.splitlines()
    assert "".join(json.loads(line)["parts"]) == text, "JSON keeps the spelling"


def test_words_are_looked_for_apart_and_a_quoted_argument_together(store: Store) -> None:
    store_session(store)
    livegist("search", "pool", "connection")
    livegist("search", "pool connection", code=1, says="Nothing found")


def test_json_is_one_object_a_place(store: Store) -> None:
    store_session(store)
    hits = [json.loads(line) for line in livegist("search", "pool", "--json").stdout.splitlines()]
    assert sorted(hit["number"] for hit in hits) == [3, 4]


def test_a_search_without_results_says_so_and_exits_with_1(store: Store) -> None:
    store_session(store)
    assert livegist("search", "zeppelin", code=1, says="Nothing found").stdout == ""


def test_since_and_tag_narrow_it(store: Store) -> None:
    store_session(store, metadata=SessionMetadata(tags=("work",)))
    new = store_session(store, started=STARTED + timedelta(days=3))
    assert new.id in livegist("search", "connection", "--since", "2026-11-22").stdout
    assert new.id not in livegist("search", "connection", "--tag", "work").stdout


def test_deleting_a_session_removes_the_index(store: Store) -> None:
    store_session(store)
    livegist("search", "pool")
    assert stat.S_IMODE((data_dir() / INDEX).stat().st_mode) == 0o600
    livegist("sessions", "delete", "last", "--yes")
    assert not (data_dir() / INDEX).exists()
