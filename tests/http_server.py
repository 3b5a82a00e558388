"""An HTTP server that gives scripted answers, byte by byte if need be."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

REASON = "Because"


class Asked(msgspec.Struct):
    """A request that the server got."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Answer(msgspec.Struct):
    """What the server sends back."""

    status: int = 200
    body: Any = None
    """Bytes go as they are, anything else as JSON."""
    headers: dict[str, str] = {}
    pieces: Sequence[bytes] | None = None
    """Sent instead of the body, each as a chunk of its own."""
    breaks: bool = False
    """Cut the connection where the body should end."""
    hangs: bool = False
    """Send nothing more where the body should end."""
    to: str = ""
    """Words of the body of the request that it answers; empty for any request."""


class Server:
    """Answers each request with the first of `answers` that is for it, and keeps what it was asked."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self.url = ""
        self._open = 0
        self.connections = 0
        """How many there have been."""
        self.unused = asyncio.Event()
        """Set while no connection is open."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self._open += 1
        self.connections += 1
        self.unused.clear()
        try:
            while request := await _request(reader):
                self.asked.append(request)
                body = str(request.body)
                answer = self.answers.pop(next(at for at, one in enumerate(self.answers) if one.to in body))
                for part in _written(answer):
                    writer.write(part)
                    await writer.drain()
                if answer.hangs:
                    await reader.read()
                if answer.breaks or answer.hangs:
                    return
        finally:
            writer.close()
            self._open -= 1
            if not self._open:
                self.unused.set()


async def _request(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, path, _ = first.split()
    return Asked(method, path, headers, json.loads(body) if body else None)


def _written(answer: Answer) -> Iterator[bytes]:
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    headers = {"content-type": "application/json"} | answer.headers
    if answer.pieces is None:
        headers["content-length"] = str(len(body) + (100 if answer.breaks or answer.hangs else 0))
    else:
        headers["transfer-encoding"] = "chunked"
    lines = [f"HTTP/1.1 {answer.status} {REASON}", *(f"{name}: {value}" for name, value in headers.items())]
    yield ("\r\n".join(lines) + "\r\n\r\n").encode()
    if answer.pieces is None:
        yield body
        return
    for piece in answer.pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    if not (answer.breaks or answer.hangs):
        yield b"0\r\n\r\n"


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[Server]:
    """Run a server on a free port of loopback."""
    server = Server(answers)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listening.close()
