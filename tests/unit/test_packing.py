"""The words of turns that are over, kept small."""

import sys

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.kept import spoken
from tui.engine.packing import Packed
from tui.model.transcript import Turn, Word

SAID = " ".join(f"the plan is that we ship the migration on thursday and maria takes script {n}" for n in range(4))


def test_a_turn_comes_back_with_its_words() -> None:
    packed, turn = Packed(), spoken(3, SAID)
    assert turn.words
    slim = packed.pack(turn)
    assert (slim.text, slim.words) == (turn.text, ())
    assert packed.unpack(slim) == turn


def test_a_turn_that_is_told_again_is_kept_as_it_was_told_last() -> None:
    packed = Packed()
    packed.pack(spoken(3, "the first words"))
    again = spoken(3, "other words altogether")
    assert packed.unpack(packed.pack(again)) == again


@given(
    st.lists(
        st.builds(
            lambda text, start, length, confidence, stable, speaker: Word(
                text, start / 1000, (start + length) / 1000, confidence / 1000, stable, speaker
            ),
            st.text(max_size=8),
            st.integers(0, 4 * 3600 * 1000),
            st.integers(-5, 30_000),
            st.integers(0, 1000),
            st.booleans(),
            st.none() | st.text(max_size=2),
        ),
        max_size=12,
    )
)
def test_words_come_back_to_the_millisecond_whatever_they_are(words: list[Word]) -> None:
    packed, turn = Packed(), Turn(1, "the words", True, 0.0, 1.0, tuple(words))
    assert packed.unpack(packed.pack(turn)) == turn


def test_words_that_the_text_does_not_hold_come_back_too() -> None:
    turn = replace(spoken(5, "different words"), text="")
    assert Packed().unpack(turn) is turn
    packed = Packed()
    assert packed.unpack(packed.pack(turn)) == turn


def test_a_turn_that_was_never_packed_stays_as_it_is() -> None:
    turn = spoken(4, "from the journal")
    assert Packed().unpack(turn) is turn


def test_packed_words_take_a_twentieth_of_their_room() -> None:
    packed, turn = Packed(), spoken(1, SAID)
    loose = sum(sys.getsizeof(word) + sys.getsizeof(word.text) + 2 * sys.getsizeof(word.start_s) for word in turn.words)
    packed.pack(turn)
    assert sys.getsizeof(packed._words[1]) < loose / 20
