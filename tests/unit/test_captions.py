import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests.session_fixtures import final_turn
from tui.model.transcript import Turn, Word
from tui.sessions.captions import MAX_CUE_S, MAX_LINE_CHARACTERS, MAX_LINES, MIN_CUE_S, PAUSE_S, captions

LONG = (
    "We went through the whole list yesterday and found that the pool is too small for what we want to do on "
    "Thursday. Tom raises it to forty! Then he reruns the load test and tells everybody how it went."
)


def texts(*turns: Turn) -> list[str]:
    return [" ".join(caption.lines) for caption in captions(turns)]


def test_no_speech_gives_no_caption() -> None:
    assert captions([]) == []
    assert captions([Turn(1, "  ", True, 0, 1)]) == []


def test_a_caption_has_two_lines_that_can_be_read_at_a_glance() -> None:
    shown = captions([final_turn(1, LONG)])
    assert len(shown) > 2
    for caption in shown:
        assert 1 <= len(caption.lines) <= MAX_LINES
        assert all(0 < len(line) <= MAX_LINE_CHARACTERS for line in caption.lines)
    assert " ".join(texts(final_turn(1, LONG))) == LONG


def test_a_caption_begins_and_ends_with_its_words() -> None:
    turn = final_turn(3, LONG)
    first, *_, last = captions([turn])
    assert first.start_s == turn.words[0].start_s
    assert last.end_s == turn.words[-1].end_s
    count = len(" ".join(first.lines).split())
    assert first.end_s == turn.words[count - 1].end_s


def test_a_caption_ends_with_a_sentence_if_it_is_long_enough() -> None:
    assert any(text.endswith("Thursday.") for text in texts(final_turn(1, LONG)))


def test_a_caption_that_has_to_be_divided_is_divided_where_the_sense_is() -> None:
    said = "It went well. We shipped version two on Monday and the error rate fell from four percent to one percent."
    assert texts(final_turn(1, said))[0] == "It went well."
    assert "".join(texts(final_turn(1, said))[1:]).startswith("We shipped")
    said = "If it keeps growing like that, we will run out of money in March and have to sell the office in town."
    assert texts(final_turn(1, said))[0] == "If it keeps growing like that,"


def test_an_abbreviation_ends_no_caption() -> None:
    said = "The house was sold last year to Mr. J. Dashwood and to nobody else in the county, or so it was told there."
    shown = texts(final_turn(1, said))
    assert " ".join(shown) == said
    assert len(shown) > 1
    assert [text for text in shown if text.endswith(("Mr.", "J."))] == []


def test_a_pause_begins_a_new_caption() -> None:
    early, late = final_turn(1, "one two", start_s=0.0), final_turn(1, "three four", start_s=3.0)
    turn = Turn(1, "one two three four", True, 0.0, 4.0, early.words + late.words)
    assert texts(turn) == ["one two", "three four"]


def test_a_short_word_stays_long_enough_to_be_read_but_not_over_the_next() -> None:
    alone, *_ = captions([final_turn(1, "Yes.")])
    assert alone.end_s - alone.start_s == MIN_CUE_S
    pressed, after = captions([final_turn(1, "Yes.", start_s=0.0), final_turn(2, "No.", start_s=0.5)])
    assert pressed.end_s <= after.start_s


def test_words_that_were_formatted_into_others_are_spread_over_the_turn() -> None:
    final = final_turn(1, "it is twenty five percent")
    (caption,) = captions([Turn(1, "It is 25%.", True, final.start_s, final.end_s, final.words)])
    assert caption.lines == ("It is 25%.",)
    assert (caption.start_s, caption.end_s) == (final.start_s, final.end_s)


def test_the_speaker_is_named_within_the_line() -> None:
    (caption,) = captions([final_turn(1, "Good morning.", "A")], with_speakers=True)
    assert caption.lines == ("A: Good morning.",)


@given(st.lists(st.tuples(st.text(max_size=200), st.floats(0, 100), st.floats(0, 60), st.booleans()), max_size=8))
def test_captions_of_any_turns_are_readable_and_never_overlap(said: list[tuple[str, float, float, bool]]) -> None:
    turns = [
        final_turn(n, text, start_s=start) if timed else Turn(n, text, True, start, start + length)
        for n, (text, start, length, timed) in enumerate(said, 1)
    ]
    shown = captions(turns)
    for caption in shown:
        assert caption.start_s <= caption.end_s
        assert 1 <= len(caption.lines) <= MAX_LINES
        assert all(len(line) <= MAX_LINE_CHARACTERS for line in caption.lines)
    for caption, after in itertools.pairwise(shown):
        assert caption.end_s <= after.start_s
    written = "".join(line for caption in shown for line in caption.lines)
    said_signs = [sign for turn in turns for sign in turn.text if sign.isalnum()]
    assert sorted(sign for sign in written if sign.isalnum()) == sorted(said_signs)


def test_no_caption_is_up_for_long_while_somebody_talks_on() -> None:
    assert max(caption.end_s - caption.start_s for caption in captions([final_turn(1, LONG)])) <= MAX_CUE_S


def times(*turns: Turn) -> list[tuple[float, float]]:
    return [(caption.start_s, caption.end_s) for caption in captions(turns)]


def test_the_earlier_caption_ends_when_the_next_starts() -> None:
    first = Turn(1, "What I wanted to say", True, 0.0, 5.0)
    assert times(first, Turn(2, "No.", True, 2.0, 4.0)) == [(0.0, 2.0), (2.0, 4.0)]
    assert times(first, Turn(2, "No.", True, MIN_CUE_S, 4.0)) == [(0.0, MIN_CUE_S), (MIN_CUE_S, 4.0)]


def test_captions_that_start_together_are_shown_in_sequence() -> None:
    turns = Turn(1, "Yes.", True, 0.0, 2.0), Turn(2, "No.", True, 0.5, 1.0)
    assert texts(*turns) == ["Yes.", "No."]
    assert times(*turns) == [(0.0, 2.0), (2.0, 3.0)]


def test_two_lines_are_about_equally_long() -> None:
    (caption,) = captions([final_turn(1, "We went through the whole list on Monday and found it short.")])
    assert caption.lines == ("We went through the whole list", "on Monday and found it short.")


def test_a_line_may_have_the_greatest_length_and_no_more() -> None:
    longest = "a" * (MAX_LINE_CHARACTERS - 2) + " b"
    assert [caption.lines for caption in captions([final_turn(1, longest)])] == [(longest,)]
    (caption,) = captions([final_turn(1, f"{longest}c")])
    assert len(caption.lines) == 2


def test_a_pause_of_a_second_begins_a_new_caption_and_a_shorter_one_does_not() -> None:
    def said(pause_s: float) -> list[str]:
        words = (Word("one", 0.0, 0.5), Word("two", 0.5 + pause_s, 1.0 + pause_s))
        return texts(Turn(1, "one two", True, 0.0, 2.0, words))

    assert said(PAUSE_S) == ["one", "two"]
    assert said(PAUSE_S - 0.01) == ["one two"]


def test_a_slow_speakers_words_are_divided_after_seven_seconds() -> None:
    words = tuple(Word(f"w{at}", at * 0.9, at * 0.9 + 0.9) for at in range(10))
    turn = Turn(1, " ".join(word.text for word in words), True, 0.0, 9.0, words)
    assert [len(text.split()) for text in texts(turn)] == [7, 3]
