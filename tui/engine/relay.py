"""Relay (`ssh HOST livegist relay`): carries the engine's protocol over stdin and stdout, for a remote viewer.

To the viewer: a greeting, after anything that a login shell prints, then one deflate stream of events, each a line of
JSON, flushed ten times a second. Events resemble earlier ones, so they compress well, and few flushes mean few packets:
the connection carries less than 1 kB a second. From the viewer: commands, each a line of JSON.
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
"""Seconds between two flushes; for a remote viewer, ten levels a second are enough."""
STDIN, STDOUT = 0, 1


async def relay(folder: Path, start: Callable[[], None]) -> None:
    """Copy events from the engine to stdout and commands from stdin to the engine, until either end closes.

    Args:
        folder: folder of the engine's socket.
        start: starts an engine, if none is running.

    Raises:
        EngineError: the engine cannot be reached.
    """
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(COMMAND_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), os.fdopen(STDIN, "rb", buffering=0))
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(STDOUT, "wb", buffering=0)
    )
    out = asyncio.StreamWriter(transport, protocol, None, loop)
    client = EngineClient(folder / SOCKET_NAME, start=start)
    queue = CoalescingQueue()
    tasks = [
        asyncio.ensure_future(coroutine)
        for coroutine in (
            _collect_events(client, queue),
            _send_events(queue, out),
            _forward_commands(commands, client, queue),
        )
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(OSError):
        await out.drain()
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, OSError):
            raise result


async def _collect_events(client: EngineClient, queue: CoalescingQueue) -> None:
    """Queue events until the engine closes, or the queue overflows: the viewer then reconnects for a snapshot."""
    async for event in client.events():
        queue.put(event)
        if queue.overflowed:
            return


async def _send_events(queue: CoalescingQueue, out: asyncio.StreamWriter) -> None:
    """Send queued events every `FLUSH_INTERVAL_S`, or as fast as the connection allows."""
    out.write(GREETING)
    compressor = zlib.compressobj()
    while True:
        if len(queue):
            while (event := queue.get()) is not None:
                out.write(compressor.compress(encode_event(event).encode() + b"\n"))
            out.write(compressor.flush(zlib.Z_SYNC_FLUSH))
            await out.drain()
        await asyncio.sleep(FLUSH_INTERVAL_S)


async def _forward_commands(commands: asyncio.StreamReader, client: EngineClient, queue: CoalescingQueue) -> None:
    """Forward commands until the viewer closes its end."""
    while True:
        try:
            line = await _read_line(commands)
            if not line:
                return
            await client.send(decode_command(line))
        except msgspec.MsgspecError as error:
            queue.put(Rejected(f"Not a valid command: {error}.", "Use the same version of livegist on both machines."))
        except UsageError as error:
            queue.put(Rejected(error.message, error.hint))


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """Return the next line, or what is left at EOF.

    Raises:
        UsageError: the line was longer than the stream's limit and was skipped.
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
