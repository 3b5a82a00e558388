"""Ask about a text that may be longer than a model reads at once: in parts, whose answers are then made into one."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import msgspec

from tui.errors import ChatError
from tui.llm.client import ChatClient
from tui.llm.protocol import Completion, Message

CHARACTERS_PER_TOKEN = 3
"""Characters of a token, carefully: English has four, other languages have fewer."""
MIN_CHARACTERS = 600
"""Characters of a part, below which it makes no sense to ask."""
MAX_DEPTH = 4
"""How often answers about parts are made into fewer before it is given up."""
CONTEXT_EXCEEDED = re.compile(
    r"context (?:size|length|window)|maximum context|too long|too many tokens|prompt is longer", re.I
)
"""How servers say that a model cannot take so much."""

MakeMessages = Callable[[str], list[Message]]
"""Makes a chat of a text."""


class ChunkProgress(msgspec.Struct, frozen=True):
    """The model reads a part now."""

    number: int
    """From 1."""
    total: int


class ChunkedAsker:
    """Asks a model that reads so much at once.

    Args:
        chat: its server.
        model: its name.
        max_tokens: most tokens of an answer.
        context_tokens: tokens of question and answer that it takes at once, as far as is known. A server that says
            that it was too much is asked again with less.
    """

    def __init__(self, chat: ChatClient, *, model: str, max_tokens: int, context_tokens: int) -> None:
        self._chat = chat
        self._model = model
        self._max_tokens = max_tokens
        # An answer gets at most half of what there is: a limit of max_tokens is seldom used up.
        self._max_characters = (context_tokens - min(max_tokens, context_tokens // 2)) * CHARACTERS_PER_TOKEN

    async def ask(
        self, lines: Sequence[str], ask: MakeMessages, merge: MakeMessages
    ) -> AsyncGenerator[str | ChunkProgress | Completion, None]:
        """Yield the answer's text as it comes and at last the whole of it; before that each `Part` that is read.

        Args:
            lines: the text; it is only cut between lines, unless one alone is too long.
            ask: makes the messages that ask about the text, or about a part of it.
            merge: makes the messages that ask for one answer out of several, a paragraph each.

        Raises:
            ChatError: there is no answer.
        """
        while True:
            told = False
            try:
                async with aclosing(self._ask(lines, ask, merge)) as pieces:
                    async for piece in pieces:
                        told = told or isinstance(piece, str)
                        yield piece
                return
            except ChatError as error:
                if told or not CONTEXT_EXCEEDED.search(error.message) or self._max_characters <= MIN_CHARACTERS:
                    raise
                longest = max(self._max_characters // 2, MIN_CHARACTERS)
                self._max_characters = min(longest, max(MIN_CHARACTERS, sum(map(len, lines)) // 2))

    async def _ask(
        self, lines: Sequence[str], about: MakeMessages, merge: MakeMessages
    ) -> AsyncGenerator[str | ChunkProgress | Completion, None]:
        used_input = used_output = 0
        ask = about
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
                "The transcript is too long to be read even in parts.", "Raise context_tokens, or ask about less."
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
    """Return the text in parts of at most `most` characters, about equally long, cut between lines if possible."""
    short = [line[at : at + max_characters] for line in lines for at in range(0, max(1, len(line)), max_characters)]
    total = sum(len(line) + 1 for line in short)
    for count in range(-(-total // (max_characters + 1)), len(short)):
        parts = _distribute(short, count, total)
        if max(map(len, parts)) <= max_characters:
            return parts
    return short


def _distribute(lines: Sequence[str], count: int, total: int) -> list[str]:
    """Return at most `count` parts; a line goes where its middle falls."""
    parts: list[list[str]] = [[] for _ in range(count)]
    at = 0
    for line in lines:
        parts[(2 * at + len(line)) * count // (2 * total)].append(line)
        at += len(line) + 1
    return ["\n".join(part) for part in parts if part]
