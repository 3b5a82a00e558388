"""Search in several rooms, and their bookmarks."""

from msgspec.structs import replace

from tests.viewer.scripted_engine import SESSION, gist, meeting, turn
from tests.viewer.wall_harness import rooms_of
from tui.model.events import GistChanged, Snapshot, SpeakerNamed, TurnBookmarked, TurnChanged
from tui.presentation.room_search import MAX_HITS, excerpt, find_hits

LATER = replace(meeting(), session=replace(SESSION, started_at="2026-11-22T11:45:00+01:00"))


def test_turns_and_gists_of_all_rooms_are_found_the_newest_first() -> None:
    early, late = rooms_of({"early": meeting(), "late": LATER})
    hits = find_hits([early, late], "connection POOL")
    assert [(hit.room, hit.turn, hit.kind) for hit in hits] == [
        (late, 128, "turn"),
        (late, 128, "gist"),
        (early, 128, "turn"),
        (early, 128, "gist"),
    ]
    assert hits[0].at_s == 768.0


def test_a_turn_is_found_by_the_name_of_its_speaker_and_a_gist_of_the_session_has_no_turn() -> None:
    (room,) = rooms_of({"studio": meeting()})
    room.apply(SpeakerNamed("C", "Ines"), (), 0.0)
    room.apply(GistChanged(gist(150, None, "All in all, a tidy plan.")), (), 0.0)
    assert {hit.turn for hit in find_hits([room], "ines")} == {128, 131, 133}
    assert [(hit.turn, hit.kind) for hit in find_hits([room], "tidy")] == [(0, "gist")]


def test_bookmarks_are_listed_and_searched_by_note_and_turn() -> None:
    (room,) = rooms_of({"studio": meeting()})
    room.apply(TurnBookmarked(127, "the date"), (), 0.0)
    room.apply(TurnBookmarked(129, ""), (), 0.0)
    assert [hit.turn for hit in find_hits([room], "", bookmarks=True)] == [129, 127]
    assert [hit.turn for hit in find_hits([room], "date", bookmarks=True)] == [127]
    assert [hit.turn for hit in find_hits([room], "raises", bookmarks=True)] == [129]


def test_nothing_is_found_without_words_in_an_empty_room_and_never_more_than_the_limit() -> None:
    empty, full = rooms_of({"empty": Snapshot(1, "0"), "full": meeting()})
    for number in range(200, 200 + 2 * MAX_HITS):
        full.apply(TurnChanged(turn(number, "pool")), (), 0.0)
    assert find_hits([empty, full], "  ") == []
    assert find_hits([empty], "pool") == []
    hits = find_hits([empty, full], "pool")
    assert len(hits) == MAX_HITS
    assert hits[0].turn == 199 + 2 * MAX_HITS


def test_an_excerpt_begins_before_the_match_and_marks_every_one() -> None:
    parts = excerpt("word " * 40 + "the pool and the Pool (again)", "pool")
    assert parts[0].startswith("…")
    assert parts[1::2] == ("pool", "Pool")
    assert parts[-1] == " (again)"
    assert excerpt("a (b) c", "(b)") == ("a ", "(b)", " c")
    assert excerpt("no match", "") == ("no match",)
