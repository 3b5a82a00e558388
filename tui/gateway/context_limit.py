"""Shorten transcripts that exceed a model's context: drop the oldest words and say so in the answer."""

import re
from collections.abc import AsyncIterator, Sequence

import msgspec

from tui.errors import ChatError
from tui.gateway.chat_backends import ChatBackend
from tui.gateway.prompt_parts import split_prompt
from tui.llm.chunking import CONTEXT_EXCEEDED
from tui.llm.client import ChatClient, Completion, Message

TRIES = 5
SLACK = 0.85
"""Part of the share that would just fit; the rest of the prompt and the answer need room, too."""
SIZES = re.compile(r"(\d+) (?:tokens?|characters)\D+(\d+)|context length is (\d+)\D+(\d+) tokens", re.IGNORECASE)


class TruncatingBackend:
    """Retries with a shorter transcript when a backend reports that the prompt is too long.

    Args:
        inner: the backend that completes the chats.
    """

    def __init__(self, inner: ChatBackend) -> None:
        self.name = inner.name
        self.model = inner.model
        self._inner = inner

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        temperature: float | None = None,
        transcript: str = "",
    ) -> Completion:
        """Return the answer, preceded by a notice if words were left out."""
        left_out = 0
        for attempt in range(TRIES):
            try:
                answer = await self._inner.complete(
                    messages, model=model, max_tokens=max_tokens, temperature=temperature, transcript=transcript
                )
            except ChatError as error:
                messages, left_out = _shorter(messages, error, left_out, last=attempt == TRIES - 1)
            else:
                return msgspec.structs.replace(answer, text=_notice(left_out) + answer.text)
        raise AssertionError("the last try returns or raises")

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncIterator[str | Completion]:
        """Yield the answer as it arrives, after a notice if words were left out."""
        left_out = 0
        for attempt in range(TRIES):
            started = False
            try:
                pieces = self._inner.stream(messages, model=model, max_tokens=max_tokens, temperature=temperature)
                async for piece in pieces:
                    if not started and left_out:
                        yield _notice(left_out)
                    started = True
                    match piece:
                        case Completion(text=text):
                            yield msgspec.structs.replace(piece, text=_notice(left_out) + text)
                        case str():
                            yield piece
                return
            except ChatError as error:
                messages, left_out = _shorter(messages, error, left_out, last=started or attempt == TRIES - 1)

    async def models(self) -> list[str] | None:
        """Return the names of the available models."""
        return await self._inner.models()

    async def client(self) -> ChatClient | None:
        """Return the client of the inner backend."""
        return await self._inner.client()

    async def aclose(self) -> None:
        """Close the inner backend."""
        await self._inner.aclose()


def _notice(left_out: int) -> str:
    return f"(The first {left_out} words did not fit into the model and were left out.)\n\n" if left_out else ""


def _shorter(
    messages: Sequence[Message], error: ChatError, left_out: int, *, last: bool
) -> tuple[Sequence[Message], int]:
    """Return the messages with a shorter transcript, and how many words have been left out in total.

    Raises:
        ChatError: it is another error, or no words are left to leave out.
    """
    last_user = max((at for at, message in enumerate(messages) if message.role == "user"), default=-1)
    if last or last_user < 0 or not CONTEXT_EXCEEDED.search(error.message):
        raise error
    content = messages[last_user].content
    transcript = split_prompt(content)[1] or content
    at = content.rfind(transcript)
    words = list(re.finditer(r"\S+", transcript))
    drop = len(words) - int(len(words) * _share(error.message))
    if drop >= len(words):
        raise error
    kept = transcript[words[drop].start() :]
    shorter = Message(messages[last_user].role, content[:at] + kept + content[at + len(transcript) :])
    return [*messages[:last_user], shorter, *messages[last_user + 1 :]], left_out + drop


def _share(message: str) -> float:
    """Return the share of the transcript to keep, from the sizes that the server names, else half."""
    found = SIZES.search(message)
    if not found:
        return 0.5
    sizes = sorted(int(size) for size in found.groups() if size)
    return min(0.9, SLACK * sizes[0] / sizes[1]) if sizes[1] else 0.5
