"""Which labels of different connections are the same speaker's."""

import pytest

from tests.unit.test_turn_numbering import RATE, wire
from tui.stream.messages import Revision, SpeakerRevision, WireWord
from tui.stream.speaker_sets import SpeakerSets
from tui.stream.turn_numbering import TurnSequencer


def test_an_endpoint_that_names_no_set_has_no_voices_on_its_next_connection() -> None:
    sets = SpeakerSets()
    first, second, third = (sets.attach() for _ in range(3))
    assert [first.label("A"), first.label("B"), first.label(None)] == ["A", "B", None]
    assert [second.label("A"), second.label("B"), third.label("A")] == ["A-2", "B-2", "A-3"]
    assert first.label("C") == "C", "the first connection may still revise its labels"


def test_connections_with_the_same_set_have_the_same_speakers() -> None:
    sets = SpeakerSets()
    you, them = sets.attach("first"), sets.attach("first")
    assert [you.label("A"), them.label("B"), sets.attach("first").label("A")] == ["A", "B", "A"]
    restarted = sets.attach("second"), sets.attach("second")
    assert [speakers.label("A") for speakers in restarted] == ["A-2", "A-2"]


def test_a_connection_on_which_nobody_was_labelled_does_not_count() -> None:
    sets = SpeakerSets()
    sets.attach().label(None)
    assert sets.attach().label("A") == "A"


def test_a_continued_session_goes_on_after_its_labels() -> None:
    assert SpeakerSets(["A", "B"]).attach().label("A") == "A-2"
    assert SpeakerSets(["you B", "you A-2", "C"]).attach().label("C") == "C-3"


def test_each_new_set_is_reported_with_its_first_label() -> None:
    reported: list[tuple[str, str]] = []
    sets = SpeakerSets((), lambda label, own: reported.append((label, own)))
    for _ in range(3):
        speakers = sets.attach()
        speakers.label("A")
        speakers.label("B")
    assert reported == [("A-2", "A"), ("A-3", "A")]


@pytest.mark.parametrize(("label", "known"), [("B-2", "B"), ("B", None), ("B-3", None)])
def test_the_endpoint_has_the_voices_of_its_last_set_only(label: str, known: str | None) -> None:
    assert SpeakerSets(["A", "A-2"]).known_label(label) == known


def test_turns_words_and_revisions_have_the_labels_of_their_connection() -> None:
    turns = TurnSequencer(RATE)
    first = turns.attach()
    first.receive(wire(0, "one", final=True, speaker="A"), 10_000)
    second = turns.attach()
    turn = second.receive(wire(0, "two", final=True, speaker="A"), 20_000)
    assert not isinstance(turn, int)
    assert turn is not None
    assert (turn.speaker, [word.speaker for word in turn.words]) == ("A-2", ["A-2"])
    revision = SpeakerRevision((Revision(0, "B", (WireWord("x", 0, 100, speaker="B"),)), Revision(9, "C")))
    assert [(each.turn, each.speaker, each.words) for each in first.revise(revision)] == [(1, "B", ("B",))]
    assert [(each.turn, each.speaker, each.words) for each in second.revise(revision)] == [(2, "B-2", ("B-2",))]
