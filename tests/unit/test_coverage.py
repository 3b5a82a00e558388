import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.coverage import continuation, fill, skips, speech_s, uncovered
from tui.gateway.open_turn import TAIL_S, piece
from tui.gateway.recogniser import RecognisedWord

WORD_S, GAP_S = 0.3, 0.05
STEP_S = WORD_S + GAP_S
NUMBERS = st.lists(st.integers(0, 50), max_size=60)
UNIQUE = st.lists(st.integers(0, 999), min_size=1, max_size=60, unique=True)


def spoken(numbers: list[int], first: int = 0, shift_s: float = 0.0) -> list[RecognisedWord]:
    """Return one word per number, each with its place in the audio."""
    return [
        RecognisedWord(f"w{number}", at * STEP_S + shift_s, at * STEP_S + WORD_S + shift_s, 0.9)
        for at, number in enumerate(numbers, first)
    ]


def speech(words: list[RecognisedWord]) -> list[tuple[float, float]]:
    return [(words[0].start_s, words[-1].end_s)] if words else []


def texts(words: object) -> list[str]:
    assert isinstance(words, (list, tuple))
    return [word.text for word in words]


@given(NUMBERS)
def test_words_account_for_their_speech(numbers: list[int]) -> None:
    words = spoken(numbers)
    assert uncovered(words, speech(words)) == []


@given(UNIQUE, st.data())
def test_missing_words_are_a_gap(numbers: list[int], data: st.DataObject) -> None:
    words = spoken(numbers)
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    gaps = uncovered([*words[:start], *words[end:]], speech(words))
    missing = (words[start].start_s, words[end - 1].end_s)
    assert gaps or end - start <= 2
    assert all(gap[0] >= missing[0] - GAP_S and gap[1] <= missing[1] + GAP_S for gap in gaps)


def test_a_word_that_is_stretched_over_missing_ones_leaves_a_gap() -> None:
    words = spoken([1, 2, 3, 4, 5, 6, 7])
    stretched = RecognisedWord("w6", words[2].start_s, words[5].end_s, 0.1)
    [gap] = uncovered([*words[:2], stretched, words[6]], speech(words))
    assert gap[0] == pytest.approx(words[1].end_s + 0.1)
    assert words[4].start_s < gap[1] < words[5].end_s


@pytest.mark.parametrize(("fewer", "skipped"), [(0, False), (2, False), (3, True), (6, True)])
def test_a_few_words_less_are_no_skipped_speech(fewer: int, skipped: bool) -> None:
    words = spoken(list(range(20)))
    assert skips([*words[: 8 - fewer], *words[8:]], words[:8]) is skipped


def test_a_pause_between_words_is_not_a_gap() -> None:
    words = [*spoken([1, 2]), *spoken([3, 4], shift_s=5.0)]
    assert uncovered(words, [(0.0, 0.65), (5.0, 5.65)]) == []


def test_speech_without_words_is_a_gap() -> None:
    assert uncovered([], [(1.0, 3.0)]) == [(1.0, 3.0)]
    assert uncovered([], []) == []
    assert speech_s([(1.0, 3.0), (4.0, 5.0)], (2.0, 4.5)) == 1.5


@given(UNIQUE, st.data())
def test_words_found_in_a_gap_are_put_in_once(numbers: list[int], data: st.DataObject) -> None:
    words = spoken(numbers)
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    incomplete = [*words[:start], *words[end:]]
    shift_s = data.draw(st.floats(-0.1, 0.1))
    around = spoken(numbers[max(0, start - 3) : end + 3], max(0, start - 3), shift_s)
    for gap in uncovered(incomplete, speech(words)):
        filled = fill(incomplete, gap, around)
        assert texts(filled) == texts(words)
        times = [time for word in filled for time in (word.start_s, word.end_s)]
        assert times == sorted(times)


