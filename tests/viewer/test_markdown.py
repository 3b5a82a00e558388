import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.viewer.markdown import inline, markdown
from tui.viewer.styled_text import Line, Span, width


def text(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


def test_strong_emphasis_and_code_are_inked_and_lose_their_marks() -> None:
    assert list(inline("a **b** *c* `d` e")) == [
        Span("a "),
        Span("b", "strong"),
        Span(" "),
        Span("c", "em"),
        Span(" "),
        Span("d", "code"),
        Span(" e"),
    ]


def test_list_items_hang_below_their_text() -> None:
    assert text(markdown("- Maria checks the script\n- Tom", 16)) == ["• Maria checks", "  the script", "• Tom"]
    assert text(markdown("2. two\n10) ten", 20)) == ["2. two", "10) ten"]


def test_headings_quotes_rules_and_fences_look_like_what_they_are() -> None:
    lines = markdown("## Plan\n> said\n---\n```py\nx = *1*\n```", 20)
    assert lines[0] == (Span("Plan", "heading"),)
    assert text(lines)[1:] == ["│ said", "─" * 20, "  x = *1*"]


def test_a_link_shows_where_it_leads() -> None:
    assert text(markdown("see [the notes](http://evil.example/x)", 60)) == ["see the notes (http://evil.example/x)"]


def test_arithmetic_and_loose_stars_stay_as_written() -> None:
    for written in ("2 * 3 * 4", "a ** b", "snake_case_name", "[x] done"):
        assert text(markdown(written, 60)) == [written]


def test_several_empty_lines_are_one() -> None:
    assert text(markdown("a\n\n\n\nb\n\n", 10)) == ["a", "", "b"]


@given(st.text(st.sampled_from("ab *_`[]()#->|\n1.日"), max_size=200), st.integers(12, 40))
def test_whatever_is_written_no_line_is_too_wide(written: str, columns: int) -> None:
    lines = markdown(written, columns)
    assert [line for line in lines if width(line) > columns] == []
    if "```" not in written:
        assert [sign for sign in "".join(text(lines)) if sign in "ab日"] == [sign for sign in written if sign in "ab日"]


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    ("nasty", "sign", "shown"),
    [
        ("*" * 40_000, "─", 24),
        ("[" * 40_000, "[", 40_000),
        ("`*" * 20_000, "*", 6_668),
        ("> " * 20_000, ">", 19_999),
        ("**a" * 13_000, "a", 13_000),
    ],
)
def test_time_grows_with_the_text_alone(nasty: str, sign: str, shown: int) -> None:
    assert "".join(text(markdown(nasty, 60))).count(sign) == shown
