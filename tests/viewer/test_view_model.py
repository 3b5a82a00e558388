from tests.viewer.scripted_engine import PROMPTS, SESSION, gist, meeting, partial, turn
from tui.model.events import (
    GistChanged,
    GistDelta,
    MutedChanged,
    PromptChanged,
    SessionStarted,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gists import Gist, GistStatus
from tui.model.stats import Stats
from tui.presentation.view_model import ViewModel


def test_a_snapshot_replaces_everything() -> None:
    picture = ViewModel()
    picture.apply(TurnChanged(turn(1, "before the cut")))
    picture.apply(meeting())
    assert picture.synced
    assert [found.number for found in picture.transcript] == list(range(126, 134))
    assert picture.state is State.LIVE
    assert picture.prompts == PROMPTS


def test_a_new_session_starts_afresh() -> None:
    picture = ViewModel()
    picture.apply(meeting())
    assert picture.speech
    picture.apply(SessionStarted(SESSION))
    assert not picture.speech, "the turn that was open is none of the new session's"
    assert len(picture.transcript) == 0
    assert picture.gists == {}
    assert picture.stats == Stats()


def test_a_partial_never_replaces_a_final() -> None:
    picture = ViewModel()
    picture.apply(TurnChanged(turn(1, "It is final.")))
    picture.apply(TurnChanged(partial(1, "it is")))
    found = picture.transcript.get(1)
    assert found is not None
    assert found.text == "It is final."


def test_a_turn_that_was_nothing_goes_away() -> None:
    picture = ViewModel()
    picture.apply(TurnChanged(partial(1, "uh")))
    picture.apply(TurnRemoved(1))
    assert picture.transcript.get(1) is None


def test_a_final_turn_is_kept_without_its_words() -> None:
    picture = ViewModel()
    picture.apply(TurnChanged(turn(1, "a final turn")))
    found = picture.transcript.get(1)
    assert found is not None
    assert found.words == ()
    assert found.text == "a final turn"


def test_an_answer_grows_until_it_is_over() -> None:
    picture = ViewModel()
    picture.apply(GistChanged(gist(1, 1, "", GistStatus.WAITING)))
    picture.apply(GistDelta(1, "The "))
    picture.apply(GistDelta(1, "plan"))
    assert picture.gists[1].text == "The plan"
    assert picture.gists[1].status is GistStatus.STREAMING
    picture.apply(GistChanged(gist(1, 1, "The plan.")))
    picture.apply(GistDelta(1, " late"))
    assert picture.gists[1].text == "The plan."
    picture.apply(GistDelta(99, "of nothing"))
    assert 99 not in picture.gists


def test_small_events_change_what_they_say() -> None:
    picture = ViewModel()
    picture.apply(StateChanged(State.FAILED, "no key", "set one"))
    picture.apply(PromptChanged("actions"))
    picture.apply(MutedChanged(True))
    picture.apply(StatsChanged(Stats(turns=3)))
    assert (picture.state, picture.reason, picture.hint) == (State.FAILED, "no key", "set one")
    assert (picture.prompt, picture.muted, picture.stats.turns) == ("actions", True, 3)


def test_the_gists_of_a_turn_are_found_by_its_number() -> None:
    picture = ViewModel()
    picture.apply(meeting())
    assert [found.number for found in picture.gists_of(128)] == [102]
    assert picture.gists_of(999) == []


def test_a_gist_that_comes_after_all_is_missing_no_longer() -> None:
    picture = ViewModel()
    failed = Gist(1, 1, "summary", status=GistStatus.FAILED)
    picture.apply(GistChanged(failed))
    assert picture.missing == [failed]
    picture.apply(GistChanged(Gist(1, 1, "summary", "They ship on Thursday.", GistStatus.DONE)))
    assert picture.missing == []
