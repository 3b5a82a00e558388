"""Chat completions over HTTP, whole or streamed, with the vendor's two error formats."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tui.errors import ChatError
from tui.gateway.chat_backends import ChatBackend, chat_completion, usage
from tui.gateway.metrics import Metrics
from tui.llm.client import ChatClient, Completion, Message

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Largest request; a three-hour transcript has about 0.2 MB."""
BODY_TIMEOUT_S = 30.0
"""Longest time for a request's body to arrive."""
MAX_CONCURRENT_CHATS = 8
DEFAULT_MAX_TOKENS = 1000
PLAIN_FIELDS = frozenset(
    {"messages", "model", "max_tokens", "max_completion_tokens", "temperature", "stream", "stream_options"}
)
"""A request with other fields is forwarded as it is."""


class _Part(msgspec.Struct, frozen=True):
    type: str = "text"
    text: str = ""


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | tuple[_Part, ...] | None = None
    tool_calls: tuple[dict[str, Any], ...] | None = None

    def __post_init__(self) -> None:
        if self.content is None and not self.tool_calls:
            raise ValueError("a message needs content or tool_calls")

    @property
    def text(self) -> str:
        if isinstance(self.content, tuple):
            return "".join(part.text for part in self.content)
        return self.content or ""


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class _Format(msgspec.Struct, frozen=True):
    type: str = "text"


class ChatRequest(msgspec.Struct, frozen=True):
    """A request; unknown fields are ignored, or forwarded to a server that completes the chats."""

    messages: Annotated[tuple[_Message, ...], msgspec.Meta(min_length=1)]
    model: str = ""
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    stop: str | Annotated[tuple[str, ...], msgspec.Meta(max_length=16)] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=16)] | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: _Format | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts before which the answer ends."""
        found = (self.stop,) if isinstance(self.stop, str) else self.stop or ()
        return tuple(filter(None, found))

    @property
    def unsupported(self) -> str:
        """What is asked for that takes a language model, as a sentence; empty if nothing is."""
        if self.tools and self.tool_choice != "none":
            return "The extractive model cannot call tools; use --llm-url or --llm-file, or tool_choice none."
        if self.response_format and self.response_format.type != "text":
            return f"The extractive model cannot answer as {self.response_format.type}; use --llm-url or --llm-file."
        return ""

    @property
    def chat(self) -> tuple[Message, ...]:
        """The messages as text."""
        return tuple(Message(message.role, message.text) for message in self.messages)

    @property
    def limit(self) -> int:
        """Most tokens that the answer may have."""
        return self.max_completion_tokens or self.max_tokens or DEFAULT_MAX_TOKENS


class Completions:
    """Serves `/v1/chat/completions` and `/v1/models`.

    Args:
        chat_backend: completes the chats.
        metrics: takes the counts.
        clock: returns seconds.
    """

    def __init__(
        self, chat_backend: ChatBackend, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._chat_backend = chat_backend
        self._metrics = metrics
        self._clock = clock
        self._places = asyncio.Semaphore(MAX_CONCURRENT_CHATS)

    async def models(self, http: Request) -> Response:
        """Serve the list of models, or the one that the path names."""
        names = await self._chat_backend.models() or []
        about = {"object": "model", "created": int(time.time()), "owned_by": self._chat_backend.name}
        name = http.path_params.get("id")
        if name is None:
            return JSONResponse({"object": "list", "data": [{"id": name} | about for name in names]})
        if name not in names:
            return request_error(404, f"The model {name!r} does not exist")
        return JSONResponse({"id": name} | about)

    async def chat(self, http: Request) -> Response:
        """Serve one chat."""
        try:
            body = msgspec.json.decode(await _read_body(http))
            request = msgspec.convert(body, ChatRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return request_error(400, f"Invalid request: {error}")
        except _BodyTooLargeError:
            return request_error(413, f"The request is larger than {MAX_BODY_BYTES} bytes")
        except TimeoutError:
            return request_error(408, f"The request did not arrive within {BODY_TIMEOUT_S:g} s")
        if self._places.locked():
            return backend_error(ChatError("Too many concurrent chats", status=429, retry=True, retry_after_s=1))
        async with self._places:
            try:
                client = await self._chat_backend.client()
            except ChatError as error:
                return backend_error(error)
            if client and not _is_plain(body):
                return await self._forwarded(client, body, stream=request.stream)
            if not client and request.unsupported:
                return request_error(400, request.unsupported)
            return await (self._streamed(request) if request.stream else self._whole(request))

    async def _forwarded(self, client: ChatClient, body: dict[str, Any], *, stream: bool) -> Response:
        """Return a server's own answer to the request as the client wrote it, but for a model that is set here."""
        began = self._clock()
        if self._chat_backend.model:
            body = body | {"model": self._chat_backend.model}
        try:
            if not stream:
                answer = await client.forward(body)
                self._count("answered", began)
                return JSONResponse({"request_id": str(uuid.uuid4())} | answer)
            pieces = client.forward_stream(body)
            first = await anext(pieces, None)
        except ChatError as error:
            self._count("failed", began)
            return backend_error(error)
        return _event_stream(self._forwarded_events(first, pieces, began))

    async def _forwarded_events(
        self, first: str | None, pieces: AsyncGenerator[str, None], began: float
    ) -> AsyncIterator[str]:
        async with self._places, aclosing(pieces):
            try:
                if first is not None:
                    yield f"data: {first}\n\n"
                async for piece in pieces:
                    yield f"data: {piece}\n\n"
            except ChatError as error:
                self._count("failed", began)
                yield _event({"error": {"message": error.message, "code": 502}})
                return
        self._count("answered", began)
        yield "data: [DONE]\n\n"

    async def _whole(self, request: ChatRequest) -> Response:
        began = self._clock()
        try:
            answer = await self._chat_backend.complete(
                request.chat, model=request.model, max_tokens=request.limit, temperature=request.temperature
            )
        except ChatError as error:
            self._count("failed", began)
            return backend_error(error)
        self._count("answered", began)
        return JSONResponse(chat_completion(_stopped(answer, request.stops), request.n or 1))

    async def _streamed(self, request: ChatRequest) -> Response:
        """Return a stream once its first piece is there: until then an error can still set the status."""
        began = self._clock()
        pieces = aiter(
            self._stopped_stream(request)
            if request.stops
            else self._chat_backend.stream(
                request.chat, model=request.model, max_tokens=request.limit, temperature=request.temperature
            )
        )
        try:
            first = await anext(pieces)
        except ChatError as error:
            self._count("failed", began)
            return backend_error(error)
        return _event_stream(self._events(request, first, pieces, began))

    async def _stopped_stream(self, request: ChatRequest) -> AsyncIterator[str | Completion]:
        answer = await self._chat_backend.complete(
            request.chat, model=request.model, max_tokens=request.limit, temperature=request.temperature
        )
        whole = _stopped(answer, request.stops)
        yield whole.text
        yield whole

    async def _events(
        self, request: ChatRequest, first: str | Completion, pieces: AsyncIterator[str | Completion], began: float
    ) -> AsyncIterator[str]:
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "request_id": str(uuid.uuid4()),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": self._chat_backend.model or request.model,
        }
        include_usage = request.stream_options is not None and request.stream_options.include_usage
        async with self._places:
            try:
                async for piece in _prepend(first, pieces):
                    match piece:
                        case str():
                            yield _event(head | _choices({"role": "assistant", "content": piece}, request.n))
                        case Completion():
                            head["model"] = piece.model or head["model"]
                            yield _event(head | _choices({}, request.n, piece.finish_reason or "stop"))
                            if include_usage:
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


