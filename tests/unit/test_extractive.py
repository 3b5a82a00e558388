import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.extractive import Task, answer, task
from tui.gateway.prompt_parts import split_prompt
from tui.gateway.sentences import sentences, stems
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


def test_a_summary_is_made_of_few_sentences_that_were_said_and_have_content() -> None:
    said = sentences(asked(PROMPTS["summary"]))
    assert [sentence.text in MEETING for sentence in said] == [True] * 4
    assert {sentence.speaker for sentence in said} >= {"Mark", "Sarah"}
    words = {word for sentence in said for word in stems(sentence.text)}
    assert words >= {"ship", "error", "cloud", "delet"}


def test_a_summary_does_not_say_the_same_twice() -> None:
    said = (
        "We will delete the old backups. The old backups will be deleted. The cloud bill went up by a third. It rains."
    )
    summary = asked(PROMPTS["summary"], said)
    assert "bill" in summary
    assert summary.count("backups") == 1


@pytest.mark.parametrize(
    ("turn", "kept"),
    [
        (
            "Good morning, everyone. Let's keep this short. Mark, how did the release go?",
            "Mark, how did the release go?",
        ),
        ("Good idea. I will delete the backups today.", "I will delete the backups today."),
        (
            "Perfect. The next meeting is on Monday at ten. Thank you, everyone.",
            "The next meeting is on Monday at ten.",
        ),
        ("There is one risk. Our bill went up by 30%. If it grows, we run dry.", "Our bill went up by 30%."),
        ("Thank you.", "Thank you."),
    ],
)
def test_of_a_turn_its_content_is_kept_and_not_its_greeting(turn: str, kept: str) -> None:
    assert asked(PROMPTS["summary"], turn) == asked(PROMPTS["takeaway"], turn) == kept


def test_action_items_say_who_and_when() -> None:
    items = asked(PROMPTS["actions"]).splitlines()
    assert "- I will fix that by Friday. (Mark, by Friday)" in items
    assert "- I will review the design by Tuesday evening. (Sarah, by Tuesday evening)" in items
    assert "- Who can tell the customers about the new prices? (asked by Sarah)" in items
    assert "- I need a review of the new design before Wednesday. (asked by Alan, before Wednesday)" in items
    assert "- We will delete the old backups and move the reports to the smaller server. (said by Sarah)" in items
    assert not any("Who has time for that?" in item for item in items)
    assert "- I will send the email by the end of the week. (Alan, by the end of the week)" in items


def test_a_fear_is_no_action_item() -> None:
    assert asked(PROMPTS["actions"], "If it keeps growing, we will run out of money.") == "No action items were said."


def test_one_of_two_run_together_clauses_is_an_action_item() -> None:
    said = "The upload page is slow for large files, I will fix that by Thursday."
    assert asked(PROMPTS["actions"], said) == "- I will fix that by Thursday. (by Thursday)"


def test_an_action_item_names_the_person_who_was_asked() -> None:
    assert asked(PROMPTS["actions"], "Alan, please send the email tomorrow.").endswith("(Alan, tomorrow)")


def test_a_take_away_is_one_sentence() -> None:
    assert len(sentences(asked(PROMPTS["takeaway"]))) == 1


def test_improvements_quote_what_was_said_and_say_what_is_wrong() -> None:
    said = "I think we should should ship it. The tests pass."
    assert asked(PROMPTS["improve"], said) == (
        "- “I think we should should ship it.”: hedged with “I think”; “should” is said twice."
    )


def test_a_promise_without_a_date_or_a_name_could_be_said_better() -> None:
    assert "filled with “um”" in asked(PROMPTS["improve"], "We moved the um table to the other room.")
    items = asked(PROMPTS["improve"]).splitlines()
    assert items[1] == (
        "- Sarah: “We will delete the old backups and move the reports to the smaller server.”: "
        "does not say by when; “We” does not say who."
    )
    assert items[2] == "- Sarah: “Who can tell the customers about the new prices?”: asks nobody by name."
    assert asked(PROMPTS["improve"], "Let's decide now, we will move it.").endswith(
        "does not say by when; “we” does not say who."
    )
    for fine in (
        "I will review it by Tuesday.",
        "By Friday, I will move it.",
        "I will do it now.",
        "If so, we will stop.",
    ):
        assert asked(PROMPTS["improve"], fine).startswith("Nothing stands out")


