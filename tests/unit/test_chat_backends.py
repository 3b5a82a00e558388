"""Answers of the extractive backend, and the place of a turn in a prompt."""

import pytest

from tui.gateway.chat_backends import ExtractiveBackend, fill_prompt
from tui.llm.client import Message
from tui.stream.query import LLMGateway


def test_the_turn_replaces_exactly_its_placeholder() -> None:
    asked = LLMGateway("m", ({"role": "system", "content": "{{ turn }}"}, {"role": "user", "content": "On {{turn}}"}))
    assert fill_prompt(asked, "it {{turn}}s") == (Message("system", "{{ turn }}"), Message("user", "On it {{turn}}s"))


async def test_an_extractive_answer_names_its_model() -> None:
    chat = [Message("user", "Summarise.\n\nTranscript: We ship on Monday.")]
    answer = await ExtractiveBackend().complete(chat, model="gpt-9", max_tokens=100)
    assert (answer.model, answer.text) == ("extractive", "We ship on Monday.")
    cut = await ExtractiveBackend().complete(chat, model="gpt-9", max_tokens=2)
    assert (cut.text, cut.finish_reason) == ("We ship", "length")


@pytest.mark.parametrize(
    ("system", "user"),
    [
        ("You are a coach who gives feedback.", "List the action items.\n\nTranscript: I will write today. It rains."),
        ("List the action items.", "Here is the transcript:\nI will write today. It rains."),
        ("List the action items.", "I will write today. It rains."),
    ],
)
async def test_the_request_of_the_user_takes_precedence_over_the_system_prompt(system: str, user: str) -> None:
    chat = [Message("system", system), Message("user", user)]
    answer = await ExtractiveBackend().complete(chat, model="m", max_tokens=100)
    assert answer.text == "- I will write today. (today)"


@pytest.mark.parametrize(
    ("chat", "said"),
    [
        ([("user", "Summarise what was said.")], "Nothing was said."),
        ([("user", "Say hello.")], "Nothing was said."),
        ([("user", "Summarise this: We ship on Monday.")], "We ship on Monday."),
        ([("user", "We ship on Monday.\n\nSummarise the text above. Be brief.")], "We ship on Monday."),
        (
            [("user", "You are an assistant.\n\nRules:\n- Be brief\n- Use no lists\n\nWe ship on Monday.")],
            "We ship on Monday.",
        ),
        ([("user", "<transcript>\nWe ship on Monday.\n</transcript>\n\nWrite a summary.")], "We ship on Monday."),
        ([("user", "Write a summary.\n\n```\nWe ship on Monday.\n```")], "We ship on Monday."),
        ([("user", "Transcript: We ship on Monday.\n\nSummarise it in one sentence.")], "We ship on Monday."),
        ([("system", "Transcript: We ship on Monday."), ("user", "Summarise it.")], "We ship on Monday."),
        (
            [("user", "Transcript: We ship on Monday."), ("assistant", "Yes."), ("user", "Sum it up.")],
            "We ship on Monday.",
        ),
        ([("system", "You are a helpful assistant."), ("user", "Summarise.")], "Nothing was said."),
    ],
)
async def test_the_words_of_the_instruction_are_not_quoted(chat: list[tuple[str, str]], said: str) -> None:
    answer = await ExtractiveBackend().complete([Message(*message) for message in chat], model="m", max_tokens=100)
    assert answer.text.removeprefix("(This model can only quote. What seems to matter most:)\n") == said


@pytest.mark.parametrize(
    "template", ["{{turn}}\n\nSum up!", "Ann asks: {{turn}} What do you say?", "{{turn}}", "It is: {{turn}}"]
)
async def test_a_turn_is_quoted_and_nothing_around_it(template: str) -> None:
    turn = "Summarise the plan. We ship on Monday."
    chat = [Message("user", template.replace("{{turn}}", turn))]
    answer = await ExtractiveBackend().complete(chat, model="m", max_tokens=100, transcript=turn)
    text = answer.text.removeprefix("(This model can only quote. What seems to matter most:)\n")
    assert text.strip("“”") in (
        "We ship on Monday.",
        "Summarise the plan.",
        "Nothing that was said shares a word with the question.",
    )
