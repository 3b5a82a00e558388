"""Where a turn is cut between two words when the speaker changes."""

from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.open_turn import OpenTurn, nearest_boundary
from tui.gateway.pcm import RATE
from tui.gateway.recogniser import RecognisedWord


def words(*texts: str, start_s: float = 1.0, each_s: float = 0.4) -> tuple[RecognisedWord, ...]:
    return tuple(
        RecognisedWord(text, start_s + at * each_s, start_s + (at + 1) * each_s, 0.9) for at, text in enumerate(texts)
    )


def test_a_change_is_between_the_nearest_words() -> None:
    count, boundary_s = nearest_boundary(words("one", "two", "three", "four"), [(1.0, 2.6)], 1.85)
    assert (count, round(boundary_s, 2)) == (2, 1.8)


def test_a_change_is_rather_after_a_sentence_than_after_a_word() -> None:
    assert nearest_boundary(words("one", "two.", "three", "four"), [(1.0, 2.6)], 2.1)[0] == 2


def test_a_change_is_rather_in_a_silence() -> None:
    said = (*words("one", "two"), *words("three", "four", start_s=2.2))
    assert nearest_boundary(said, [(1.0, 1.8), (2.2, 3.0)], 2.35)[0] == 2


@given(st.lists(st.floats(0.05, 0.6), max_size=12), st.floats(0, 10))
def test_a_boundary_is_never_inside_a_word(lengths: list[float], change_s: float) -> None:
    said, at = [], 1.0
    for length in lengths:
        said.append(RecognisedWord("word", at, at + length, 0.9))
        at += length
    count, boundary_s = nearest_boundary(said, [(1.0, at)], change_s)
    assert all(word.end_s <= boundary_s + 1e-6 for word in said[:count])
    assert all(word.start_s >= boundary_s - 1e-6 for word in said[count:])


def test_a_turn_without_words_before_the_change_gives_its_number_to_the_rest() -> None:
    turn = OpenTurn(RATE, RATE)
    turn.done, turn.order = words("one", "two"), 3
    rest = turn.split_at([(1.0, 1.8)], RATE)
    assert turn.done == ()
    assert turn.order is None
    assert ([word.text for word in rest.done], rest.order) == (["one", "two"], 3)
