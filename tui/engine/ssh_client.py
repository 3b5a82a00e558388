"""Client of an engine on another machine: runs `livegist relay` there over SSH."""

import asyncio
import contextlib
import shlex
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

RELAY = " relay"
"""What follows the path to livegist in the remote command."""
NOT_FOUND = 127
"""Exit code of a shell that does not find a command."""
GREETING_LIMIT = 64 * 1024
"""Maximum number of bytes that a login shell may print before the relay's greeting."""
READ_BYTES = 64 * 1024
END_S = 2.0
"""Longest wait for ssh to exit after SIGTERM."""
ALIVE_S = 2
"""Seconds between two keepalive messages of ssh, which closes the connection after two without an answer."""


def ssh_command(host: str, options: Iterable[str], remote: str) -> list[str]:
    """Return the command that runs a relay on another machine.

    Args:
        host: destination as ssh takes it: `[user@]host` or a name in its config.
        options: values of ssh's option `-o`, such as `Port=2222`.
        remote: the command that runs livegist on that machine.
    """
    extra = [word for option in options for word in ("-o", option)]
    keepalive = ["-o", f"ServerAliveInterval={ALIVE_S}", "-o", "ServerAliveCountMax=2"]
    # BatchMode keeps ssh from prompting: the viewer uses the terminal.
    return ["ssh", "-T", *extra, "-o", "BatchMode=yes", *keepalive, "--", host, f"{remote}{RELAY}"]


def ssh_replay_command(host: str, options: Iterable[str], remote: str, session: str) -> list[str]:
    """Return the command that replays a session of another machine in this terminal; arguments as `ssh_command`."""
    extra = [word for option in options for word in ("-o", option)]
    return ["ssh", "-t", *extra, "--", host, f"{remote} replay {shlex.quote(session)}"]


class SSHEngineClient:
    """A connection to an engine over the pipes of a relay's process.

    Args:
        command: command that runs a relay.
        host: display name of the machine.
    """

    def __init__(self, command: Sequence[str], host: str) -> None:
        self._command = command
        self._host = host
        self._process: Process | None = None

    async def events(self) -> AsyncIterator[Event]:
        """Connect and yield a `Snapshot`, then every event, until the connection closes.

        Call it again to reconnect: it starts with a new snapshot.

        Raises:
            EngineError: the engine cannot be reached, or it is another version.
        """
        with tempfile.TemporaryFile() as stderr:
            process = await self._start(stderr)
            self._process = process
            assert process.stdout is not None
            try:
                buffer = await self._read_greeting(process, process.stdout, stderr)
                decompressor = zlib.decompressobj()
                lines = b""
                while buffer:
                    *whole, lines = (lines + self._decompress_events(decompressor, buffer)).split(b"\n")
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

    def revive(self) -> None:
        """Do nothing: a relay starts an engine wherever none is running."""

    async def _start(self, stderr: IO[bytes]) -> Process:
        try:
            # In a session of its own, ssh has no terminal on which to ask for a password.
            return await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=stderr, start_new_session=True
            )
        except OSError as error:
            raise EngineError(f"{self._command[0]} cannot be run: {error.strerror}.", "Install OpenSSH.") from error

    async def _read_greeting(self, process: Process, out: asyncio.StreamReader, stderr: IO[bytes]) -> bytes:
        """Return the bytes after the greeting, at least one.

        Raises:
            EngineError: there is no greeting; the message is the last line that ssh printed.
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
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await process.wait()
        stderr.seek(0)
        lines = stderr.read().decode(errors="replace").strip().splitlines()
        remote = self._command[-1].removesuffix(RELAY)
        hint = f"Check that this works without a password: ssh {self._host} {remote} --version"
        if process.returncode == NOT_FOUND:
            hint = f"Install livegist on {self._host}, or name its path there with --remote."
        raise EngineError(f"{self._host} cannot be reached: {_reason(lines)}.", hint)

    @staticmethod
    def _decompress_events(decompressor: "zlib._Decompress", packed: bytes) -> bytes:
        try:
            return decompressor.decompress(packed)
        except zlib.error as error:
            raise EngineError(
                f"The relay sent invalid data: {error}.", "Use the same version of livegist on both machines."
            ) from error


async def _terminate(process: Process) -> None:
    """Terminate ssh, which also ends the relay."""
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


def _reason(lines: Sequence[str]) -> str:
    """Return the last line that ssh printed, without its name and full stop; SSH ends lines with a carriage return."""
    last = lines[-1].strip() if lines else "livegist does not respond there"
    return last.removeprefix("ssh: ").rstrip(".")
