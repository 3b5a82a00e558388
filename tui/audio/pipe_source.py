"""Audio source on standard input or a program's output: raw s16le mono at 16 kHz, or a WAV of any rate."""

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path

from tui.audio import wav
from tui.audio.file_format import WEB_PAGE, file_format
from tui.audio.pacing import RealtimePacer, take_blocks
from tui.audio.wav import MAX_HEADER_BYTES, SAMPLE_BYTES, Format
from tui.credentials import without_keys
from tui.errors import SourceError

STDIN = 0
RAW_FORMAT = Format(16_000)
"""Assumed format of audio without a header."""
READ_BYTES = 1 << 14
LEAD_S = 0.5
"""Seconds by which a pipe may be ahead of real time, so that live audio with a late start or bursts is not delayed."""
SPEED = 1.001
"""Maximum speed of a pipe relative to real time. No live clock is so fast, so live audio is never delayed."""
EXIT_TIMEOUT_S = 2.0
"""Seconds to wait for a program's exit, after the end of its output and after each signal."""
STDERR_TAIL_BYTES = 4096
"""Number of bytes kept from the end of a program's stderr."""


class PipeSource:
    """Yields the audio from a pipe: live audio at once, recorded audio in real time.

    Args:
        file: descriptor to read.
        name: display name.
        sample_rate: output samples per second.
        at_end: awaited at the end of the pipe; raises if the audio ended because of a failure.
        clock: monotonic time in seconds.
    """

    finite = True
    overflows = 0

    def __init__(
        self,
        file: int,
        name: str,
        sample_rate: int,
        at_end: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._file = file
        self._sample_rate = sample_rate
        self._at_end = at_end
        self._clock = clock

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield blocks of s16le mono PCM.

        Raises:
            SourceError: the data is not readable audio or is empty, or the program failed.
        """
        pacer = RealtimePacer(self._sample_rate, lead_s=LEAD_S, speed=SPEED, clock=self._clock)
        buffer = bytearray()
        silent = True
        async for pcm in self._sound():
            buffer += pcm
            for block in take_blocks(buffer, self._sample_rate):
                await asyncio.sleep(pacer.wait_s(len(block) // SAMPLE_BYTES))
                silent = False
                yield block
        if buffer:
            await asyncio.sleep(pacer.wait_s(len(buffer) // SAMPLE_BYTES))
            yield bytes(buffer)
        if self._at_end:
            await self._at_end()
        if silent and not buffer:
            raise SourceError(f"No audio came from {self.name}.", "Write raw 16 kHz mono s16le, or a WAV.")

    def flush(self) -> bytes:
        """Return nothing: audio that was read ahead of real time is not part of the session."""
        return b""

    async def _sound(self) -> AsyncIterator[bytes]:
        """Yield the pipe's audio as s16le mono at the output rate, in pieces of any length."""
        from tui.audio.convert import Converter

        header, start = await self._header()
        converter = Converter(header.format, self._sample_rate)
        remaining = header.size
        while start:
            pcm = start if remaining is None else start[:remaining]
            yield converter.feed(pcm)
            if remaining is not None:
                remaining -= len(pcm)
            start = b"" if remaining == 0 else await read(self._file, READ_BYTES)
        yield converter.feed(b"", last=True)

    async def _header(self) -> tuple[wav.Header, bytes]:
        """Return the header, and the audio that was read together with it."""
        start = b""
        while len(start) < MAX_HEADER_BYTES:
            more = await read(self._file, READ_BYTES)
            start += more
            format = file_format(start)
            if format is None and more:
                continue
            if format:
                # Read as raw audio, it would be noise.
                raise self._unreadable(f"it is {format}", format)
            try:
                header = wav.parse(start)
            except wav.InvalidWavError as error:
                if start.startswith(b"RIFF") and start[8:12] == b"WAVE":
                    raise self._unreadable(str(error)) from error
                return wav.Header(RAW_FORMAT, 0, None), start
            if header is not None:
                return header, start[header.offset :]
            if not start:
                return wav.Header(RAW_FORMAT, 0, None), b""
            if not more:
                break
        raise self._unreadable("it ends before its audio")

    def _unreadable(self, reason: str, format: str = "") -> SourceError:
        if format == WEB_PAGE:
            hint = "Check the address that it was read from."
        elif shutil.which("ffmpeg"):
            hint = "Convert it with ffmpeg: --source 'cmd:ffmpeg -v error -i FILE -f wav -'"
        else:
            hint = "Save it to a file first: --source FILE reads this format too."
        return SourceError(f"The audio from {self.name} cannot be read: {reason}.", hint)


def _is_null(fd: int) -> bool:
    """Return whether `fd` is closed or the null device."""
    try:
        return os.path.samestat(os.fstat(fd), Path(os.devnull).stat())
    except OSError:
        return True


@asynccontextmanager
async def open_stdin(*, sample_rate: int, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[PipeSource]:
    """Open standard input as a source.

    Raises:
        SourceError: stdin is a terminal, closed, or the null device, as in an engine process.
    """
    hint = "Pipe audio into it: parec … | livegist stream --source -"
    if os.isatty(STDIN):
        raise SourceError("Standard input is a terminal, not audio.", hint)
    if _is_null(STDIN):
        raise SourceError("Standard input is empty.", hint)
    yield PipeSource(STDIN, "stdin", sample_rate, clock=clock)


@asynccontextmanager
async def open_fifo(
    path: Path, *, sample_rate: int, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[PipeSource]:
    """Open a named pipe as a source; the program that writes to it may start later.

    Raises:
        SourceError: it cannot be opened.
    """
    try:
        # A blocking open would wait for the writer.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror or error}.", "Check its permissions.") from error
    try:
        os.set_blocking(file, True)
        yield PipeSource(file, path.name, sample_rate, clock=clock)
    finally:
        os.close(file)


@asynccontextmanager
async def open_program(
    command: str, *, sample_rate: int, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[PipeSource]:
    """Run a program without a shell and without the API keys, and read its stdout; close ends the program.

    Raises:
        SourceError: the program cannot be started.
    """
    arguments = _split(command)
    with contextlib.ExitStack() as pipes:
        audio, audio_in = _pipe(pipes)
        stderr, stderr_in = _pipe(pipes)
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=DEVNULL,
                stdout=audio_in,
                stderr=stderr_in,
                env=without_keys(os.environ),
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(
                f"{arguments[0]} cannot be started: {error.strerror or error}.", "Install it, or give its full path."
            ) from error
        audio_in.close()
        stderr_in.close()
        program = _SourceProgram(process, Path(arguments[0]).name, stderr)
        try:
            yield PipeSource(audio.fileno(), program.name, sample_rate, program.finish, clock)
        finally:
            await program.close()


def _split(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise SourceError(f"cmd:{command} is not a valid command: {error}.", "Quote it as for a shell.") from error
    if not arguments:
        raise SourceError("cmd: needs a program.", "Example: cmd:parec --rate=16000 --channels=1 --format=s16le")
    return arguments


def _pipe(pipes: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    """Return the read end and the write end of a pipe, both closed with `pipes`."""
    read_end, write_end = os.pipe()
    return pipes.enter_context(FileIO(read_end, "rb")), pipes.enter_context(FileIO(write_end, "wb"))


class _SourceProgram:
    """A running source program: keeps the end of its stderr, and ends the program on close.

    Args:
        process: the process, in a process group of its own.
        name: name of the program in messages.
        stderr: read end of the pipe for the program's stderr.
    """

    def __init__(self, process: Process, name: str, stderr: FileIO) -> None:
        self.name = name
        self._process = process
        self._stderr = stderr
        self._stderr_tail = b""
        os.set_blocking(stderr.fileno(), False)
        asyncio.get_running_loop().add_reader(stderr.fileno(), self._read_stderr)

    async def finish(self) -> None:
        """Wait for the program to exit.

        Raises:
            SourceError: the program failed; the message quotes the last line of its stderr.
        """
        try:
            async with asyncio.timeout(EXIT_TIMEOUT_S):
                code = await self._process.wait()
        except TimeoutError:
            return
        self._read_stderr()
        if code:
            lines = self._stderr_tail.decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "no error message")
            cause = f"signal {-code}" if code < 0 else f"code {code}"
            message = f"{self.name} ended with {cause}: {last.removesuffix('.')}."
            raise SourceError(message, "Run it in a shell to see the problem.")

    async def close(self) -> None:
        """End the program's process group, and wait for the program to exit."""
        asyncio.get_running_loop().remove_reader(self._stderr.fileno())

        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal_number)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EXIT_TIMEOUT_S):
                        await self._process.wait()

    def _read_stderr(self) -> None:
        """Read the available stderr and keep its end."""
        while True:
            try:
                more = os.read(self._stderr.fileno(), STDERR_TAIL_BYTES)
            except BlockingIOError:
                return
            if not more:
                asyncio.get_running_loop().remove_reader(self._stderr.fileno())
                return
            self._stderr_tail = (self._stderr_tail + more)[-STDERR_TAIL_BYTES:]


async def read(file: int, size: int) -> bytes:
    """Return at most `size` bytes as soon as some are available; empty at the end.

    The descriptor stays blocking: other processes may share it.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(file, ready.set)
    except PermissionError:
        # epoll and kqueue do not support regular files; reading one blocks only briefly.
        return await asyncio.to_thread(os.read, file, size)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)
    return os.read(file, size)