@given(UNIQUE, UNIQUE, st.data())
def test_a_decode_of_a_gap_without_new_words_changes_nothing(
    numbers: list[int], others: list[int], data: st.DataObject
) -> None:
    words = tuple(spoken(numbers))
    start = data.draw(st.integers(0, len(words) - 1))
    gap = (words[start].start_s, words[start].end_s)
    around = spoken(numbers[max(0, start - 2) : start + 3], max(0, start - 2))
    assert fill(words, gap, around) == words


@given(UNIQUE, st.integers(0, 60), st.integers(0, 12), st.floats(-0.3, 0.3))
def test_a_continuation_neither_loses_nor_repeats_a_word(
    numbers: list[int], done: int, context: int, shift_s: float
) -> None:
    before = spoken(numbers)[:done]
    first = max(0, len(before) - context)
    decoded = spoken(numbers[first:], first, shift_s if first < len(before) else 0.0)
    boundary_s = before[-1].end_s + GAP_S / 2 if before else 0.0
    assert texts([*before, *continuation(before, decoded, boundary_s)]) == texts(spoken(numbers))


@given(UNIQUE.filter(lambda numbers: len(numbers) > 2), st.data(), st.floats(-0.3, 0.3))
def test_a_word_in_which_two_decodes_differ_occurs_once(
    numbers: list[int], data: st.DataObject, shift_s: float
) -> None:
    done = data.draw(st.integers(2, len(numbers)))
    before = spoken(numbers)[:done]
    before[-1] = msgspec.structs.replace(before[-1], text="other")
    context = data.draw(st.integers(2, done))
    decoded = spoken(numbers[done - context :], done - context, shift_s)
    rest = continuation(before, decoded, before[-1].end_s + GAP_S / 2)
    assert texts(rest) == texts(spoken(numbers)[done:])


@given(NUMBERS, st.integers(0, 60), st.integers(1, 12))
def test_a_continuation_of_repeated_words_goes_by_their_times(numbers: list[int], done: int, context: int) -> None:
    before = spoken(numbers)[:done]
    first = max(0, len(before) - context)
    boundary_s = before[-1].end_s + GAP_S / 2 if before else 0.0
    decoded = spoken(numbers[first:], first)
    assert texts([*before, *continuation(before, decoded, boundary_s)]) == texts(spoken(numbers))


def test_the_first_word_after_a_pause_may_have_a_time_inside_the_pause() -> None:
    before = spoken([1, 2])
    decoded = [*before, RecognisedWord("w3", 0.7, 2.4, 0.9), RecognisedWord("w4", 2.4, 2.8, 0.9)]
    assert texts(continuation(before, decoded, 2.0)) == ["w3", "w4"]


@given(UNIQUE, st.floats(0, 5))
def test_a_piece_ends_between_two_words_and_leaves_the_tail(numbers: list[int], silence_s: float) -> None:
    words = spoken(numbers)
    end_s = words[-1].end_s + silence_s
    count, boundary_s = piece(words, speech(words), end_s)
    assert all(word.end_s <= end_s - TAIL_S for word in words[:count])
    assert all(word.end_s <= boundary_s for word in words[:count])
    assert all(word.start_s >= boundary_s for word in words[count:])


@given(UNIQUE)
def test_pieces_put_together_are_the_whole(numbers: list[int]) -> None:
    words, done = spoken(numbers), list[RecognisedWord]()
    boundary_s = 0.0
    for end_s in itertools.count(6.0, 4.0):
        visible = [word for word in words if word.start_s >= boundary_s and word.end_s <= end_s]
        if end_s > words[-1].end_s + 4:
            assert texts([*done, *visible]) == texts(words)
            return
        count, boundary_s = piece(visible, speech(words), end_s)
        done += visible[:count]


def test_a_stretched_word_of_a_gap_is_not_repeated() -> None:
    words = [RecognisedWord("is", 0.58, 0.58, 0.87), RecognisedWord("to", 0.58, 0.72, 0.99)]
    found = [RecognisedWord("is", 0.0, 0.52, 0.44), RecognisedWord("to", 0.52, 0.68, 0.97)]
    assert texts(list(fill(words, (0.0, 0.48), found))) == ["is", "to"]
