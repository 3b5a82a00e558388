import msgspec
import pytest

from tests.viewer.scripted_engine import PROMPTS, meeting, partial
from tui.model.events import Snapshot, State, UntranscribedChanged
from tui.presentation.availability import ACTION_STATES, is_available
from tui.presentation.view_model import ViewModel


def picture(state: State, snapshot: Snapshot | None = None) -> ViewModel:
    found = ViewModel()
    found.apply(snapshot or meeting(state))
    return found


@pytest.mark.parametrize("state", State)
def test_a_session_is_started_only_while_none_is_under_way(state: State) -> None:
    assert is_available(picture(state), "start", ()) is not state.active


@pytest.mark.parametrize("state", State)
def test_only_a_session_under_way_is_stopped_and_muted_only_while_it_records(state: State) -> None:
    assert is_available(picture(state), "stop", ()) is state.active
    assert is_available(picture(state), "mute", ()) is (state.active and state is not State.DRAINING)


@pytest.mark.parametrize("state", State)
def test_a_device_is_chosen_before_a_session_and_in_it_but_not_while_it_finishes(state: State) -> None:
    assert is_available(picture(state), "choose_device", ()) is (state is not State.DRAINING)


@pytest.mark.parametrize("state", State)
def test_the_rest_of_a_session_is_transcribed_while_none_is_under_way_and_only_if_there_is_one(state: State) -> None:
    found = picture(state)
    assert not is_available(found, "recover", ())
    found.apply(UntranscribedChanged(("2026-11-22T10-00-00-abcd",)))
    assert is_available(found, "recover", ()) is not state.active
    found.apply(UntranscribedChanged(()))
    assert not is_available(found, "recover", ())


def test_only_what_was_said_is_analysed() -> None:
    assert is_available(picture(State.ENDED), "analyse", ())
    nothing = Snapshot(1, "0", State.LIVE, turns=(partial(1, "uh"),))
    assert not is_available(picture(State.LIVE, nothing), "analyse", ())


def test_only_prompts_that_exist_are_chosen() -> None:
    found = picture(State.LIVE)
    assert is_available(found, "use_prompt", (len(PROMPTS),))
    assert not is_available(found, "use_prompt", (len(PROMPTS) + 1,))
    assert is_available(found, "choose_prompt", ())
    assert not is_available(picture(State.IDLE, Snapshot(1, "0")), "choose_prompt", ())


def test_before_the_engine_answers_nothing_is_requested_of_it() -> None:
    assert {"start", "stop", "mute"} < ACTION_STATES
    assert {action for action in ACTION_STATES if is_available(ViewModel(), action, (1,))} == set()


def test_what_asks_nothing_of_the_engine_is_always_possible() -> None:
    for action in ("zoom", "help", "detach", "request_quit"):
        assert is_available(ViewModel(), action, ())


@pytest.mark.parametrize("state", State)
def test_the_gain_is_changed_while_it_is_recorded(state: State) -> None:
    running = state in {State.CONNECTING, State.LIVE, State.RECONNECTING}
    assert is_available(picture(state), "change_gain", (3.0,)) is running


def test_missing_answers_are_asked_for_again_only_if_there_are_some() -> None:
    assert is_available(picture(State.ENDED), "retry_gist", ())
    nothing = Snapshot(1, "0", State.ENDED, turns=meeting().turns)
    assert not is_available(picture(State.ENDED, nothing), "retry_gist", ())


def test_only_a_session_that_is_stored_is_exported() -> None:
    assert is_available(picture(State.ENDED), "export", ())
    assert not is_available(picture(State.IDLE, Snapshot(1, "0")), "export", ())


def test_a_replay_is_muted_and_sought_in_and_takes_nothing_else() -> None:
    replayed = msgspec.structs.replace(meeting(State.LIVE), replay_speed=0.5)
    found = picture(State.LIVE, replayed)
    assert {action for action in ACTION_STATES if is_available(found, action, (1,))} == {"mute", "seek", "seek_turn"}
    assert not is_available(picture(State.LIVE), "seek", ())
