"""Chat completions over HTTP: whole or streamed, with the two shapes of error that the vendor has."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tui.errors import ChatError
from tui.gateway.chat import Answerer, chat_completion, usage
from tui.gateway.metrics import Metrics
from tui.llm.client import Completion, Message

LARGEST_BODY = 2 * 1024 * 1024
"""Bytes of a request; a three-hour transcript has a fifth of a megabyte."""
BODY_S = 30.0
"""Longest a request may take to come."""
CHATS_AT_ONCE = 8
DEFAULT_MAX_TOKENS = 1000


class _Part(msgspec.Struct, frozen=True):
    type: str = "text"
    text: str = ""


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | tuple[_Part, ...]

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class Asked(msgspec.Struct, frozen=True):
    """A request, as far as it is understood here."""

    messages: Annotated[tuple[_Message, ...], msgspec.Meta(min_length=1)]
    model: str = ""
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None

    @property
    def chat(self) -> tuple[Message, ...]:
        """The messages as text."""
        return tuple(Message(message.role, message.text) for message in self.messages)

    @property
    def limit(self) -> int:
        """Most tokens of the answer."""
        return self.max_completion_tokens or self.max_tokens or DEFAULT_MAX_TOKENS


class Completions:
    """Serves `/v1/chat/completions` and `/v1/models`.

    Args:
        answerer: who answers.
        metrics: counts.
        clock: seconds.
    """

    def __init__(self, answerer: Answerer, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._answerer = answerer
        self._metrics = metrics
        self._clock = clock
        self._places = asyncio.Semaphore(CHATS_AT_ONCE)

    async def models(self, request: Request) -> Response:
        """Serve the list of models."""
        names = await self._answerer.models() or []
        about = {"object": "model", "created": int(time.time()), "owned_by": self._answerer.name}
        return JSONResponse({"object": "list", "data": [{"id": name} | about for name in names]})

    async def chat(self, request: Request) -> Response:
        """Serve one chat."""
        try:
            asked = msgspec.json.decode(await _body(request), type=Asked)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return refused(400, f"Invalid request: {error}")
        except _TooLarge:
            return refused(413, f"A request may have {LARGEST_BODY} bytes")
        except TimeoutError:
            return refused(408, f"The request did not come within {BODY_S:g} s")
        if self._places.locked():
            return failed(ChatError("Too many chats at once", status=429, retry=True, retry_after_s=1))
        async with self._places:
            return await (self._streamed(asked) if asked.stream else self._whole(asked))

    async def _whole(self, asked: Asked) -> Response:
        began = self._clock()
        try:
            answer = await self._answerer.complete(
                asked.chat, model=asked.model, max_tokens=asked.limit, temperature=asked.temperature
            )
        except ChatError as error:
            self._count("failed", began)
            return failed(error)
        self._count("answered", began)
        return JSONResponse(chat_completion(answer))

    async def _streamed(self, asked: Asked) -> Response:
        """Return a stream once its first piece is there: until then an error has a status of its own."""
        began = self._clock()
        pieces = aiter(
            self._answerer.stream(asked.chat, model=asked.model, max_tokens=asked.limit, temperature=asked.temperature)
        )
        try:
            first = await anext(pieces)
        except ChatError as error:
            self._count("failed", began)
            return failed(error)
        return StreamingResponse(self._events(asked, first, pieces, began), media_type="text/event-stream")

    async def _events(
        self, asked: Asked, first: str | Completion, pieces: AsyncIterator[str | Completion], began: float
    ) -> AsyncIterator[str]:
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": self._answerer.model or asked.model,
        }
        usage_wanted = asked.stream_options is not None and asked.stream_options.include_usage
        async with self._places:
            try:
                async for piece in _led(first, pieces):
                    match piece:
                        case str():
                            yield _event(head | {"choices": [_choice({"role": "assistant", "content": piece})]})
                        case Completion():
                            end = _choice({}, piece.finish_reason or "stop")
                            head["model"] = piece.model or head["model"]
                            yield _event(head | {"choices": [end]})
                            if usage_wanted:
                                yield _event(head | {"choices": [], "usage": usage(piece)})
            except ChatError as error:
                self._count("failed", began)
                yield _event({"error": {"message": error.message, "code": 502}})
                return
        self._count("answered", began)
        yield "data: [DONE]\n\n"

    def _count(self, outcome: str, began: float) -> None:
        self._metrics.count("answers_total", label=f'outcome="{outcome}"')
        self._metrics.count("answer_seconds_sum", self._clock() - began)


def refused(status: int, message: str) -> Response:
    """Return an error of the request, in the vendor's first shape."""
    return JSONResponse({"error": message, "status": status, "request_id": uuid.uuid4().hex}, status)


def failed(error: ChatError) -> Response:
    """Return an error of the model, in the vendor's second shape.

    What a server elsewhere finds wrong with the request is the client's to mend; a key that it refuses is ours.
    """
    theirs = 400 <= error.status < 500 and error.status not in (401, 403)
    status = error.status if theirs else 503 if error.retry else 502
    wait = {} if error.retry_after_s is None else {"retry-after": str(round(error.retry_after_s))}
    body = {"code": status, "message": error.message, "request_id": uuid.uuid4().hex, "metadata": {}}
    return JSONResponse(body, status, headers=wait)


class _TooLarge(Exception):
    """A request has more bytes than anybody needs."""


async def _body(request: Request) -> bytes:
    body = bytearray()
    async with asyncio.timeout(BODY_S):
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY:
                raise _TooLarge
    return bytes(body)


async def _led(first: str | Completion, pieces: AsyncIterator[str | Completion]) -> AsyncIterator[str | Completion]:
    yield first
    async for piece in pieces:
        yield piece


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _event(fields: dict[str, Any]) -> str:
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n"