def _is_plain(body: dict[str, Any]) -> bool:
    """Return whether a request has nothing but text and the options that every backend knows."""
    fields = {name for name, value in body.items() if value is not None}
    return fields <= PLAIN_FIELDS and all(
        message.keys() <= {"role", "content"} and _is_text(message["content"]) for message in body["messages"]
    )


def _is_text(content: Any) -> bool:
    return isinstance(content, str) or all(part.get("type", "text") == "text" for part in content)


def _stopped(answer: Completion, stops: tuple[str, ...]) -> Completion:
    """Return an answer up to the first of some texts."""
    end = min((at for at in map(answer.text.find, stops) if at >= 0), default=None)
    return answer if end is None else msgspec.structs.replace(answer, text=answer.text[:end], finish_reason="stop")


def request_error(status: int, message: str) -> Response:
    """Return an error of the request, in the vendor's first format."""
    return JSONResponse({"error": message, "status": status, "request_id": uuid.uuid4().hex}, status)


def backend_error(error: ChatError) -> Response:
    """Return an error of the backend, in the vendor's second format.

    The client can fix a request that the proxied server rejects, but not a key that it rejects.
    """
    is_client_error = 400 <= error.status < 500 and error.status not in (401, 403)
    status = error.status if is_client_error else 503 if error.retry else 502
    wait = {} if error.retry_after_s is None else {"retry-after": str(round(error.retry_after_s))}
    body = {"code": status, "message": error.message, "request_id": uuid.uuid4().hex, "metadata": {}}
    return JSONResponse(body, status, headers=wait)


class _BodyTooLargeError(Exception):
    """The request's body is larger than `MAX_BODY_BYTES`."""


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async with asyncio.timeout(BODY_TIMEOUT_S):
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                raise _BodyTooLargeError
    return bytes(body)


async def _prepend(first: str | Completion, pieces: AsyncIterator[str | Completion]) -> AsyncIterator[str | Completion]:
    yield first
    async for piece in pieces:
        yield piece


def _choices(delta: dict[str, str], count: int | None, finish_reason: str | None = None) -> dict[str, Any]:
    """Return the equal choices of an event."""
    choices = [{"index": at, "delta": delta, "finish_reason": finish_reason} for at in range(count or 1)]
    return {"choices": choices}


def _event_stream(events: AsyncIterator[str]) -> Response:
    """Return a response whose pieces reach the client at once: nginx would collect them."""
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _event(fields: dict[str, Any]) -> str:
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n"
