"""Compressed storage of turns and words."""

import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.session_fixtures import final_turn
from tui.engine.compressed_store import BLOCK_SIZE, UNCOMPRESSED_BLOCKS, CompressedDict, WordStore
from tui.model.events import Event, GistChanged, GistDelta, TurnChanged, TurnRemoved
from tui.model.gists import Gist, GistStatus
from tui.model.session_state import SessionState
from tui.model.transcript import Transcript, Turn, Word

SAID = " ".join(f"the plan is that we ship the migration on thursday and maria takes script {n}" for n in range(4))
NUMBERS = st.integers(1, 6 * BLOCK_SIZE)


def gist(number: int, text: str = "They ship on Thursday.") -> Gist:
    return Gist(number, number, "summary", text, GistStatus.DONE, "a model", 300 + number, 20, 0.81)


@given(st.lists(st.tuples(st.sampled_from(["set", "delete", "read"]), NUMBERS, st.text(max_size=4))))
def test_it_is_a_dict_in_order_of_its_numbers(steps: list[tuple[str, int, str]]) -> None:
    packed, plain = CompressedDict(Gist), {}
    for step, number, text in steps:
        if step == "set":
            packed[number] = plain[number] = gist(number, text)
        elif step == "delete":
            assert packed.pop(number, None) == plain.pop(number, None)
        else:
            assert packed.get(number) == plain.get(number)
            assert (number in packed) == (number in plain)
        assert len(packed) == len(plain)
    assert list(packed.items()) == sorted(plain.items())


def test_a_missing_key_is_an_error() -> None:
    packed = CompressedDict(Gist)
    with pytest.raises(KeyError):
        packed[BLOCK_SIZE]
    with pytest.raises(KeyError):
        del packed[BLOCK_SIZE]


def test_only_the_newest_stay_as_they_are() -> None:
    packed = CompressedDict(Gist)
    kept = [gist(number) for number in range(10 * BLOCK_SIZE)]
    packed.update((one.number, one) for one in kept)
    assert packed[kept[-1].number] is kept[-1]
    assert packed[kept[0].number] is not kept[0]
    assert sum(map(len, packed._plain.values())) == UNCOMPRESSED_BLOCKS * BLOCK_SIZE
    packed[0] = gist(0, "said late")
    assert packed[0] == gist(0, "said late")
    assert sum(map(len, packed._plain.values())) == UNCOMPRESSED_BLOCKS * BLOCK_SIZE


def test_a_removed_old_entry_is_gone_and_every_other_entry_is_there_once() -> None:
    packed = CompressedDict(Gist)
    packed.update((number, gist(number)) for number in range(10 * BLOCK_SIZE))
    del packed[0]
    assert 0 not in packed
    assert list(packed) == list(range(1, 10 * BLOCK_SIZE))
    packed[10 * BLOCK_SIZE] = gist(10 * BLOCK_SIZE)
    assert list(packed) == list(range(1, 10 * BLOCK_SIZE + 1))


EVENTS = st.one_of(
    st.builds(
        lambda number, text, final: TurnChanged(Turn(number, text, final, number * 3.0, number * 3.0 + 2.5)),
        NUMBERS,
        st.text(max_size=4),
        st.booleans(),
    ),
    st.builds(TurnRemoved, NUMBERS),
    st.builds(lambda number, text: GistChanged(gist(number, text)), NUMBERS, st.text(max_size=4)),
    st.builds(lambda number: GistChanged(Gist(number, number, "summary")), NUMBERS),
    st.builds(GistDelta, NUMBERS, st.text(max_size=4)),
)


@given(st.lists(EVENTS, max_size=60))
def test_a_compressed_record_has_the_same_content(events: list[Event]) -> None:
    packed, plain = SessionState(CompressedDict), SessionState()
    for event in events:
        packed.apply(event)
        plain.apply(event)
    assert list(packed.transcript) == list(plain.transcript)
    assert dict(packed.gists) == dict(plain.gists)
    assert packed.finals == plain.finals


def test_a_turn_that_comes_late_stands_in_its_place() -> None:
    for transcript in (Transcript(), Transcript(storage=CompressedDict(Turn))):
        numbers = [*range(1, 4 * BLOCK_SIZE, 2), *range(2, 4 * BLOCK_SIZE, 2)]
        for number in numbers:
            assert transcript.upsert(final_turn(number, "some words"))
        assert [turn.number for turn in transcript] == sorted(numbers)


def test_gists_that_are_much_alike_take_a_tenth_of_their_room() -> None:
    packed = CompressedDict(Gist)
    packed.update((number, gist(number)) for number in range(10 * BLOCK_SIZE))
    loose = sys.getsizeof(gist(0)) + sys.getsizeof(gist(0).text) + sys.getsizeof(gist(0).model)
    assert sum(map(sys.getsizeof, packed._compressed.values())) < (10 - UNCOMPRESSED_BLOCKS) * BLOCK_SIZE * loose / 10


def test_a_turn_comes_back_with_its_words() -> None:
    words, turn = WordStore(), final_turn(3, SAID)
    assert turn.words
    slim = words.store(turn)
    assert (slim.text, slim.words) == (turn.text, ())
    assert words.restore(slim) == turn


def test_a_turn_of_long_ago_comes_back_with_its_words() -> None:
    words = WordStore()
    turns = [words.store(final_turn(number, f"{SAID} and that is {number}")) for number in range(4 * BLOCK_SIZE)]
    assert words.restore(turns[5]) == final_turn(5, f"{SAID} and that is 5")


def test_a_turn_that_is_published_again_replaces_the_earlier_one() -> None:
    words = WordStore()
    words.store(final_turn(3, "the first words"))
    again = final_turn(3, "other words altogether")
    assert words.restore(words.store(again)) == again


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
    ),
    st.booleans(),
)
def test_words_come_back_to_the_millisecond_whatever_they_are(spoken: list[Word], reported: bool) -> None:
    text = " ".join(word.text for word in spoken) if reported else "the words"
    words, turn = WordStore(), Turn(1, text, True, 0.0, 1.0, tuple(spoken))
    assert words.restore(words.store(turn)) == turn


def test_words_that_the_text_does_not_hold_come_back_too() -> None:
    turn = replace(final_turn(5, "different words"), text="")
    words = WordStore()
    assert words.restore(words.store(turn)) == turn


def test_a_turn_that_was_never_packed_stays_as_it_is() -> None:
    turn = final_turn(4, "from the journal")
    assert WordStore().restore(turn) is turn


def test_packed_words_take_a_twentieth_of_their_room() -> None:
    words, chance = WordStore(), random.Random(1)
    loose = 0
    for number in range(4 * BLOCK_SIZE):
        turn = final_turn(number, SAID)
        uneven = tuple(
            replace(
                word, end_s=word.start_s + chance.randrange(80, 250) / 1000, confidence=chance.randrange(1000) / 1000
            )
            for word in turn.words
        )
        words.store(replace(turn, words=uneven))
        loose += sum(sys.getsizeof(word) + sys.getsizeof(word.text) + 2 * sys.getsizeof(0.5) for word in uneven)
    packed = sum(map(sys.getsizeof, words._columns._compressed.values()))
    assert packed < loose * len(words._columns._compressed) * BLOCK_SIZE / (4 * BLOCK_SIZE) / 20
