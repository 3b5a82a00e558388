"""A Streaming v3 endpoint for tests: a real websocket server that transcribes runs of equal samples, exactly.

A turn is a run of one non-zero sample value; its text says which value and how many samples, so that a turn that was
cut, doubled or lost reads differently. It ends after `SILENCE` zero samples.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

RATE = 16_000
SILENCE = RATE // 4
"""Zero samples that end a turn."""
PARTIAL = RATE // 10
"""Samples of a turn between two partials."""


def speech(*turns: int, samples: int = RATE // 2, pause: int = RATE // 2) -> bytes:
    """Return sound in which each of `turns`, a sample value from 1 on, is spoken once, with pauses after it."""
    parts = [np.concatenate([np.full(samples, turn), np.zeros(pause)]) for turn in turns]
    return np.concatenate(parts).astype("<i2").tobytes()


def said(turn: int, samples: int = RATE // 2) -> str:
    """Return the text of a turn whose audio all arrived."""
    return f"turn {turn} of {samples} samples"


class FakeRecogniser:
    """The recogniser of one connection. Pure: chunks in, messages out."""

    def __init__(self) -> None:
        self.position = 0
        self._order = 0
        self._value = 0
        self._start = 0
        self._length = 0
        self._silence = 0
        self._published = 0

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """Return the turns that a chunk of sound changes."""
        messages: list[dict[str, Any]] = []
        samples = np.frombuffer(chunk, "<i2")
        edges = np.flatnonzero(np.diff(samples)) + 1
        for run in np.split(samples, edges):
            value, length = int(run[0]), len(run)
            if value and self._value and (value != self._value or self._silence):
                messages.append(self._turn(final=True))
            if value:
                if not self._value:
                    self._value, self._start, self._length, self._published = value, self.position, 0, 0
                self._length += length
                self._silence = 0
            elif self._value:
                self._silence += length
                if self._silence >= SILENCE:
                    messages.append(self._turn(final=True))
            self.position += length
            if self._value and self._length - self._published >= PARTIAL:
                self._published = self._length
                messages.append(self._turn(final=False))
        return messages

    def finish(self) -> list[dict[str, Any]]:
        """Return the final of the open turn, if there is one."""
        return [self._turn(final=True)] if self._value else []

    def _turn(self, *, final: bool) -> dict[str, Any]:
        text = f"turn {self._value} of {self._length} samples"
        end = self._start + self._length
        word = {
            "text": text,
            "start": self._start * 1000 // RATE,
            "end": -(-end * 1000 // RATE),
            "confidence": 0.9,
            "word_is_final": final,
        }
        message = {
            "type": "Turn",
            "turn_order": self._order,
            "turn_is_formatted": True,
            "end_of_turn": final,
            "transcript": text,
            "end_of_turn_confidence": float(final),
            "words": [word],
        }
        if final:
            self._order += 1
            self._value = self._silence = 0
        return message


@dataclass
class Call:
    """One connection that was made."""

    query: dict[str, str]
    headers: dict[str, str]
    audio: bytearray = field(default_factory=bytearray)
    chunks: list[int] = field(default_factory=list)
    terminated: bool = False
    websocket: ServerConnection | None = None

    @property
    def prompt(self) -> str:
        """The LLM prompt it carries."""
        return str(json.loads(self.query["llm_gateway"])["messages"][0]["content"])


@dataclass
class Endpoint:
    """What it does next; change it while it runs."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    life_s: float = 10_800.0
    answers: bool = True
    answer_s: float = 0.0
    finishes_answers: bool = True
    """Whether answers that are under way still come after `Terminate`."""
    close_with: tuple[int, str] | None = None
    """Closes every new connection with this, after `Begin`, unless `error_first`."""
    error_first: str = ""
    """Sends this as an `Error` in place of `Begin`."""
    refuse_status: int = 0
    """HTTP status in place of the upgrade; 0 upgrades."""
    retry_after: str = ""
    """The `Retry-After` header of a refusal; empty for none."""
    configuration: dict[str, Any] | None = None
    """What `Begin` has of the session; `None` for nothing."""
    speaker: str = ""
    """Label of the speaker of all final turns; empty for none."""
    begin_s: float = 0.0
    finish_s: float = 0.0
    """Seconds from `Terminate` to the last turns, as of an endpoint that is behind."""
    max_sessions: int = 0
    """Most open sessions; further ones are refused with 3009. 0 sets no limit."""
    reports_capacity: bool = False
    """Whether `/healthz` has the number of sessions and their limit."""
    open_sessions: int = 0
    most_sessions: int = 0
    """Largest number of sessions that were open at the same time."""
    refused_sessions: int = 0
    requests: int = 0
    """Number of requests of any kind."""
    mute_after: int | None = None
    """Messages a connection reads before it reads no more; `None` reads all."""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the wait of connections that read no more."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    server: Server | None = None

    async def wait_for(self, what: Any, within_s: float = 60.0) -> None:
        """Wait until `what()` holds."""
        async with asyncio.timeout(within_s), self.changed:
            await self.changed.wait_for(what)

    async def cut(self) -> None:
        """Cut all connections as a broken network does."""
        for call in self.calls:
            if call.websocket is not None:
                call.websocket.transport.abort()

    async def notify(self) -> None:
        """Wake the waiting tests."""
        async with self.changed:
            self.changed.notify_all()

    async def attend(self, websocket: ServerConnection) -> None:
        """Serve one connection."""
        assert websocket.request is not None
        query = {name: values[0] for name, values in parse_qs(urlsplit(websocket.request.path).query).items()}
        call = Call(query, dict(websocket.request.headers.raw_items()), websocket=websocket)
        if self.max_sessions and self.open_sessions >= self.max_sessions:
            self.refused_sessions += 1
            await self.notify()
            await websocket.send(json.dumps({"type": "Error", "error_code": 3009, "error": "Too many sessions"}))
            await websocket.close(3009, "Too many sessions")
            return
        self.calls.append(call)
        self.open_sessions += 1
        self.most_sessions = max(self.most_sessions, self.open_sessions)
        await self.notify()
        try:
            await self._talk(websocket, call)
        except ConnectionClosed:
            await self.notify()
        finally:
            self.open_sessions -= 1

    async def _talk(self, websocket: ServerConnection, call: Call) -> None:
        async def send(**message: Any) -> None:
            await websocket.send(json.dumps(message))

        with suppress(TimeoutError):
            await asyncio.wait_for(self.let_go.wait(), self.begin_s)
        if self.error_first and self.close_with:
            await send(type="Error", error=self.error_first, error_code=self.close_with[0])
            await websocket.close(*self.close_with)
            return
        about = {"configuration": self.configuration} if self.configuration else {}
        await send(type="Begin", id=f"call-{len(self.calls)}", expires_at=int(time.time() + self.life_s), **about)
        if self.close_with:
            await websocket.close(*self.close_with)
            return
        recogniser = FakeRecogniser()
        answering: list[asyncio.Task[None]] = []

        async def turns(messages: list[dict[str, Any]]) -> None:
            for message in messages:
                label = {"speaker_label": self.speaker} if self.speaker and message["end_of_turn"] else {}
                await send(**message, **label)
                if message["end_of_turn"] and self.answers and "llm_gateway" in call.query:
                    answering.append(asyncio.create_task(answer(message)))

        async def answer(turn: dict[str, Any]) -> None:
            await asyncio.sleep(self.answer_s)
            choice = {"message": {"role": "assistant", "content": f"{call.prompt}: {turn['transcript']}"}}
            completion = {"choices": [choice], "model": "echo", "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
            await send(
                type="LLMGatewayResponse",
                turn_order=turn["turn_order"],
                transcript=turn["transcript"],
                data=completion,
            )

        read = 0
        async for message in websocket:
            read += 1
            if self.mute_after is not None and read > self.mute_after:
                await self.let_go.wait()
            if isinstance(message, bytes):
                call.audio += message
                call.chunks.append(len(message))
                await turns(recogniser.feed(message))
            elif json.loads(message)["type"] == "Terminate":
                call.terminated = True
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.let_go.wait(), self.finish_s)
                await turns(recogniser.finish())
                if not self.finishes_answers:
                    for task in answering:
                        task.cancel()
                await asyncio.gather(*answering, return_exceptions=not self.finishes_answers)
                await send(type="Termination", audio_duration_seconds=1, session_duration_seconds=1)
                await websocket.close()
            await self.notify()

    def receive(self, _: ServerConnection, request: Request) -> Response | None:
        """Answer the handshake."""
        from websockets.datastructures import Headers

        self.requests += 1
        if request.path == "/healthz" and self.reports_capacity:
            room = json.dumps({"sessions": self.open_sessions, "max_sessions": self.max_sessions}).encode()
            return Response(200, "OK", Headers({"Content-Length": str(len(room)), "Connection": "close"}), room)
        if self.refuse_status:
            headers = Headers({"Retry-After": self.retry_after} if self.retry_after else {})
            return Response(self.refuse_status, "refused", headers, b"no")
        return None


@asynccontextmanager
async def running(port: int = 0) -> AsyncIterator[Endpoint]:
    """Run an endpoint on a free port of loopback."""
    endpoint = Endpoint()
    async with serve(
        endpoint.attend, "127.0.0.1", port, process_request=endpoint.receive, max_size=None, compression=None
    ) as server:
        endpoint.server = server
        endpoint.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield endpoint
        endpoint.let_go.set()
        for call in endpoint.calls:
            if call.websocket is not None:
                call.websocket.transport.abort()
