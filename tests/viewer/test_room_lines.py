"""What a row of the wall says of its room, and how many rows a room gets."""

import pytest
from msgspec.structs import replace

from tests.viewer.scripted_engine import SESSION, STATS, gist, meeting, partial, turn
from tests.viewer.wall_harness import rooms_of
from tui.config.schema import Highlight
from tui.model.events import (
    Event,
    GistChanged,
    LevelChanged,
    MutedChanged,
    Snapshot,
    State,
    StateChanged,
    StatsChanged,
    TurnBookmarked,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gists import GistStatus
from tui.model.tracks import Track
from tui.presentation.ballistics import Condition, Reading
from tui.presentation.highlight_rules import compile_rules
from tui.presentation.room import Room
from tui.viewer.styled_text import width
from tui.viewer.widgets.room_lines import MAX_ROWS, room_lines
from tui.viewer.widgets.room_list import Place, visible_rooms

LEVEL = Reading(-24.0, -12.0, -12.0)
RULES, _ = compile_rules({"script": Highlight(bell=True), "Maria": "warn"})


def room(snapshot: Snapshot | None = None, *, host: str = "") -> Room:
    found = Room("studio", host)
    found.apply(snapshot or meeting(), (), 0.0)
    return found


def texts(
    of: Room, columns: int = 100, rows: int = 4, reading: Reading = LEVEL, *, selected: bool = False
) -> list[str]:
    lines = room_lines(of, reading, columns, rows, selected=selected)
    return ["".join(span.text for span in line).rstrip() for line in lines]


@pytest.mark.parametrize("columns", [24, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, MAX_ROWS])
@pytest.mark.parametrize("state", list(State))
def test_a_room_has_the_size_that_it_is_given_in_every_state(columns: int, rows: int, state: State) -> None:
    lines = room_lines(room(replace(meeting(state), reason="The disk is full. " * 9)), LEVEL, columns, rows)
    assert len(lines) == rows
    # The list cuts a first row that is too wide; every other line fits.
    assert all(width(line) <= columns for line in lines[1:])
    assert columns < 60 or width(lines[0]) <= columns


def test_the_first_row_says_name_state_time_level_marks_and_lag() -> None:
    of = room()
    of.apply(TurnBookmarked(127, ""), (), 0.0)
    head = texts(of)[0]
    for part in ("studio", "● LIVE", "13:24", "█", "★ 1", "lag 0.4 s"):
        assert part in head


def test_below_stand_the_newest_turn_and_the_newest_gist() -> None:
    _, spoken, said, _ = texts(room())
    assert spoken.endswith("I think I can do both but let me look at the")
    assert said.startswith("  ◆ The decision falls at noon")


def test_a_room_of_one_row_ends_with_the_newest_words() -> None:
    of = room()
    of.apply(TurnChanged(partial(140, "and so on " * 40 + "to the very end")), (), 0.0)
    for columns in (60, 80, 100, 160):
        assert texts(of, columns, 1)[0].endswith("to the very end")


def test_the_start_of_a_growing_line_rests_while_words_are_added() -> None:
    of, starts = room(), []
    words = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
    ]
    for count in range(len(words)):
        of.apply(TurnChanged(partial(140, " ".join(words[: count + 1]))), (), 0.0)
        starts.append(texts(of, 60, 1)[0].partition("…")[2].split(" ")[0])
    # Each repaint of a whole line costs traffic.
    assert 1 < len(dict.fromkeys(starts)) <= 6


def test_the_tail_of_the_transcript_fills_the_rows_that_are_left() -> None:
    joined = " ".join(texts(room(), 100, MAX_ROWS))
    assert "Anything that blocks the release notes?" in joined
    assert joined.index("Maria, could you") < joined.index("I think I can do both")


def test_a_room_without_turns_says_what_to_do() -> None:
    assert texts(room(Snapshot(1, "0")), selected=True)[1] == "  No session is running: s starts one."
    assert texts(room(Snapshot(1, "0")))[1] == "  No session is running.", "the key would act on another room"
    assert "Connecting" in texts(Room("studio"))[1]


