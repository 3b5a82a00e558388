from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.viewer.styled_text import Line, Span, changed_cells, justify, pad, restyle, truncate, width, wrap

TEXTS = st.text(st.sampled_from("ab c日本é\n"), max_size=60)
LINES = st.lists(
    st.builds(Span, st.text(st.sampled_from("ab 日é"), max_size=6), st.sampled_from(["", "x"])), max_size=5
).map(tuple)


def text(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


def test_text_breaks_at_spaces() -> None:
    assert text(wrap([Span("the plan is that we ship")], 11)) == ["the plan is", "that we", "ship"]


def test_a_word_longer_than_the_line_is_broken_anywhere() -> None:
    assert text(wrap([Span("abcdefgh ij")], 4)) == ["abcd", "efgh", "ij"]


def test_wide_characters_take_two_cells() -> None:
    assert text(wrap([Span("日本語文字")], 5)) == ["日本", "語文", "字"]


def test_styles_survive_wrapping() -> None:
    assert wrap([Span("one ", "a"), Span("two three", "b")], 7) == [
        (Span("one ", "a"), Span("two", "b")),
        (Span("three", "b"),),
    ]


@given(TEXTS, st.integers(2, 30))
def test_no_wrapped_line_is_wider_than_asked(written: str, columns: int) -> None:
    assert all(width(line) <= columns for line in wrap([Span(written)], columns))


@given(TEXTS, st.integers(2, 30))
def test_wrapping_loses_nothing_but_spaces_and_newlines(written: str, columns: int) -> None:
    joined = "".join(text(wrap([Span(written[:7], "a"), Span(written[7:], "b")], columns)))
    assert joined.replace(" ", "") == written.replace(" ", "").replace("\n", "")


@given(LINES, st.integers(1, 30))
def test_a_filled_line_is_exactly_as_wide_as_asked(line: Line, columns: int) -> None:
    assert width(pad(line, columns)) == columns


def test_text_that_does_not_fit_ends_in_an_ellipsis() -> None:
    assert text([truncate([Span("livegist "), Span("prompt")], 12)]) == ["livegist pr…"]


def test_the_left_gives_way_to_the_right() -> None:
    assert text([justify([Span("a long left part")], [Span("right")], 12)]) == ["a long…right"]
    assert text([justify([Span("left")], [Span("right")], 12)]) == ["left   right"]


def test_an_ink_is_laid_over_the_others() -> None:
    assert restyle([Span("a", "muted"), Span("b")], "selected") == (Span("a", "muted selected"), Span("b", "selected"))


def test_equal_lines_have_no_changes() -> None:
    assert changed_cells((Span("same", "a"),), (Span("same", "a"),)) == []


def test_only_the_changed_cells_are_found() -> None:
    assert changed_cells((Span("level -23 dB"),), (Span("level -21 dB"),)) == [(8, 9)]


def test_another_ink_is_a_change() -> None:
    assert changed_cells((Span("sure unsure", "x"),), (Span("sure "), Span("unsure", "x"))) == [(0, 5)]


def test_changes_far_apart_are_painted_apart() -> None:
    old, new = "a" + "." * 40 + "b", "c" + "." * 40 + "d"
    assert changed_cells((Span(old),), (Span(new),)) == [(0, 1), (41, 42)]
    assert changed_cells((Span(old),), (Span(new),), gap=50) == [(0, 42)]


def test_half_a_wide_character_is_never_painted() -> None:
    assert changed_cells((Span("ab"),), (Span("日"),)) == [(0, 2)]
    assert changed_cells((Span("x日"),), (Span("xay"),)) == [(1, 3)]


@given(LINES, LINES)
def test_painting_the_changes_over_the_old_line_gives_the_new_one(old: Line, new: Line) -> None:
    size = max(width(old), width(new))
    before, after = (_cells(pad(line, size)) for line in (old, new))
    for start, end in changed_cells(old, new):
        before[start:end] = after[start:end]
    assert before == after


def _cells(line: Line) -> list[tuple[str, str]]:
    cells: list[tuple[str, str]] = []
    for span in line:
        for character in span.text:
            if cell_len(character) == 2:
                cells += [(character, span.style), ("", span.style)]
            else:
                cells.append((character, span.style))
    return [(character, "" if character == " " and not style else style) for character, style in cells]
