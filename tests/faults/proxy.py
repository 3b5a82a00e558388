"""A network that fails on request: a TCP proxy on loopback that cuts, blackholes, delays and throttles."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

BUFFER = 16 * 1024
"""Buffer size of the proxy's sockets, in bytes: a real network does not buffer megabytes either."""
PIECE = 1024
"""Maximum number of bytes forwarded at a time."""


class Proxy:
    """A TCP proxy between a client and a server on loopback; its attributes may change while it is in use."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._carrying: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay_s = 0.0
        """Delay of each block, in seconds."""
        self.rate: float | None = None
        """Bytes per second in each direction; `None` for no limit."""
        self.passed = 0
        """Number of bytes forwarded from the server to the client."""

    async def listen(self) -> None:
        """Accept connections; later calls use the same port."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        listening.bind(("127.0.0.1", self.port))
        self._server = await asyncio.start_server(self._carry, sock=listening, limit=BUFFER)
        self.port = listening.getsockname()[1]

    def refuse(self) -> None:
        """Accept no more connections, and reset the open ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Reset every connection."""
        for line in self._lines:
            with suppress(OSError):
                line.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.transport.abort()

    def blackhole(self) -> None:
        """Forward nothing: connections stay open, and new ones are accepted but get no answer."""
        self._open.clear()

    def restore(self) -> None:
        """Forward again; reset the connections that lost data meanwhile."""
        self.cut()
        self._open.set()

    async def close(self) -> None:
        """Close all connections and stop."""
        self.refuse()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        self._lines.add(writer)
        try:
            await self._open.wait()
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target, limit=BUFFER)
            self._lines.add(there_writer)
            there_writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass(reader, there_writer, down=False))
                    both.create_task(self._pass(there_reader, writer, down=True))
            finally:
                self._lines.discard(there_writer)
                there_writer.transport.abort()
        except* (OSError, EOFError):
            pass
        finally:
            self._carrying.discard(task)
            self._lines.discard(writer)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, down: bool) -> None:
        writer.transport.set_write_buffer_limits(high=PIECE)
        while piece := await reader.read(PIECE):
            await self._open.wait()
            if self.delay_s or self.rate:
                await asyncio.sleep(self.delay_s + (len(piece) / self.rate if self.rate else 0.0))
            writer.write(piece)
            await writer.drain()
            self.passed += len(piece) * down
        raise EOFError


@asynccontextmanager
async def between(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Start a proxy for the server at `ws://127.0.0.1:PORT`; yield it and the URL to use instead."""
    proxy = Proxy(int(url.rpartition(":")[2]))
    await proxy.listen()
    try:
        yield proxy, f"ws://127.0.0.1:{proxy.port}"
    finally:
        await proxy.close()
