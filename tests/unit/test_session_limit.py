from hypothesis import given
from hypothesis import strategies as st

from tui.batch.session_limit import FIRST_SESSIONS, MAX_SESSIONS, SessionLimit


def test_it_follows_what_the_endpoint_says() -> None:
    limit = SessionLimit()
    assert limit.value == FIRST_SESSIONS
    limit.set_room(0, 0, 12)
    assert limit.value == 12
    limit.note_success()
    assert limit.value == 12
    limit.set_room(12, 14, 12)
    assert limit.value == 12
    limit.set_room(2, 6, 6)
    assert limit.value == 2
    limit.set_room(0, 6, 6)
    assert limit.value == 1
    limit.set_room(0, 0, 1000)
    assert limit.value == MAX_SESSIONS


def test_sessions_that_are_being_opened_do_not_make_room_for_more() -> None:
    limit = SessionLimit()
    limit.set_room(6, 2, 6)
    assert limit.value == 6
    limit.set_room(6, 2, 8)
    assert limit.value == 8


def test_it_grows_by_one_a_round_and_falls_to_what_was_accepted() -> None:
    limit = SessionLimit()
    for grown in (4, 5, 6):
        for _ in range(grown):
            limit.note_success()
        assert limit.value == grown
    limit.note_refusal(accepted=5)
    assert limit.value == 5
    limit.note_refusal(accepted=0)
    assert limit.value == 1


def test_a_given_number_is_never_exceeded() -> None:
    limit = SessionLimit(2, 2)
    for _ in range(100):
        limit.note_success()
    limit.set_room(0, 0, 9)
    assert limit.value == 2


@given(st.integers(1, 40), st.integers(1, 400))
def test_it_finds_the_room_of_an_endpoint_that_says_nothing(room: int, sources: int) -> None:
    limit = SessionLimit()
    for _ in range(sources):
        if limit.value > room:
            limit.note_refusal(accepted=room)
        limit.note_success()
    assert 1 <= limit.value <= max(room + 1, FIRST_SESSIONS)
    if sources > room * room:
        assert limit.value >= room
