"""Messages of a request: a prompt applied to a turn or to a whole session."""

from tui.llm.protocol import Message
from tui.model.prompts import TRANSCRIPT, TURN, Prompt


def turn_messages(prompt: Prompt, turn_text: str) -> list[Message]:
    """Return the messages that apply `prompt` to one turn."""
    return [Message("user", prompt.turn.replace(TURN, turn_text))]


def session_messages(prompt: Prompt, transcript_text: str) -> list[Message]:
    """Return the messages that apply `prompt` to the transcript of a session so far."""
    return [Message("user", prompt.session.replace(TRANSCRIPT, transcript_text))]
