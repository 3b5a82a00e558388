"""Transcripts that are too long for a model lose their oldest words."""

from collections.abc import AsyncIterator, Sequence

import pytest

from tui.errors import ChatError
from tui.gateway.context_limit import TruncatingBackend
from tui.llm.client import ChatClient, Completion, Message


class Small:
    """Takes at most so many words."""

    name = model = "small"

    def __init__(self, words: int) -> None:
        self._words = words
        self.asked = 0

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        temperature: float | None = None,
        transcript: str = "",
    ) -> Completion:
        self.asked += 1
        size = len(messages[-1].content.split())
        if size > self._words:
            raise ChatError(f"request ({size} tokens) exceeds the available context size ({self._words} tokens)")
        return Completion(messages[-1].content)

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncIterator[str | Completion]:
        whole = await self.complete(messages, model=model, max_tokens=max_tokens)
        yield whole.text
        yield whole

    async def models(self) -> list[str] | None:
        return None

    async def client(self) -> ChatClient | None:
        return None

    async def aclose(self) -> None:
        pass


LONG = [Message("user", "Sum up.\n\nTranscript: " + " ".join(str(number) for number in range(1000)))]


async def test_a_transcript_too_long_loses_its_oldest_words_and_the_answer_says_so() -> None:
    small = Small(200)
    answer = await TruncatingBackend(small).complete(LONG, model="m", max_tokens=9)
    said, _, rest = answer.text.partition("\n\n")
    left_out = int(said.split()[2])
    assert said == f"(The first {left_out} words did not fit into the model and were left out.)"
    assert rest == f"Sum up.\n\nTranscript: {' '.join(str(number) for number in range(left_out, 1000))}"
    assert small.asked == 2


async def test_a_streamed_answer_says_so_first() -> None:
    pieces = [piece async for piece in TruncatingBackend(Small(200)).stream(LONG, model="m", max_tokens=9)]
    assert str(pieces[0]).startswith("(The first ")
    assert isinstance(pieces[-1], Completion)
    assert pieces[-1].text == "".join(piece for piece in pieces if isinstance(piece, str))


async def test_a_prompt_that_never_fits_is_an_error() -> None:
    with pytest.raises(ChatError, match="exceeds"):
        await TruncatingBackend(Small(2)).complete(LONG, model="m", max_tokens=9)
