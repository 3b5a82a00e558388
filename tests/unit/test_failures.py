"""The report of files that were not transcribed."""

from pathlib import Path

from tui.batch.failures import failures_by_reason

TALKS = Path("/talks")


def report(*failures: tuple[str, str, str]) -> list[str]:
    reasons = failures_by_reason((TALKS / name, error, hint) for name, error, hint in failures)
    return [line for reason in reasons for line in reason.lines()]


def test_a_single_failure_is_one_line() -> None:
    assert report(("a.wav", "a.wav is too short.", "Choose another.")) == ["/talks/a.wav: a.wav is too short."]


def test_many_failures_are_listed_by_their_reason_the_most_frequent_first() -> None:
    broken = [(f"{number:04}.wav", f"{number:04}.wav cannot be read.", "Convert it.") for number in range(3000)]
    lines = report(("a.wav", "The endpoint is full.", ""), *broken)
    assert lines[:3] == ["3,000 files: FILE cannot be read.", "  Convert it.", "  /talks/0000.wav"]
    assert lines[-2:] == ["  … and 2,990 more; see above", "/talks/a.wav: The endpoint is full."]
    assert len(lines) == 14


def test_hints_that_differ_are_left_out() -> None:
    lines = report(
        ("a.wav", "2 s are missing.", "livegist recover 1"), ("b.wav", "2 s are missing.", "livegist recover 2")
    )
    assert lines == ["2 files: 2 s are missing.", "  /talks/a.wav", "  /talks/b.wav"]


def test_a_name_that_is_no_text_is_printed_all_the_same() -> None:
    assert report(("a\udcff.wav", "It is empty.", "")) == ["/talks/a?.wav: It is empty."]
