"""When a clip gets a second pass, and which words of two texts are taken."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.recogniser import RecognisedWord
from tui.gateway.second_pass import MIN_CONFIDENCE, combine, is_uncertain


def said(text: str, start_s: float = 0.0) -> tuple[RecognisedWord, ...]:
    """Return words of half a second each; `word/0.4` has that confidence, others 0.9."""
    pairs = [(*token.split("/"), "0.9")[:2] for token in text.split()]
    return tuple(
        RecognisedWord(word, start_s + at / 2, start_s + at / 2 + 0.5, float(confidence), (at,))
        for at, (word, confidence) in enumerate(pairs)
    )


def combined(first: str, second: str) -> str:
    """Return the words taken of two texts."""
    return " ".join(word.text for word in combine(said(first), said(second)))


def test_a_text_is_uncertain_if_any_of_its_words_is() -> None:
    assert is_uncertain(said(f"rather cold/{MIN_CONFIDENCE - 0.01}"), 0.0)
    assert not is_uncertain(said(f"rather cold/{MIN_CONFIDENCE}"), 0.0)
    assert not is_uncertain((), 0.0)


def test_words_of_the_context_make_no_text_uncertain() -> None:
    uncertain = said("crudely/0.1 in his/0.2 power")
    assert is_uncertain(uncertain, 0.5)
    assert is_uncertain(uncertain, 1.4)
    assert not is_uncertain(uncertain, 1.5)


def test_where_two_texts_differ_the_more_confident_one_is_taken() -> None:
    assert combined("to be old-sposed./0.5 Had he", "to be ill/0.8 disposed./0.6 Had me/0.8") == (
        "to be ill disposed. Had he"
    )
    assert combined("is to/0.5 be", "is too/0.5 be") == "is to be"


def test_one_sure_piece_of_a_mistake_does_not_make_it_likelier() -> None:
    assert combined("an ill-sposed./0.46", "an able/0.2 to/0.98") == "an ill-sposed."


def test_words_that_only_one_text_has_are_neither_added_nor_left_out() -> None:
    assert combined("leisure/0.1 to consider", "to consider") == "leisure to consider"
    assert combined("to consider/0.1", "leisure to consider/0.1") == "to consider"


def test_a_text_that_skips_speech_replaces_nothing() -> None:
    assert combined("he was not an/0.1 ill man", "wanted man") == "he was not an ill man"
    assert combined("wanted/0.1 man", "he was not an ill man") == "wanted man"


def test_a_loop_inside_a_word_counts_as_the_least_confident() -> None:
    assert is_uncertain(said("an old-s-y-y-y-y-y-y/0.95"), 0.0)
    assert combined("an old-s-y-y-y-y-y-y/0.95", "an ill-sposed/0.3") == "an ill-sposed"
    assert combined("an ill-sposed/0.3", "an old-s-y-y-y-y-y-y/0.95") == "an ill-sposed"
    assert not is_uncertain(said("No-no-no ha-ha-ha"), 0.0)


def test_case_and_punctuation_make_no_difference() -> None:
    assert combined("He was./0.3 Then", "he was/0.9 then") == "He was. Then"


TEXTS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "d"]), st.floats(0.0, 1.0), st.floats(0.0, 0.5)), max_size=12
)


def timed(pairs: list[tuple[str, float, float]]) -> tuple[RecognisedWord, ...]:
    """Return words in order, with these durations."""
    ends = itertools.accumulate(seconds for _, _, seconds in pairs)
    return tuple(
        RecognisedWord(text, end - seconds, end, confidence)
        for (text, confidence, seconds), end in zip(pairs, ends, strict=True)
    )


@given(TEXTS, TEXTS)
def test_the_words_stay_in_order_without_overlaps(
    first: list[tuple[str, float, float]], second: list[tuple[str, float, float]]
) -> None:
    one, other = timed(first), timed(second)
    taken = combine(one, other)
    assert all(word.start_s <= word.end_s for word in taken)
    assert all(before.end_s <= after.start_s + 1e-9 for before, after in itertools.pairwise(taken))
    assert {word.text for word in taken} <= {word.text for word in (*one, *other)}
    assert combine(one, one) == one
