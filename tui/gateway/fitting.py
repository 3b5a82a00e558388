"""Transcripts that are longer than a model's context: the oldest words go, and the answer says so."""

import re
from collections.abc import AsyncIterator, Sequence

import msgspec

from tui.errors import ChatError
from tui.gateway.chat import Answerer
from tui.gateway.extractive import split_prompt
from tui.llm.client import Completion, Message
from tui.llm.parts import TOO_LONG

TRIES = 5
SLACK = 0.85
"""What is kept of the share that would just fit: the rest of the prompt and the answer need room too."""
SIZES = re.compile(r"(\d+) (?:tokens?|characters)\D+(\d+)|context length is (\d+)\D+(\d+) tokens", re.IGNORECASE)


class Fitted:
    """Asks again with less of the transcript when a model says that it cannot take so much.

    Args:
        inner: who answers.
    """

    def __init__(self, inner: Answerer) -> None:
        self.name = inner.name
        self.model = inner.model
        self._inner = inner

    async def complete(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> Completion:
        """Return the answer; it begins by saying what was left out, if anything was."""
        left_out = 0
        for attempt in range(TRIES):
            try:
                answer = await self._inner.complete(
                    messages, model=model, max_tokens=max_tokens, temperature=temperature
                )
            except ChatError as error:
                messages, left_out = _shorter(messages, error, left_out, last=attempt == TRIES - 1)
            else:
                return msgspec.structs.replace(answer, text=_notice(left_out) + answer.text)
        raise AssertionError("the last try returns or raises")

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncIterator[str | Completion]:
        """Yield the answer as it comes, after what was left out."""
        left_out = 0
        for attempt in range(TRIES):
            told = False
            try:
                pieces = self._inner.stream(messages, model=model, max_tokens=max_tokens, temperature=temperature)
                async for piece in pieces:
                    if not told and left_out:
                        yield _notice(left_out)
                    told = True
                    match piece:
                        case Completion(text=text):
                            yield msgspec.structs.replace(piece, text=_notice(left_out) + text)
                        case str():
                            yield piece
                return
            except ChatError as error:
                messages, left_out = _shorter(messages, error, left_out, last=told or attempt == TRIES - 1)

    async def models(self) -> list[str] | None:
        """Return the names of the models there are."""
        return await self._inner.models()

    async def aclose(self) -> None:
        """Let go of what is held."""
        await self._inner.aclose()


def _notice(left_out: int) -> str:
    return f"(The first {left_out} words did not fit into the model and were left out.)\n\n" if left_out else ""


def _shorter(
    messages: Sequence[Message], error: ChatError, left_out: int, *, last: bool
) -> tuple[Sequence[Message], int]:
    """Return the messages with less of the transcript, and how many of its words are left out by now.

    Raises:
        ChatError: the error is another, or nothing is left to leave out.
    """
    at = max((at for at, message in enumerate(messages) if message.role == "user"), default=-1)
    if last or at < 0 or not TOO_LONG.search(error.message):
        raise error
    content = messages[at].content
    _, transcript = split_prompt(content)
    words = list(re.finditer(r"\S+", transcript))
    drop = len(words) - int(len(words) * _share(error.message))
    if drop >= len(words):
        raise error
    kept = transcript[words[drop].start() :]
    shorter = Message(messages[at].role, content.removesuffix(transcript).rstrip(" ") + " " + kept)
    return [*messages[:at], shorter, *messages[at + 1 :]], left_out + drop


def _share(said: str) -> float:
    """Return how much of the transcript to keep, from the sizes that a server names, else half."""
    found = SIZES.search(said)
    if not found:
        return 0.5
    sizes = sorted(int(size) for size in found.groups() if size)
    return min(0.9, SLACK * sizes[0] / sizes[1]) if sizes[1] else 0.5