def test_a_text_that_does_not_fit_ends_in_an_ellipsis() -> None:
    of = Room("berlin", "berlin")
    of.view_model.disconnect("berlin cannot be reached: the host name could not be resolved.", "Check it.", "")
    assert texts(of, 40, 3)[1:] == ["  berlin cannot be reached: the host", "  name could not be resolved. Trying ag…"]
    assert "Trying again…" in " ".join(texts(of, 60, 6))
    of = room()
    of.apply(StateChanged(State.FAILED, "The disk is full. " * 9), (), 0.0)
    assert texts(of, 60, 4)[1].endswith("…")


@pytest.mark.parametrize(
    ("state", "words"), [(State.FAILED, "There is no microphone. Plug one in."), (State.RECONNECTING, "Lost.")]
)
@pytest.mark.parametrize("rows", [1, 4])
def test_what_is_wrong_stands_before_the_turns(state: State, words: str, rows: int) -> None:
    of = room()
    reason, _, hint = words.partition(". ")
    of.apply(StateChanged(state, f"{reason}." if hint else reason, hint), (), 0.0)
    assert words[:20] in texts(of, 100, rows)[min(1, rows - 1)]


@pytest.mark.parametrize(
    ("host", "reason", "pill", "words"),
    [
        ("far", "No route.", "↻ LINE LOST", "Line to far lost. No route."),
        ("", "", "↻ DISCONNECTED", "Connection to the engine lost."),
    ],
)
def test_a_lost_room_says_so_and_keeps_its_turns(host: str, reason: str, pill: str, words: str) -> None:
    of = room(host=host)
    of.view_model.disconnect(reason, "", "2026-11-22T10:00:00+00:00")
    shown = texts(of, 100, 6)
    assert pill in shown[0]
    assert words in shown[1]
    assert "Reconnecting" in shown[1]
    assert "I think I can do both" in " ".join(shown)
    assert "█" not in shown[0]
    assert "lag" not in shown[0]


def test_a_killed_engine_is_reported_with_the_time() -> None:
    of = room(replace(meeting(State.FAILED), stopped_at="2026-11-22T10:00:00+00:00"))
    assert "RECORDING STOPPED" in texts(of)[1]


@pytest.mark.parametrize("rows", [1, 4])
def test_what_calls_for_attention_is_named_at_60_columns(rows: int) -> None:
    of = room(replace(meeting(), stats=replace(STATS, lag_s=9.0)))
    of.apply(TurnChanged(turn(140, "Who has the script?")), RULES, 0.0)
    assert "! script" in texts(of, 60 if rows > 1 else 80, rows)[0]
    silent = texts(room(), 80, rows, Reading(condition=Condition.NO_SIGNAL))
    assert "no signal" in silent[0]


def test_a_room_that_is_behind_muted_or_not_on_disk_says_so() -> None:
    of = room(replace(meeting(), stats=replace(STATS, lag_s=9.0, unsaved_s=4.0)))
    of.apply(MutedChanged(True), (), 0.0)
    head = texts(of, 120)[0]
    for part in ("9 s BEHIND", "4 s NOT ON DISK", "⊘ MUTED"):
        assert part in head


def matched(of: Room, event: Event) -> list[str]:
    return [f"{rule.text} {found.number}" for rule, found in of.apply(event, RULES, 0.0).matches]


def test_only_a_turn_that_ends_now_matches_and_only_a_highlight_that_asks_for_an_alarm_raises_one() -> None:
    of = room()
    assert matched(of, TurnChanged(partial(140, "the script"))) == []
    assert matched(of, TurnChanged(turn(140, "the script"))) == ["script 140"]
    assert matched(of, TurnChanged(turn(140, "The script."))) == []
    assert matched(of, TurnChanged(turn(141, "Maria has the script"))) == ["script 141", "Maria 141"]
    assert of.alarms == {"script": 2}
    of.clear_alarms()
    assert of.alarms == {}


def test_turns_that_ended_while_the_line_was_lost_raise_their_alarms_once() -> None:
    of, more = Room("studio"), turn(140, "The script!")
    assert matched(of, meeting()) == [], "what was said before the wall was opened is no alarm"
    of.view_model.disconnect("", "", "")
    again = replace(meeting(), turns=(*meeting().turns, more))
    assert matched(of, again) == ["script 140"]
    assert matched(of, again) == []
    other = replace(again, session=replace(SESSION, id="another"), turns=(turn(1, "script"),))
    assert matched(of, other) == []


