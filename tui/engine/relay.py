"""The engine's protocol over a pipe: what `ssh HOST livegist relay` runs, so that the viewer may be elsewhere.

To the viewer: a greeting, after whatever a login shell may print, then one deflate stream of events, a line of JSON
each, flushed ten times a second. Most of what is told resembles what was told before, and each flush is a packet whose
wrapping outweighs it: so the line carries less than 1 kB a second. From the viewer: commands, a line of JSON each.
"""

import asyncio
import contextlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from tui.engine.client import EngineClient
from tui.engine.process import SOCKET_NAME
from tui.engine.viewer_queue import CoalescingQueue
from tui.errors import UsageError
from tui.model.commands import COMMAND_BYTES
from tui.model.commands import decode as decode_command
from tui.model.events import Rejected
from tui.model.events import encode as encode_event

GREETING = b"livegist relay 1\n"
FLUSH_INTERVAL_S = 0.1
"""Seconds between two flushes; a level meter that moves ten times a second is alive enough for a line far away."""
STDIN, STDOUT = 0, 1


async def relay(folder: Path, start: Callable[[], None]) -> None:
    """Carry events from the engine in `folder` to stdout and commands from stdin to it, until either end goes.

    Args:
        folder: holds the engine's socket.
        start: starts an engine there, if none comes by itself.

    Raises:
        EngineError: there is no engine.
    """
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(COMMAND_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), os.fdopen(STDIN, "rb", buffering=0))
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(STDOUT, "wb", buffering=0)
    )
    out = asyncio.StreamWriter(transport, protocol, None, loop)
    client = EngineClient(folder / SOCKET_NAME, start=start)
    outbox = CoalescingQueue()
    tasks = [
        asyncio.ensure_future(work)
        for work in (
            _collect_events(client, outbox),
            _send_events(outbox, out),
            _forward_commands(commands, client, outbox),
        )
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(OSError):
        await out.drain()
    for end in ends:
        if isinstance(end, Exception) and not isinstance(end, OSError):
            raise end


async def _collect_events(client: EngineClient, outbox: CoalescingQueue) -> None:
    """Collect events until the engine goes, or the line is too slow for them: then a snapshot serves it better."""
    async for event in client.events():
        outbox.put(event)
        if outbox.overflowed:
            return


async def _send_events(outbox: CoalescingQueue, out: asyncio.StreamWriter) -> None:
    """Send what was collected, ten times a second, as fast as the line takes it."""
    out.write(GREETING)
    packer = zlib.compressobj()
    while True:
        if len(outbox):
            while (event := outbox.get()) is not None:
                out.write(packer.compress(encode_event(event).encode() + b"\n"))
            out.write(packer.flush(zlib.Z_SYNC_FLUSH))
            await out.drain()
        await asyncio.sleep(FLUSH_INTERVAL_S)


async def _forward_commands(commands: asyncio.StreamReader, client: EngineClient, outbox: CoalescingQueue) -> None:
    """Pass commands on until the viewer goes."""
    while True:
        try:
            line = await _read_line(commands)
            if not line:
                return
            await client.send(decode_command(line))
        except msgspec.MsgspecError as error:
            outbox.put(Rejected(f"That is no command: {error}.", "Is the viewer of another version?"))
        except UsageError as error:
            outbox.put(Rejected(error.message, error.hint))


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """Return the next line, empty at the end.

    Raises:
        UsageError: it was longer than the stream's limit, and was skipped.
    """
    too_long = False
    while True:
        try:
            line = await stream.readuntil()
        except asyncio.LimitOverrunError as error:
            await stream.readexactly(error.consumed)
            too_long = True
        except asyncio.IncompleteReadError as error:
            return error.partial
        else:
            if too_long:
                raise UsageError("The command is too long.", f"At most {COMMAND_BYTES:,} bytes can be sent.")
            return line
