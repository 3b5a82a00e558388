import pytest

from tui.engine.state_machine import TRANSITIONS, InvalidTransitionError
from tui.model.events import State


def test_every_state_has_a_row() -> None:
    assert set(TRANSITIONS) == set(State)


def test_every_state_but_the_first_can_be_reached_from_it() -> None:
    reached: set[State] = set()
    ahead = {State.IDLE}
    while ahead:
        reached |= ahead
        ahead = {after for state in ahead for after in TRANSITIONS[state]} - reached
    assert reached == set(State)


@pytest.mark.parametrize("state", State)
def test_a_session_can_fail_in_every_state(state: State) -> None:
    assert State.FAILED in TRANSITIONS[state]


@pytest.mark.parametrize("state", [State.IDLE, State.ENDED, State.FAILED])
def test_a_session_can_start_whenever_none_is_under_way(state: State) -> None:
    assert not state.active
    assert State.CONNECTING in TRANSITIONS[state]


@pytest.mark.parametrize("state", [state for state in State if state.active])
def test_a_session_under_way_is_never_started_again_or_ended_without_draining(state: State) -> None:
    assert state is State.CONNECTING or State.CONNECTING not in TRANSITIONS[state]
    assert state is State.DRAINING or State.ENDED not in TRANSITIONS[state]
    assert State.IDLE not in TRANSITIONS[state]


def test_draining_is_never_live_again() -> None:
    assert TRANSITIONS[State.DRAINING] == {State.ENDED, State.FAILED}


def test_an_illegal_move_names_both_ends() -> None:
    assert str(InvalidTransitionError(State.IDLE, State.LIVE)) == "a session cannot go from idle to live"
