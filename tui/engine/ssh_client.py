"""The viewer's end of a relay: an engine on another machine, over ssh."""

import asyncio
import tempfile
import zlib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import IO

from tui.engine.client import read_event
from tui.engine.relay import GREETING
from tui.errors import EngineError
from tui.model.commands import Command
from tui.model.commands import encode as encode_command
from tui.model.events import Event

GREETING_LIMIT = 64 * 1024
"""Most bytes that a login may print before the relay speaks."""
READ_BYTES = 64 * 1024
END_S = 2.0
"""Longest wait for ssh to end once it is told to."""
ALIVE_S = 2
"""Seconds between two signs of life that ssh asks for; after two without an answer it gives the line up."""


def ssh_command(host: str, options: Iterable[str], remote: str) -> list[str]:
    """Return the words that run a relay on another machine.

    Args:
        host: as ssh takes it: `[user@]host` or a name in its config.
        options: for ssh's `-o`, such as `Port=2222`.
        remote: the command that is livegist there.
    """
    given = [word for option in options for word in ("-o", option)]
    alive = ["-o", f"ServerAliveInterval={ALIVE_S}", "-o", "ServerAliveCountMax=2"]
    # ssh must ask for nothing: the screen is the viewer's.
    return ["ssh", "-T", *given, "-o", "BatchMode=yes", *alive, "--", host, f"{remote} relay"]


class SSHEngineClient:
    """A connection to an engine that another program carries.

    Args:
        command: runs a relay.
        where: the machine, for a person.
    """

    def __init__(self, command: Sequence[str], where: str) -> None:
        self._command = command
        self._where = where
        self._process: Process | None = None

    async def events(self) -> AsyncIterator[Event]:
        """Connect and yield a `Snapshot`, then every event, until the line is cut or the engine goes.

        Call it again to come back: it starts with a fresh snapshot.

        Raises:
            EngineError: there is no way to the engine, or it speaks another version.
        """
        with tempfile.TemporaryFile() as said:
            process = await self._start(said)
            self._process = process
            assert process.stdout is not None
            try:
                buffer = await self._read_greeting(process.stdout, said)
                unpacker = zlib.decompressobj()
                lines = b""
                while buffer:
                    *whole, lines = (lines + self._decompress_events(unpacker, buffer)).split(b"\n")
                    for line in whole:
                        yield read_event(line)
                    buffer = await process.stdout.read(READ_BYTES)
            finally:
                self._process = None
                await _terminate(process)

    async def send(self, command: Command) -> bool:
        """Send a command; return whether there was a connection to send it over.

        Raises:
            UsageError: the command is too long.
        """
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            return False
        try:
            process.stdin.write(encode_command(command).encode() + b"\n")
            await process.stdin.drain()
        except OSError:
            return False
        return True

    async def _start(self, said: IO[bytes]) -> Process:
        try:
            # In a session of its own it has no terminal to ask for a password on.
            return await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=said, start_new_session=True
            )
        except OSError as error:
            raise EngineError(f"{self._command[0]} cannot be run: {error.strerror}.", "Install OpenSSH.") from error

    async def _read_greeting(self, out: asyncio.StreamReader, said: IO[bytes]) -> bytes:
        """Return what follows the greeting, at least one byte.

        Raises:
            EngineError: the relay does not speak; says what ssh says.
        """
        start = b""
        while len(start) < GREETING_LIMIT:
            more = await out.read(READ_BYTES)
            if not more:
                break
            start += more
            _, greeting, rest = start.partition(GREETING)
            if greeting and rest:
                return rest
        said.seek(0)
        words = said.read().decode(errors="replace").strip().splitlines()
        raise EngineError(
            f"{self._where}: {words[-1] if words else 'livegist does not answer there.'}",
            f"It must work without a password and find livegist: ssh {self._where} livegist --version",
        )

    @staticmethod
    def _decompress_events(unpacker: "zlib._Decompress", packed: bytes) -> bytes:
        try:
            return unpacker.decompress(packed)
        except zlib.error as error:
            raise EngineError(
                f"The relay cannot be understood: {error}.", "Is livegist there of another version?"
            ) from error


async def _terminate(process: Process) -> None:
    """End ssh, and what it runs there with it."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