def test_decisions_are_listed() -> None:
    wanted = "List the decisions of this meeting.\n\nTranscript: {{turn}}"
    assert asked(wanted) == "- Sarah: We will delete the old backups and move the reports to the smaller server."
    assert asked(wanted, "It rains.") == "No decisions were said."


def test_questions_are_listed_and_what_was_said_next_if_answers_are_wanted() -> None:
    wanted = "List the questions asked in this transcript, or say that there are none.\n\nTranscript: {{turn}}"
    said = "Ann: Who has the key?\nBob: I have it.\nAnn: And the map?"
    assert asked(wanted, said) == "- Ann: “Who has the key?”\n- Ann: “And the map?”"
    assert asked(wanted, "It rains.") == "No questions were asked."
    answers = "List the questions of this meeting and the answers they got.\n\nTranscript: {{turn}}"
    assert asked(answers, said).splitlines()[0] == "- Ann: “Who has the key?” Then: Bob: “I have it.”"


def test_a_request_that_it_cannot_follow_is_answered_with_that() -> None:
    said = asked("Translate this into German.\n\nTranscript: {{turn}}", "We ship on Monday.")
    assert said == "(This model can only quote. What seems to matter most:)\nWe ship on Monday."


def test_an_answer_names_the_turns_it_is_taken_from_if_the_transcript_does() -> None:
    said = "[turn 1, 00:02] Ann: The pool was empty. We filled it.\n[turn 2, 00:09] Bob: It rains."
    how = "Answer this question from what was said. Name the turn its line rests on."
    assert answer(f"{how}\n\nWho filled the pool?", said) == (
        "Ann: “The pool was empty.” [turn 1, 00:02]\nAnn: “We filled it.” [turn 1, 00:02]"
    )


def test_a_question_that_was_asked_is_followed_by_what_was_said_next() -> None:
    found = answer("Who tells the customers about the prices?", MEETING)
    assert found.endswith("Sarah: “Who can tell the customers about the new prices?”\nAlan: “I can write to them.”")


def test_a_question_is_answered_with_the_sentences_about_it() -> None:
    found = answer("Who reviews the design?", MEETING)
    assert "Sarah: “I will review the design by Tuesday evening.”" in found


def test_a_question_about_something_else_is_not_answered() -> None:
    assert answer("Where is the treasure?", MEETING) == "Nothing that was said shares a word with the question."


def test_nothing_said_is_nothing_answered() -> None:
    assert asked(PROMPTS["summary"], " ") == "Nothing was said."


def test_an_abbreviation_does_not_end_a_sentence() -> None:
    assert [one.text for one in sentences("Mr. Smith came. He left.")] == ["Mr. Smith came.", "He left."]


def test_words_meet_whatever_their_ending() -> None:
    assert stems("shipping ships decided deciding") == ["ship", "ship", "decid", "decid"]


@given(st.text(max_size=400), st.sampled_from(sorted(PROMPTS)))
def test_it_quotes_and_never_invents(said: str, prompt: str) -> None:
    frame = set(
        re.findall(
            r"\w+",
            "no action items were said nothing was said stands out no hedges vague or repeated words fillers open "
            "promises or very long sentences in one sentence hedged with filled is said twice does not say by when who "
            "asks nobody by name asked by this model can only quote what seems to matter most decisions",
        )
    )
    invented = set(re.findall(r"[^\W\d_]+", answer(*split_prompt(PROMPTS[prompt].replace("{{turn}}", said)))))
    said_words = set(re.findall(r"[^\W\d_]+", said))
    assert {word for word in invented if word not in said_words and word.lower() not in frame} == set()
