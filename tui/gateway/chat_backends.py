"""Backends of chat completions: a proxy to another server, and the extractive summariser."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from tui.errors import ChatError
from tui.gateway import extractive
from tui.gateway.prompt_parts import LABEL, is_marked, split_chat
from tui.llm.client import ChatClient, Completion, Message
from tui.model.prompts import TURN
from tui.stream.query import LLMGateway

MAX_TRANSCRIPT_CHARS = 400_000
"""Longest transcript that the extractive summariser takes: eight hours of speech."""


class ChatBackend(Protocol):
    """Completes chats."""

    name: str
    """Its name in the line that `livegist serve` prints."""
    model: str
    """The model that answers whatever the client names; empty if the client's choice holds."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        temperature: float | None = None,
        transcript: str = "",
    ) -> Completion:
        """Return the whole answer.

        Args:
            messages: the chat.
            model: the client's choice.
            max_tokens: most tokens of the answer.
            temperature: `None` for the model's own.
            transcript: the part of the messages that the chat is about, if the caller knows it.

        Raises:
            ChatError: there is no answer.
        """

    def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncIterator[str | Completion]:
        """Yield the answer's text as it arrives, and finally the whole.

        Raises:
            ChatError: there is no answer, or it broke off.
        """

    async def models(self) -> list[str] | None:
        """Return the names of the available models; `None` if they are unknown."""

    async def client(self) -> ChatClient | None:
        """Return the client of the server that completes the chats, `None` if there is no server.

        Raises:
            ChatError: the server cannot be started.
        """

    async def aclose(self) -> None:
        """Close connections and release models."""


class ExtractiveBackend:
    """Answers with sentences of the transcript."""

    name = model = extractive.MODEL

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        temperature: float | None = None,
        transcript: str = "",
    ) -> Completion:
        """Return the transcript's sentences that fit the user's last message best.

        Raises:
            ChatError: the transcript is too long.
        """
        instruction, transcript = _asked(messages, transcript)
        if len(transcript) > MAX_TRANSCRIPT_CHARS:
            raise ChatError(
                f"The transcript is too long: {len(transcript)} characters of {MAX_TRANSCRIPT_CHARS}", status=413
            )
        # A long transcript takes seconds, and the loop has to receive audio meanwhile.
        text = await asyncio.to_thread(extractive.answer, instruction, transcript)
        words = text.split(" ")
        cut = len(words) > max_tokens
        return Completion(
            text=" ".join(words[:max_tokens]),
            model=extractive.MODEL,
            input_tokens=sum(len(message.content.split()) for message in messages),
            output_tokens=min(len(words), max_tokens),
            finish_reason="length" if cut else "stop",
        )

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncIterator[str | Completion]:
        """Yield the answer line by line, then the whole."""
        whole = await self.complete(messages, model=model, max_tokens=max_tokens)
        for line in whole.text.splitlines(keepends=True):
            yield line
        yield whole

    async def models(self) -> list[str] | None:
        """Return its own name."""
        return [extractive.MODEL]

    async def client(self) -> ChatClient | None:
        """Return `None`: it asks no server."""
        return None

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


class ProxyBackend:
    """Passes chats to an OpenAI-compatible server.

    Args:
        client: of that server.
        model: requested instead of the client's choice; empty passes the client's choice on.
    """

    def __init__(self, client: ChatClient, model: str = "") -> None:
        self.name = model or "upstream"
        self.model = model
        self._client = client

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        temperature: float | None = None,
        transcript: str = "",
    ) -> Completion:
        """Return the server's answer."""
        return await self._client.complete(
            messages, model=self.model or model, max_tokens=max_tokens, temperature=temperature
        )

    def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncIterator[str | Completion]:
        """Yield the server's answer as it arrives."""
        return self._client.stream(messages, model=self.model or model, max_tokens=max_tokens, temperature=temperature)

    async def models(self) -> list[str] | None:
        """Return the server's models."""
        return [self.model] if self.model else await self._client.models()

    async def client(self) -> ChatClient | None:
        """Return the client of the server."""
        return self._client

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def fill_prompt(asked: LLMGateway, turn: str) -> tuple[Message, ...]:
    """Return the messages with a turn's text in place of `{{turn}}`."""
    return tuple(
        Message(message.get("role", "user"), message.get("content", "").replace(TURN, turn))
        for message in asked.messages
    )


def chat_completion(completion: Completion, choices: int = 1) -> dict[str, Any]:
    """Return an answer as the body of a chat completion, with a number of equal choices."""
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "request_id": str(uuid.uuid4()),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": completion.model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": completion.text},
                "finish_reason": completion.finish_reason or "stop",
            }
            for index in range(choices)
        ],
        "usage": usage(completion),
    }


def usage(completion: Completion) -> dict[str, int]:
    """Return the token counts under both of the vendor's names."""
    return {
        "prompt_tokens": completion.input_tokens,
        "completion_tokens": completion.output_tokens,
        "total_tokens": completion.input_tokens + completion.output_tokens,
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
    }


def _asked(messages: Sequence[Message], transcript: str) -> tuple[str, str]:
    """Return the instruction and the transcript of a chat; without a task, the system's instruction comes first.

    Args:
        messages: the chat.
        transcript: if it is known; else empty.
    """
    if transcript:
        last = next((message.content for message in reversed(messages) if message.role == "user"), "")
        instruction = LABEL.sub("", last.replace(transcript, " ")).strip()
    else:
        instruction, transcript = split_chat(messages)
    system = " ".join(
        message.content for message in messages if message.role == "system" and not is_marked(message.content)
    )
    has_task = instruction and extractive.task(instruction) is not extractive.Task.OTHER
    return instruction if has_task else f"{system} {instruction}".strip(), transcript
