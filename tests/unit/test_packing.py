"""The words of turns that are over, kept small."""

import sys

from tests.kept import spoken
from tui.engine.packing import Packed

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


def test_a_turn_that_was_never_packed_stays_as_it_is() -> None:
    turn = spoken(4, "from the journal")
    assert Packed().unpack(turn) is turn


def test_packed_words_take_a_tenth_of_their_room() -> None:
    packed, turn = Packed(), spoken(1, SAID)
    loose = sum(sys.getsizeof(word) + sys.getsizeof(word.text) + 2 * sys.getsizeof(word.start_s) for word in turn.words)
    packed.pack(turn)
    assert sys.getsizeof(packed._words[1]) < loose / 10
