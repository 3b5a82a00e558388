"""What a viewer is told, byte by byte: what `attach --ssh` carries."""

import asyncio
import time
from contextlib import suppress

from tui.engine.process import SOCKET
from tui.paths import runtime_dir

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SETTLE_S = 2.0


def bytes_told(seconds: float) -> float:
    """Return bytes a second that the engine tells another viewer, once that has its snapshot."""
    return asyncio.run(_listen(seconds))


async def _listen(seconds: float) -> float:
    reader, writer = await asyncio.open_unix_connection(str(runtime_dir() / SOCKET))
    writer.write(HANDSHAKE)
    await _count(reader, SETTLE_S)
    started = time.monotonic()
    told = await _count(reader, seconds)
    writer.close()
    return told / (time.monotonic() - started)


async def _count(reader: asyncio.StreamReader, seconds: float) -> int:
    told = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while piece := await reader.read(65536):
                told += len(piece)
    return told
