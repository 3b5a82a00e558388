"""What an LLM made of a turn, of a whole session, or of a question."""

from enum import StrEnum

import msgspec


class GistStatus(StrEnum):
    """How far an answer has come."""

    WAITING = "waiting"
    STREAMING = "streaming"
    DONE = "done"
    TIMED_OUT = "timed out"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether no more text is expected."""
        return self not in (GistStatus.WAITING, GistStatus.STREAMING)


class Gist(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Which prompt said what of which turn."""

    number: int
    """The session's own count of gists, from 1. A later value with the same number replaces this one."""
    turn: int | None
    """Number of the turn; `None` if it is about the whole session so far."""
    prompt: str
    """Id of the prompt that made it."""
    text: str = ""
    """Markdown, as the model wrote it. Text from outside: show it inert."""
    status: GistStatus = GistStatus.WAITING
    model: str = ""
    """Name of the model that answered, as the answer says; empty before it does."""
    input_tokens: int = 0
    output_tokens: int = 0
    latency_s: float = 0.0
    """Seconds from the question (for a turn: from its final) to the whole answer."""
    error: str = ""
    """Why there is no answer, for a person."""
    question: str = ""
    """What was asked, if a person asked; empty for a prompt."""
    turns: int = 0
    """How many turns the answer is about, for a whole session."""
