"""Tests of the rows of a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.viewer.message_rows import CONTINUED, message_rows


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (40, ["The disk is full. Free some space."]),
        (34, ["The disk is full. Free some space."]),
        (33, ["The disk is full. …", "Free some space."]),
        (17, ["The disk is …", "full. …", "Free some space."]),
    ],
)
def test_a_sentence_that_fits_is_not_broken_and_a_row_says_that_more_follows(columns: int, rows: list[str]) -> None:
    assert message_rows("The disk is full. Free some space.", columns) == rows


def test_the_sign_of_a_warning_stays_with_its_words() -> None:
    assert message_rows("! One two. Three four.", 12) == ["! One two. …", "Three four."]


@given(st.text("ab .?", max_size=80), st.integers(8, 40))
def test_no_word_is_lost_and_no_row_is_too_wide(text: str, columns: int) -> None:
    rows = message_rows(text, columns)
    assert max(map(len, rows)) <= columns
    assert "".join(row.removesuffix(CONTINUED) for row in rows).replace(" ", "") == text.replace(" ", "")
