"""Questions about texts longer than a model's context: asked chunk by chunk, the answers merged into one."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import msgspec

from tui.errors import ChatError
from tui.llm.client import ChatClient
from tui.llm.protocol import Completion, Message

CHARACTERS_PER_TOKEN = 3
"""Conservative number of characters in a token: English has about four, other languages have fewer."""
MIN_CHARACTERS = 600
"""Minimum length of a chunk, in characters."""
MAX_DEPTH = 4
"""Maximum number of rounds of merging answers before the request fails."""
CONTEXT_EXCEEDED = re.compile(
    r"context (?:size|length|window)|maximum context|too long|too many tokens|prompt is longer", re.I
)
"""Matches the error messages of servers for a text that exceeds the model's context."""

MakeMessages = Callable[[str], list[Message]]
"""Makes the messages of a request from a text."""


class ChunkProgress(msgspec.Struct, frozen=True):
    """A chunk is being sent to the model."""

    number: int
    """Counted from 1."""
    total: int
    """Number of chunks."""


class ChunkedAsker:
    """Asks a model about a text of any length.

    Args:
        chat: client of the server.
        model: name of the model.
        max_tokens: maximum number of tokens in an answer.
        context_tokens: estimated context of the model in tokens, for question and answer together. If the server
            reports that a request exceeds the context, the request is repeated with smaller chunks.
    """

    def __init__(self, chat: ChatClient, *, model: str, max_tokens: int, context_tokens: int) -> None:
        self._chat = chat
        self._model = model
        self._max_tokens = max_tokens
        # Reserves at most half of the context for the answer: answers seldom reach max_tokens.
        self._max_characters = (context_tokens - min(max_tokens, context_tokens // 2)) * CHARACTERS_PER_TOKEN

    async def ask(
        self, lines: Sequence[str], ask: MakeMessages, merge: MakeMessages
    ) -> AsyncGenerator[str | ChunkProgress | Completion, None]:
        """Yield a `ChunkProgress` for each chunk, then the answer's text as it streams, and last the `Completion`.

        Args:
            lines: the text; it is split between lines, and within a line only if the line alone is too long.
            ask: makes the messages that ask about the text, or about a part of it.
            merge: makes the messages that ask for one answer out of several, a paragraph each.

        Raises:
            ChatError: the request failed.
        """
        while True:
            streaming = False
            try:
                async with aclosing(self._ask(lines, ask, merge)) as pieces:
                    async for piece in pieces:
                        streaming = streaming or isinstance(piece, str)
                        yield piece
                return
            except ChatError as error:
                if streaming or not CONTEXT_EXCEEDED.search(error.message) or self._max_characters <= MIN_CHARACTERS:
                    raise
                half = max(self._max_characters // 2, MIN_CHARACTERS)
                self._max_characters = min(half, max(MIN_CHARACTERS, sum(map(len, lines)) // 2))

    async def _ask(
        self, lines: Sequence[str], ask: MakeMessages, merge: MakeMessages
    ) -> AsyncGenerator[str | ChunkProgress | Completion, None]:
        used_input = used_output = 0
        for _ in range(MAX_DEPTH):
            room = max(MIN_CHARACTERS, self._max_characters - sum(len(message.content) for message in ask("")))
            parts = split_text(lines, room)
            if len(parts) <= 1:
                break
            answers: list[str] = []
            for number, part in enumerate(parts, 1):
                yield ChunkProgress(number, len(parts))
                done = await self._chat.complete(ask(part), model=self._model, max_tokens=self._max_tokens)
                used_input += done.input_tokens
                used_output += done.output_tokens
                answers.append(f"Part {number} of {len(parts)}:\n{done.text.strip()}\n")
            lines, ask = answers, merge
        else:
            raise ChatError(
                "The transcript is too long even in chunks.", "Increase context_tokens, or ask about fewer turns."
            )
        text = parts[0] if parts else ""
        pieces = self._chat.stream(ask(text), model=self._model, max_tokens=self._max_tokens)
        async with aclosing(pieces):
            async for piece in pieces:
                match piece:
                    case Completion():
                        yield msgspec.structs.replace(
                            piece,
                            input_tokens=piece.input_tokens + used_input,
                            output_tokens=piece.output_tokens + used_output,
                        )
                    case str():
                        yield piece


def split_text(lines: Sequence[str], max_characters: int) -> list[str]:
    """Return the text in parts of at most `max_characters`, about equally long, split between lines if possible."""
    short = [line[at : at + max_characters] for line in lines for at in range(0, max(1, len(line)), max_characters)]
    total = sum(len(line) + 1 for line in short)
    for count in range(-(-total // (max_characters + 1)), len(short)):
        parts = _distribute(short, count, total)
        if max(map(len, parts)) <= max_characters:
            return parts
    return short


def _distribute(lines: Sequence[str], count: int, total: int) -> list[str]:
    """Return at most `count` parts; the middle of a line decides which part it belongs to."""
    parts: list[list[str]] = [[] for _ in range(count)]
    at = 0
    for line in lines:
        parts[(2 * at + len(line)) * count // (2 * total)].append(line)
        at += len(line) + 1
    return ["\n".join(part) for part in parts if part]
