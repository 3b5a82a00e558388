"""What a model thinks in tags is no part of its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.llm.reasoning import ReasoningFilter, without_reasoning

ANSWERS = [
    ("Shipping.", "Shipping."),
    ("<think>\nHm.\n</think>\n\nShipping.", "Shipping."),
    ("\n<thinking>Hm. <b>so</b></thinking>Shipping.", "Shipping."),
    ("<think></think>\n", ""),
    ("<think>The limit of tokens came", ""),
    ("<thin", "<thin"),
    ("<thing> is a tag", "<thing> is a tag"),
    ("Use <think>tags</think> so.", "Use <think>tags</think> so."),
    ("", ""),
]


@pytest.mark.parametrize(("text", "answer"), ANSWERS)
def test_the_answer_follows_the_reasoning(text: str, answer: str) -> None:
    assert without_reasoning(text) == answer


@given(st.sampled_from(ANSWERS), st.integers(1, 9))
def test_an_answer_in_pieces_is_filtered_as_a_whole_one(case: tuple[str, str], size: int) -> None:
    text, answer = case
    found = ReasoningFilter()
    pieces = [found.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(pieces) + found.end() == answer