def test_a_session_that_fails_calls_for_attention_once() -> None:
    of = room()
    assert of.apply(StateChanged(State.FAILED, "The disk is full."), (), 0.0).failed
    assert not of.apply(StateChanged(State.FAILED, "The disk is full."), (), 0.0).failed


def test_the_level_is_the_highest_of_all_tracks_and_a_muted_one_has_no_condition() -> None:
    tracks = (Track("me", "mic"), Track("call", "system", muted=True))
    of = room(replace(meeting(), tracks=tracks, session=replace(SESSION, tracks=tracks)))
    for tick in range(40):
        of.apply(LevelChanged(-30.0, -20.0, track="me"), (), tick / 2)
        of.apply(LevelChanged(-120.0, -120.0, track="call"), (), tick / 2)
    reading = of.reading(20.0)
    assert reading.peak_dbfs > -33
    assert reading.condition is Condition.NONE


def test_a_room_whose_source_is_lost_says_why_and_is_not_judged_by_its_level() -> None:
    of = room()
    of.apply(LevelChanged(-120.0, -120.0), (), 0.0)
    assert of.reading(60.0).condition is Condition.WRONG_DEVICE
    of.apply(StatsChanged(replace(STATS, source_lost="The sound server has stopped.")), (), 0.0)
    assert of.reading(60.0).condition is Condition.NONE
    assert any("The sound server has stopped. Silence is recorded" in row for row in texts(of))


def test_the_newest_turn_is_found_again_when_it_is_removed() -> None:
    of = room()
    of.apply(TurnRemoved(133), (), 0.0)
    assert [found.number for found in of.newest_turns(1)] == [132]


def test_a_gist_that_grows_is_the_newest_and_one_without_words_is_not() -> None:
    of = room()
    of.apply(GistChanged(gist(150, None, "", GistStatus.WAITING)), (), 0.0)
    assert "decision falls" in texts(of)[2]
    of.apply(GistChanged(gist(150, None, "All in all", GistStatus.STREAMING)), (), 0.0)
    assert texts(of)[2] == "  ┃ All in all"


def test_names_and_texts_from_outside_cannot_control_the_terminal() -> None:
    (of,) = rooms_of({"a\x1b[31mb\x07": meeting()})
    of.apply(TurnChanged(turn(140, "red \x1b[31m alert\x07")), (), 0.0)
    assert not any(character < " " for line in texts(of) for character in line)


@pytest.mark.parametrize("count", [1, 3, 8, 20, 100])
@pytest.mark.parametrize("rows", [1, 3, 14, 22, 34])
@pytest.mark.parametrize("tall", [False, True])
def test_the_selected_room_is_always_visible_and_rooms_never_need_more_rows_than_there_are(
    count: int, rows: int, tall: bool
) -> None:
    first = 0
    for selected in [*range(count), *reversed(range(count))]:
        places = visible_rooms(count, rows, selected, first=first, tall=tall)
        first = places[0].at
        assert selected in [place.at for place in places]
        assert sum(place.rows for place in places) <= rows
        assert all(place.rows >= 1 for place in places)
        assert [place.at for place in places] == list(range(first, first + len(places)))


def test_all_rooms_fit_if_they_can_and_the_selected_one_gets_what_is_left() -> None:
    assert visible_rooms(3, 34, 1) == [Place(0, 11), Place(1, 12), Place(2, 11)]
    assert visible_rooms(8, 14, 2) == [Place(at, 7 if at == 2 else 1) for at in range(8)]
    assert len(visible_rooms(20, 22, 0)) == 20
    assert [place.at for place in visible_rooms(20, 14, 19)] == list(range(9, 20))
    assert visible_rooms(0, 14, 0) == []


def test_tall_rooms_scroll() -> None:
    assert visible_rooms(20, 14, 0, tall=True) == [Place(0, 4), Place(1, 4), Place(2, 4)]
