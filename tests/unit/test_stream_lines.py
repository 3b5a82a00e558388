import json
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from tests.session_fixtures import final_turn
from tests.structs import instances
from tui.model.events import (
    Event,
    GistChanged,
    LevelChanged,
    Notice,
    SessionStarted,
    Severity,
    State,
    StateChanged,
    TurnChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.model.lines import json_line, status_line, text_line
from tui.model.session import Session
from tui.model.transcript import Turn, Word

TURN = Turn(3, "We ship.", True, 61.0, 62.5, (Word("We", 61.0, 61.2), Word("ship.", 61.3, 62.5)))
EVENTS = st.one_of([instances(kind) for kind in get_args(Event)])
TYPES = {"session", "state", "turn", "gist", "analysis", "error", "stats"}


def test_a_turn_has_the_promised_fields() -> None:
    line = json.loads(json_line(TurnChanged(TURN)) or "")
    assert line["type"] == "turn"
    assert (line["number"], line["final"], line["text"], line["start_s"], line["end_s"]) == (
        3,
        True,
        "We ship.",
        61.0,
        62.5,
    )
    assert [word["text"] for word in line["words"]] == ["We", "ship."]


def test_a_gist_is_printed_once_it_is_over_and_the_whole_sessions_is_an_analysis() -> None:
    assert json_line(GistChanged(Gist(1, 3, "summary"))) is None
    done = Gist(1, 3, "summary", "Shipping.", GistStatus.DONE, "m")
    line = json.loads(json_line(GistChanged(done)) or "")
    assert (line["type"], line["turn"], line["prompt"], line["model"], line["text"]) == (
        "gist",
        3,
        "summary",
        "m",
        "Shipping.",
    )
    whole = Gist(2, None, "summary", "All.", GistStatus.DONE, "m")
    assert json.loads(json_line(GistChanged(whole)) or "")["type"] == "analysis"


def test_levels_are_not_printed() -> None:
    assert json_line(LevelChanged(-20.0, -10.0)) is None
    assert text_line(LevelChanged(-20.0, -10.0)) is None


@given(EVENTS)
def test_every_event_is_one_object_of_a_known_type_on_one_line_or_nothing(event: Event) -> None:
    line = json_line(event)
    if line is not None:
        assert "\n" not in line
        assert json.loads(line)["type"] in TYPES


@given(EVENTS)
def test_text_never_carries_what_a_terminal_obeys(event: Event) -> None:
    for line in (text_line(event), status_line(event)):
        assert all(character.isprintable() or character == "\n" for character in line or "")


def test_text_shows_finals_with_their_time_and_no_partials() -> None:
    assert text_line(TurnChanged(TURN)) == "[01:01] We ship."
    assert text_line(TurnChanged(Turn(4, "and", False, 63.0, 63.1))) is None


def test_a_joiner_is_no_space_in_text_and_stays_in_json() -> None:
    turn = TurnChanged(final_turn(1, "می\u200cخواهم 👩\u200d🚀 co\u00adoperate"))
    assert text_line(turn) == "[00:00] میخواهم 👩🚀 cooperate"
    assert json.loads(json_line(turn) or "")["text"] == "می\u200cخواهم 👩\u200d🚀 co\u00adoperate"


def test_a_missing_answer_is_said() -> None:
    missing = GistChanged(Gist(1, 3, "summary", status=GistStatus.TIMED_OUT, error="No answer came."))
    assert text_line(missing, {"summary": "Short summary"}) == "  Short summary of turn 3: timed out. No answer came."
    assert text_line(missing) == "  summary of turn 3: timed out. No answer came."


def test_a_session_that_finishes_is_called_that_everywhere() -> None:
    assert status_line(StateChanged(State.DRAINING)) == "finishing"
    why = StateChanged(State.DRAINING, "Waiting for the last turns.")
    assert status_line(why) == "finishing: Waiting for the last turns."


def test_states_and_notices_are_remarks_and_a_failure_is_left_to_the_command() -> None:
    assert (
        status_line(StateChanged(State.RECONNECTING, "The connection was lost."))
        == "reconnecting: The connection was lost."
    )
    assert status_line(Notice(Severity.WARNING, "Full.", "Make room.")) == "Full. Make room."
    assert status_line(StateChanged(State.FAILED, "No.")) is None
    session = Session("1", "/p", "", "mic", "local", "this machine", "tiny.en", "m")
    assert status_line(SessionStarted(session)) == "recording mic, saved in /p"
