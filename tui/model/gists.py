"""Gists: an LLM's answer about a turn, about a whole session, or to a question."""

from enum import StrEnum

import msgspec


class GistStatus(StrEnum):
    """Progress of a gist."""

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
    """One answer of an LLM."""

    number: int
    """Counted from 1 within the session. A later gist with the same number replaces this one."""
    turn: int | None
    """Number of the turn; `None` if the gist is about the whole session so far."""
    prompt: str
    """Id of the prompt."""
    text: str = ""
    """Markdown, as the model wrote it. Untrusted: sanitise it before display."""
    status: GistStatus = GistStatus.WAITING
    model: str = ""
    """Name of the model, as the response gives it; empty until then."""
    input_tokens: int = 0
    output_tokens: int = 0
    latency_s: float = 0.0
    """Seconds from the request (for a turn: from its final) to the complete answer; 0 if not measured."""
    error: str = ""
    """Why there is no answer, for a person; empty otherwise."""
    question: str = ""
    """The question of a person; empty for a prompt."""
    turns: int = 0
    """Number of turns that the answer covers, for a whole session."""
