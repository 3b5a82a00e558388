"""`livegist web` as a process, and pages without a browser."""

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import pyte
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tui.engine.process import LOCK_NAME, is_running
from tui.paths import runtime_dir

PATIENCE_S = 90.0
"""Longest wait for anything: the machine may be busy."""
SIZE = (100, 30)
"""Columns and rows of a page."""
LIVEGIST = (sys.executable, "-P", "-m", "tui")


class Served(NamedTuple):
    """A running `livegist web`."""

    url: str
    """Address of its page."""
    process: asyncio.subprocess.Process
    line: str
    """What it has printed."""

    @property
    def socket_url(self) -> str:
        """Address of its WebSocket."""
        return f"{self.url.replace('http', 'ws', 1)}ws"


@asynccontextmanager
async def web(
    *options: str, environ: Mapping[str, str] | None = None, stderr: int | None = None
) -> AsyncIterator[Served]:
    """Run `livegist web` on a free port, and end it and the engine that its pages have started.

    Args:
        options: options of the command.
        environ: environment variables beside those of this process.
        stderr: where its errors go, as of `subprocess`; `None` for those of this process.
    """
    process = await asyncio.create_subprocess_exec(
        *LIVEGIST, "web", "--port", "0", *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        env=os.environ | (environ or {}),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = (await process.stdout.readline()).decode()
        assert line, "livegist web has ended"
        yield Served(line.split()[0], process, line)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.communicate()
        if is_running(runtime_dir()) and (pid := int((runtime_dir() / LOCK_NAME).read_text())) != os.getpid():
            os.kill(pid, signal.SIGTERM)


class BarePage:
    """A page without a browser, with a terminal of `SIZE`.

    Args:
        websocket: its connection.
    """

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self._screen = pyte.Screen(*SIZE)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """What the terminal shows."""
        return "\n".join(self._screen.display)

    async def until_shown(self, text: str) -> None:
        """Wait until the terminal shows a text.

        Raises:
            AssertionError: it never does.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while text not in self.text:
                    message = await self._websocket.recv()
                    if isinstance(message, bytes):
                        self._stream.feed(message)
        except (TimeoutError, ConnectionClosed) as error:
            raise AssertionError(f"never shown: {text} ({error!r})\n{self.text}") from error

    async def type(self, text: str) -> None:
        """Type a text."""
        await self._websocket.send(json.dumps(["stdin", text]))

    async def until_closed(self) -> None:
        """Wait until the page is closed."""
        async with asyncio.timeout(PATIENCE_S):
            async for _ in self._websocket:
                pass


@asynccontextmanager
async def bare_page(served: Served, trust: ssl.SSLContext | None = None, **headers: str) -> AsyncIterator[BarePage]:
    """Open a page.

    Args:
        served: the server.
        trust: for an address with TLS.
        headers: of the request.
    """
    url = "{}?width={}&height={}".format(served.socket_url, *SIZE)
    async with connect(url, additional_headers=headers, max_size=None, open_timeout=PATIENCE_S, ssl=trust) as websocket:
        yield BarePage(websocket)
