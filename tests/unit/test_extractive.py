import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.extractive import Task, answer, sentences, split_prompt, task
from tui.model.prompts import PromptLibrary
from tui.paths import PACKAGE, demo_recording

MEETING = demo_recording().with_suffix(".txt").read_text()
PROMPTS = {prompt.id: prompt.turn for prompt in PromptLibrary.load(PACKAGE / "prompts")}


def asked(prompt: str, transcript: str = MEETING) -> str:
    return answer(*split_prompt(prompt.replace("{{turn}}", transcript)))


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [("summary", Task.SUMMARY), ("actions", Task.ACTIONS), ("takeaway", Task.TAKEAWAY), ("improve", Task.IMPROVE)],
)
def test_each_bundled_prompt_is_understood(prompt: str, wanted: Task) -> None:
    instruction, transcript = split_prompt(PROMPTS[prompt].replace("{{turn}}", "We met."))
    assert (task(instruction), transcript) == (wanted, "We met.")


def test_a_summary_is_made_of_few_sentences_that_were_said() -> None:
    summary = asked(PROMPTS["summary"])
    said = sentences(summary)
    assert 1 <= len(said) <= 3
    assert all(text in MEETING for _, text in said)


def test_action_items_say_who_and_when() -> None:
    items = asked(PROMPTS["actions"]).splitlines()
    assert "- I will fix that by Friday. (Mark, by Friday)" in items
    assert "- I will review the design by Tuesday evening. (Sarah, by Tuesday evening)" in items
    assert "- Who can tell the customers about the new prices?" in items
    assert "- I will send the email by the end of the week. (Alan, by the end of the week)" in items


def test_a_fear_is_no_action_item() -> None:
    assert asked(PROMPTS["actions"], "If it keeps growing, we will run out of money.") == "No action items were said."


def test_one_of_two_run_together_clauses_is_an_action_item() -> None:
    said = "The upload page is slow for large files, I will fix that by Thursday."
    assert asked(PROMPTS["actions"], said) == "- I will fix that by Thursday. (by Thursday)"


def test_who_is_asked_by_name_is_who_has_to_act() -> None:
    assert asked(PROMPTS["actions"], "Alan, please send the email tomorrow.").endswith("(Alan, tomorrow)")


def test_a_take_away_is_one_sentence() -> None:
    assert len(sentences(asked(PROMPTS["takeaway"]))) == 1


def test_improvements_quote_what_was_said_and_say_what_is_wrong() -> None:
    said = "I think we should should ship it. The tests pass."
    assert asked(PROMPTS["improve"], said) == (
        "- “I think we should should ship it.”: hedged with “I think”; “should” is said twice."
    )


def test_a_question_is_answered_with_the_sentences_about_it() -> None:
    found = answer("Who reviews the design?", MEETING)
    assert "“Sarah: I will review the design by Tuesday evening.”" in found


def test_a_question_about_something_else_is_not_answered() -> None:
    assert answer("Where is the treasure?", MEETING) == "Nothing that was said shares a word with the question."


def test_nothing_said_is_nothing_answered() -> None:
    assert asked(PROMPTS["summary"], " ") == "Nothing was said."


def test_an_abbreviation_does_not_end_a_sentence() -> None:
    assert [text for _, text in sentences("Mr. Smith came. He left.")] == ["Mr. Smith came.", "He left."]


@given(st.text(max_size=400), st.sampled_from(sorted(PROMPTS)))
def test_it_quotes_and_never_invents(said: str, prompt: str) -> None:
    frame = {"action", "items", "were", "nothing", "stands", "out"} | set(
        re.findall(r"\w+", "no said hedges vague or repeated words fillers very long sentences in one sentence was")
    )
    frame |= set(re.findall(r"\w+", "hedged with filled is said twice shares a word the question that"))
    invented = set(re.findall(r"[^\W\d_]+", answer(*split_prompt(PROMPTS[prompt].replace("{{turn}}", said)))))
    said_words = set(re.findall(r"[^\W\d_]+", said))
    assert {word for word in invented if word not in said_words and word.lower() not in frame} == set()
