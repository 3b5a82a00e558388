import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text import (
    BIDI_CONTROLS,
    MAX_CHARACTERS,
    MAX_COMBINING_MARKS,
    clock,
    contains_all,
    file_text,
    one_line,
    plural,
    sanitize,
    size,
    terminal_line,
)

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
WITHOUT_WIDTH = "\u200b\u200c\u200d\u2060\u2061\ufeff\u00ad\U000e0041"


@pytest.mark.parametrize("code", [code for code in [*range(0x20), *range(0x7F, 0xA0)] if code != 0x0A])
def test_no_control_character_comes_through(code: int) -> None:
    shown = sanitize(f"a{chr(code)}b")
    assert all(unicodedata.category(character) != "Cc" or character == "\n" for character in shown)
    assert shown[0] == "a"
    assert shown[-1] == "b"


def test_an_escape_sequence_is_shown_instead_of_obeyed() -> None:
    assert sanitize("\x1b[31mred\x1b]0;title\x07") == "␛[31mred␛]0;title␇"


@pytest.mark.parametrize("character", BIDI + WITHOUT_WIDTH)
def test_invisible_layout_controls_are_removed(character: str) -> None:
    assert sanitize(f"a{character * 50}b") == "ab"


def test_markup_stays_the_text_it_is() -> None:
    for written in ("[red]x[/red]", "[@click=app.quit]x[/]", "[link=http://x]y[/link]", "$error {x} \\[b]"):
        assert sanitize(written) == written


def test_combining_marks_are_limited() -> None:
    assert sanitize("e" + "\u0301" * 500) == "e" + "\u0301" * MAX_COMBINING_MARKS
    assert sanitize("\u0301x") == "x"
    each = "e" + "\u0301" * MAX_COMBINING_MARKS
    assert sanitize(f"{each * 3}\x07{each}") == f"{each * 3}␇{each}"


def test_a_text_of_the_greatest_length_is_shown_whole() -> None:
    assert sanitize("x" * MAX_CHARACTERS) == "x" * MAX_CHARACTERS
    assert sanitize("x" * (MAX_CHARACTERS + 1)) == "x" * MAX_CHARACTERS + " … (1 more characters)"


def test_scripts_of_the_world_stay_as_they_are() -> None:
    for written in ("Grüße, naïve café", "日本語のテキスト", "Привет", "שלום", "हिन्दी में", "한국어", "👍 ok"):
        assert sanitize(written) == written


def test_half_a_surrogate_pair_can_be_encoded_afterwards() -> None:
    assert sanitize("a\ud800b").encode() == "a�b".encode()


def test_a_long_text_is_truncated_with_a_suffix() -> None:
    shown = sanitize("x" * 100_000)
    assert shown.startswith("x" * MAX_CHARACTERS + " … (92,000 more characters)")
    assert len(shown) < MAX_CHARACTERS + 40


def test_every_line_end_becomes_a_newline_and_one_line_has_none() -> None:
    assert sanitize("a\r\nb\u2028c\x0bd\re") == "a\nb\nc\nd\ne"
    assert one_line(" a\r\n\tb\u00a0 c ") == "a b c"


@given(st.text(st.characters()))
def test_sanitised_text_is_printable(text: str) -> None:
    shown = sanitize(text)
    shown.encode()
    for character in shown:
        assert character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert [sign for sign in shown if sign.isalnum()] == [sign for sign in text if sign.isalnum()]


@given(st.text(st.characters()))
def test_harmless_text_is_not_changed_again(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)


@pytest.mark.parametrize(
    "text", ["می\u200cخواهم", "क्\u200dष", "👩\u200d👩\u200d👧", "co\u00adoperate", "a\u2060b\u200bc"]
)
def test_a_file_keeps_the_spelling_and_a_terminal_adds_no_space(text: str) -> None:
    assert file_text(text) == text
    assert " " not in terminal_line(text)
    assert terminal_line(text) == "".join(character for character in text if unicodedata.category(character) != "Cf")


@given(st.text())
def test_a_file_gets_no_control_character_and_no_change_of_direction(text: str) -> None:
    written = file_text(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in written)
    assert not BIDI_CONTROLS & set(written)


@given(st.text())
def test_a_terminal_line_is_one_line_of_any_length(text: str) -> None:
    assert "\n" not in terminal_line(text)
    assert terminal_line("x" * MAX_CHARACTERS * 2) == "x" * MAX_CHARACTERS * 2


@pytest.mark.parametrize(
    ("seconds", "shown", "padded"),
    [(0, "0:00", "00:00"), (59.9, "0:59", "00:59"), (61, "1:01", "01:01"), (3661, "1:01:01", "1:01:01")],
)
def test_a_duration_is_shown_as_minutes_or_hours(seconds: float, shown: str, padded: str) -> None:
    assert clock(seconds) == shown
    assert clock(seconds, padded=True) == padded


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(0, "0 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (999_949_999, "999.9 MB"), (999_950_000, "1.0 GB")],
)
def test_a_size_never_reads_a_thousand_of_a_unit(size_bytes: int, shown: str) -> None:
    assert size(size_bytes) == shown


def test_one_thing_is_singular() -> None:
    assert (plural(1, "turn"), plural(0, "turn"), plural(1234, "turn")) == ("1 turn", "0 turns", "1,234 turns")


@pytest.mark.parametrize(
    ("words", "contained"), [("", True), ("  ", True), ("MODEL speech", True), ("speech other", False)]
)
def test_a_filter_needs_each_of_its_words_in_any_case(words: str, contained: bool) -> None:
    assert contains_all("The Speech_Model in use", words) == contained
