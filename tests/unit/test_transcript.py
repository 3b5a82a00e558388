from hypothesis import given
from hypothesis import strategies as st

from tui.model.transcript import Transcript, Turn, transcript_lines


def turn(number: int, text: str = "", final: bool = True, speaker: str | None = None) -> Turn:
    return Turn(number, text, final, start_s=number, end_s=number + 1, speaker=speaker)


TURNS = st.builds(turn, st.integers(1, 6), st.text(max_size=3), st.booleans())


def test_a_turn_replaces_the_one_with_its_number() -> None:
    transcript = Transcript()
    assert transcript.upsert(turn(1, "so", final=False))
    assert transcript.upsert(turn(1, "so it is", final=False))
    assert transcript.upsert(turn(1, "So it is."))
    assert [t.text for t in transcript] == ["So it is."]


def test_a_partial_never_replaces_a_final() -> None:
    transcript = Transcript([turn(1, "So it is.")])
    assert not transcript.upsert(turn(1, "so", final=False))
    assert transcript_lines(transcript.finals) == ["So it is."]


def test_a_later_final_replaces_an_earlier_one() -> None:
    transcript = Transcript([turn(1, "so it is")])
    assert transcript.upsert(turn(1, "So it is."))
    assert transcript_lines(transcript.finals) == ["So it is."]


def test_the_same_turn_again_changes_nothing() -> None:
    transcript = Transcript([turn(1, "So.")])
    assert not transcript.upsert(turn(1, "So."))


def test_a_discarded_turn_is_removed_once() -> None:
    transcript = Transcript([turn(1), turn(2)])
    assert transcript.remove(1)
    assert not transcript.remove(1)
    assert transcript.get(1) is None
    assert len(transcript) == 1


def test_the_text_has_a_line_per_final_with_its_speaker() -> None:
    transcript = Transcript([turn(1, "Yes.", speaker="A"), turn(2, "No."), turn(3, "may", final=False)])
    assert transcript_lines(transcript.finals) == ["A: Yes.", "No."]


@given(st.lists(TURNS))
def test_turns_stay_in_order_and_the_newest_final_stands_however_they_come(reported: list[Turn]) -> None:
    transcript = Transcript()
    for each in reported:
        transcript.upsert(each)
    numbers = [each.number for each in transcript]
    assert numbers == sorted({each.number for each in reported})
    for number in numbers:
        same = [each for each in reported if each.number == number]
        finals = [each for each in same if each.final]
        assert transcript.get(number) == (finals or same)[-1]


@given(st.lists(TURNS, unique_by=lambda each: each.number))
def test_a_transcript_made_of_turns_is_the_same_as_one_that_received_them(turns: list[Turn]) -> None:
    reported = Transcript()
    for each in turns:
        reported.upsert(each)
    assert list(Transcript(turns)) == list(reported)
