from hypothesis import given
from hypothesis import strategies as st

from tui.llm.prompt_messages import session_messages, turn_messages
from tui.llm.protocol import Message
from tui.model.prompts import Prompt

PROMPT = Prompt(name="Sum", turn="Sum up: {{turn}}!", session="Sum up all:\n{{transcript}}")


@given(st.text())
def test_the_words_go_where_the_placeholder_was(words: str) -> None:
    assert turn_messages(PROMPT, words) == [Message("user", f"Sum up: {words}!")]
    assert session_messages(PROMPT, words) == [Message("user", f"Sum up all:\n{words}")]


def test_a_placeholder_that_somebody_spoke_stays_as_spoken() -> None:
    (message,) = turn_messages(PROMPT, "say {{turn}} and {{transcript}}")
    assert message.content == "Sum up: say {{turn}} and {{transcript}}!"


def test_the_placeholder_is_filled_wherever_it_stands() -> None:
    twice = Prompt(name="", turn="{{turn}} / {{turn}}", session="{{transcript}}")
    assert turn_messages(twice, "a")[0].content == "a / a"
