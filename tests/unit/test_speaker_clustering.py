"""Clustering of voices: who is who, how many there are, and what a revision changes."""

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.gateway.speaker_clustering import KEPT_TURNS, SpeakerClusters
from tui.gateway.speaker_features import STEP
from tui.gateway.speaker_model import WINDOW
from tui.gateway.speaker_profiles import MAX_WEIGHT, SpeakerProfiles, unit
from tui.gateway.turn_voices import HOP, TurnVoices

SIZE = 64


def voice(number: int) -> npt.NDArray[np.float32]:
    """Return the ideal embedding of a voice."""
    vector = np.zeros(SIZE, np.float32)
    vector[number] = 1
    return vector


def windows(number: int, count: int, noise: float = 0.04, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return embeddings of a voice."""
    chance = np.random.default_rng(seed + 100 * number)
    vectors = voice(number) + chance.normal(0, noise, (count, SIZE)).astype(np.float32)
    return np.stack([unit(vector) for vector in vectors])


def clusters(most: int = 10) -> SpeakerClusters:
    return SpeakerClusters(SpeakerProfiles(unrelated=0.0), max_speakers=most)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(1, 8)), min_size=1, max_size=40))
def test_well_separated_voices_get_one_label_each_in_the_order_of_their_appearance(
    turns: list[tuple[int, int]],
) -> None:
    found = clusters()
    labels = [found.assign(at, windows(who, count, seed=at), whole=True) for at, (who, count) in enumerate(turns)]
    seen = list(dict.fromkeys(who for who, _ in turns))
    assert labels == [seen.index(who) for who, _ in turns]
    assert found.revise() == {}


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.integers(1, 5))
def test_there_are_never_more_speakers_than_allowed(turns: list[int], most: int) -> None:
    found = clusters(most)
    for order, who in enumerate(turns):
        assert found.assign(order, windows(who, 4, seed=order), whole=True) in range(most)
    assert len(found.profiles) == min(most, len(set(turns)))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0.02, 0.4)), min_size=1, max_size=40))
def test_a_revision_leaves_nothing_to_revise(turns: list[tuple[int, float]]) -> None:
    found = clusters()
    for order, (who, noise) in enumerate(turns):
        found.assign(order, windows(who, 3, noise, seed=order), whole=True)
    found.revise()
    assert found.revise() == {}


def test_short_speech_starts_no_speaker_and_is_given_to_one_that_is_similar() -> None:
    found = clusters()
    assert found.assign(0, windows(3, 1), whole=False) is None
    assert found.assign(1, windows(3, 5), whole=True) == 0
    assert found.assign(2, windows(3, 1), whole=False) == 0
    assert found.assign(3, windows(5, 1), whole=False) is None
    assert len(found.profiles) == 1


def test_a_revision_labels_short_speech_from_before_its_speaker_was_found() -> None:
    found = clusters()
    found.assign(0, windows(3, 1), whole=False)
    found.assign(1, windows(3, 5), whole=True)
    assert found.revise() == {0: 0}


def test_a_speaker_who_was_taken_for_two_becomes_one() -> None:
    found = clusters()
    between = np.stack([unit(voice(0) + voice(1) * np.float32(2.2))] * 3)
    assert found.assign(0, windows(0, 3), whole=True) == 0
    assert found.assign(1, between, whole=True) == 1
    for order in range(2, 8):
        found.assign(order, np.stack([unit(voice(0) * np.float32(order / 4) + voice(1) * 2)] * 6), whole=True)
        found.assign(order + 10, np.stack([unit(voice(0) * 3 + voice(1) * np.float32(order / 3))] * 6), whole=True)
    revised = found.revise()
    assert revised
    assert {found.profiles.nearest(unit(voice(0) + voice(1)))[0]} == {0}


def test_a_turn_costs_the_same_after_hours() -> None:
    found = clusters()
    for order in range(3 * KEPT_TURNS):
        found.assign(order, windows(order % 4, 8, seed=order), whole=True)
    assert len(found) == KEPT_TURNS
    assert max(found.profiles.weights) <= MAX_WEIGHT
    assert len(found.profiles) == 4


def spoken(*stretches: tuple[int, int], pause: int = 0) -> TurnVoices:
    """Return a turn in which voices speak one after the other, each for so many rows."""
    turn, position = TurnVoices(0), 0
    for number, rows in stretches:
        for _ in range(rows):
            turn.add_row(position, voice(number))
            position += STEP
        position += pause
    return turn


def embed(turn: TurnVoices, *, ended: bool = False) -> None:
    """Add the embeddings of what is due: a window of two voices is between them."""
    due = turn.due(ended=ended)
    if due:
        turn.add(due, np.stack([unit(turn.features(window).mean(axis=0)) for window in due]))


@given(st.integers(170, 700), st.integers(200, 700))
def test_a_change_of_the_voice_is_found_where_it_is(before: int, after: int) -> None:
    whole, turn, change = spoken((0, before), (1, after)), TurnVoices(0), None
    for position, row in zip(whole._positions, whole._rows, strict=True):
        turn.add_row(position, row)
        ended = len(turn) == len(whole)
        if change is None and (ended or len(turn) % (2 * HOP) == 0):
            embed(turn, ended=ended)
            change = turn.change(SpeakerProfiles(0.0), ended=ended)
    assert change is not None
    assert abs(change - before * STEP) <= HOP * STEP // 2


@given(st.integers(1, 30))
def test_one_voice_has_no_change(rows: int) -> None:
    turn = spoken((0, rows * HOP))
    embed(turn, ended=True)
    assert turn.change(SpeakerProfiles(0.0), ended=True) is None


def test_a_change_near_a_pause_is_in_the_pause() -> None:
    turn = spoken((0, 250), (1, 300), pause=4000)
    embed(turn)
    assert turn.change(SpeakerProfiles(0.0)) == 250 * STEP + 2000


def test_a_turn_is_cut_in_two_without_a_loss() -> None:
    turn = spoken((0, 250), (1, 300))
    embed(turn)
    before, after = turn.before(250 * STEP), turn.after(250 * STEP)
    assert (len(before), len(after)) == (250, 300)
    assert all(vector @ voice(0) > 0.99 for vector in before.vectors)
    assert after.due()[0].end == WINDOW


def test_less_than_a_word_has_no_embedding() -> None:
    assert spoken((0, 20)).due(ended=True) == []
    assert [window.end for window in spoken((0, 60)).due(ended=True)] == [60]
    assert not spoken((0, 60)).whole
