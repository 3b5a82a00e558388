"""What to ask an LLM: about a turn, about a whole session."""

from tui.llm.protocol import Message
from tui.model.prompts import TRANSCRIPT, TURN, Prompt


def turn_messages(prompt: Prompt, turn_text: str) -> list[Message]:
    """Return the chat that asks `prompt` about one turn."""
    return [Message("user", prompt.turn.replace(TURN, turn_text))]


def session_messages(prompt: Prompt, transcript_text: str) -> list[Message]:
    """Return the chat that asks `prompt` about a whole session, or as much of it as there is."""
    return [Message("user", prompt.session.replace(TRANSCRIPT, transcript_text))]
