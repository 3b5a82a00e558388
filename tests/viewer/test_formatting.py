import pytest

from tests.viewer.scripted_engine import PROMPTS
from tui.model.events import State
from tui.presentation.formatting import STATES, dollars, format_latency, made_by, milliseconds, prompt_name, seconds
from tui.text import clock, plural, size


@pytest.mark.parametrize(
    ("value", "read"), [(0, "0:00"), (7.9, "0:07"), (754, "12:34"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_a_place_on_the_clock(value: float, read: str) -> None:
    assert clock(value) == read


def test_durations_keep_the_digits_that_matter() -> None:
    assert (seconds(0.84), seconds(9.94), seconds(9.96), seconds(31.4)) == ("0.8 s", "9.9 s", "10 s", "31 s")
    assert (milliseconds(None), milliseconds(304.4), milliseconds(12_000)) == ("–", "304 ms", "12 s")


def test_sizes_and_costs_are_rounded_for_people() -> None:
    assert (size(999), size(24_130_000), size(2_100_000_000)) == ("1 kB", "24.1 MB", "2.1 GB")
    assert (dollars(0.1734), dollars(12.5)) == ("$0.173", "$12.50")


def test_every_state_has_a_sign_of_its_own_and_a_word() -> None:
    assert set(STATES) == set(State)
    assert len({sign for sign, _ in STATES.values()}) == len(State)
    assert len({word for _, word in STATES.values()}) == len(State)


def test_an_extractive_answer_says_that_no_llm_wrote_it() -> None:
    assert made_by("extractive") == "extractive: sentences picked from the transcript, no LLM"
    assert made_by("extractive", 40) == "extractive: picked sentences, no LLM"
    assert made_by("extractive", 20) == "extractive: no LLM"
    assert made_by("extractive", 5) == "extractive"
    assert made_by("qwen3") == "qwen3"
    assert made_by("claude-sonnet-4-20250514", 10) == ""


def test_answers_take_milliseconds_or_seconds() -> None:
    assert (format_latency(0.0013), format_latency(0.84), format_latency(1.0), format_latency(12.3)) == (
        "1 ms",
        "840 ms",
        "1.0 s",
        "12 s",
    )


def test_a_prompt_is_shown_by_its_name_and_an_unknown_one_by_its_id() -> None:
    assert prompt_name(PROMPTS, "actions") == "Action items"
    assert prompt_name(PROMPTS, "gone") == "gone"
    assert (plural(1, "turn"), plural(1200, "turn")) == ("1 turn", "1,200 turns")
