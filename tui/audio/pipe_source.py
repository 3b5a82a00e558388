"""Sound from standard input or from a program: raw s16le mono at 16 kHz, or a WAV of any rate."""

import asyncio
import contextlib
import os
import shlex
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path

from tui.audio import wav
from tui.audio.pacing import RealtimePacer, take_blocks
from tui.audio.wav import SAMPLE_BYTES, Format
from tui.credentials import without_keys
from tui.errors import SourceError

STDIN = 0
RAW_FORMAT = Format(16_000)
"""What is taken for granted of sound without a header."""
READ_BYTES = 1 << 14
MAX_HEADER_BYTES = 1 << 20
"""Most bytes before the sound of a WAV."""
LEAD_S = 0.5
"""Seconds a pipe may be ahead of real time, so that a live one that started late or comes in bursts is not held up."""
SPEED = 1.001
"""How fast a recording is let through. No live clock is that much too fast, so none is ever slowed down."""
EXIT_TIMEOUT_S = 2.0
"""Longest wait for a program to end once its output has, and again once it is told to."""
STDERR_TAIL_BYTES = 4096
"""How much of the end of a program's stderr is kept."""

UNSUPPORTED_FORMATS = {
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b"FORM": "AIFF",
    b"\x1aE\xdf\xa3": "Matroska or WebM",
}
"""How sound starts that must not be taken for raw PCM."""


class PipeSource:
    """Gives out what comes through a pipe: live sound at once, a recording no faster than it was spoken.

    Args:
        file: the descriptor to read.
        name: what it is shown as.
        sample_rate: samples a second that are given out.
        at_end: awaited when the pipe has ended; raises if that was not the end of the sound.
        clock: seconds, monotonic.
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
            SourceError: what comes is not sound that can be read, or there is none, or the program failed.
        """
        pace = RealtimePacer(self._sample_rate, lead_s=LEAD_S, speed=SPEED, clock=self._clock)
        buffer = bytearray()
        silent = True
        async for pcm in self._sound():
            buffer += pcm
            for block in take_blocks(buffer, self._sample_rate):
                await asyncio.sleep(pace.wait_s(len(block) // SAMPLE_BYTES))
                silent = False
                yield block
        if buffer:
            await asyncio.sleep(pace.wait_s(len(buffer) // SAMPLE_BYTES))
            yield bytes(buffer)
        if self._at_end:
            await self._at_end()
        if silent and not buffer:
            raise SourceError(f"No sound came from {self.name}.", "It must be raw 16 kHz mono s16le, or a WAV.")

    def flush(self) -> bytes:
        """Return nothing: what is read ahead of a recording's pace was not spoken yet."""
        return b""

    async def _sound(self) -> AsyncIterator[bytes]:
        """Yield the pipe's sound, cut anywhere, as s16le mono at our rate."""
        from tui.audio.convert import Converter

        header, start = await self._header()
        converter = Converter(header.format, self._sample_rate)
        left = header.size
        while start:
            pcm = start if left is None else start[:left]
            yield converter.feed(pcm)
            if left is not None:
                left -= len(pcm)
            start = b"" if left == 0 else await read(self._file, READ_BYTES)
        yield converter.feed(b"", last=True)

    async def _header(self) -> tuple[wav.Header, bytes]:
        """Return how to read the pipe, and the sound that came with the header."""
        start = b""
        while len(start) < MAX_HEADER_BYTES:
            more = await read(self._file, READ_BYTES)
            start += more
            for magic, what in UNSUPPORTED_FORMATS.items():
                if start.startswith(magic):
                    raise self._unreadable(f"it is {what}")
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
        raise self._unreadable("it breaks off before its sound")

    def _unreadable(self, reason: str) -> SourceError:
        return SourceError(
            f"What comes from {self.name} cannot be read: {reason}.",
            "Let ffmpeg read it: --source 'cmd:ffmpeg -v error -i FILE -f wav -'",
        )


def _is_null(fd: int) -> bool:
    """Return whether `fd` is closed or the null device."""
    try:
        return os.path.samestat(os.fstat(fd), Path(os.devnull).stat())
    except OSError:
        return True


@asynccontextmanager
async def open_stdin(*, sample_rate: int, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[PipeSource]:
    """Listen to standard input.

    Raises:
        SourceError: it is a terminal, or the null device, as in an engine.
    """
    hint = "Pipe sound into it: parec … | livegist stream --source -"
    if os.isatty(STDIN):
        raise SourceError("Standard input is a terminal, not sound.", hint)
    if _is_null(STDIN):
        raise SourceError("Standard input is empty.", hint)
    yield PipeSource(STDIN, "stdin", sample_rate, clock=clock)


@asynccontextmanager
async def open_program(
    command: str, *, sample_rate: int, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[PipeSource]:
    """Run a program, without a shell and our keys, and listen to its standard output; it is ended with the source.

    Raises:
        SourceError: the program cannot be run.
    """
    arguments = _split(command)
    with contextlib.ExitStack() as pipes:
        sound, sound_in = _pipe(pipes)
        said, said_in = _pipe(pipes)
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=DEVNULL,
                stdout=sound_in,
                stderr=said_in,
                env=without_keys(os.environ),
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(
                f"{arguments[0]} cannot be run: {error.strerror or error}.", "Install it, or give its whole path."
            ) from error
        sound_in.close()
        said_in.close()
        program = _SourceProgram(process, Path(arguments[0]).name, said)
        try:
            yield PipeSource(sound.fileno(), program.name, sample_rate, program.finish, clock)
        finally:
            await program.close()


def _split(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise SourceError(f"cmd:{command} is not a command: {error}.", "Quote it as for a shell.") from error
    if not arguments:
        raise SourceError("cmd: names no program.", "Such as: cmd:parec --rate=16000 --channels=1 --format=s16le")
    return arguments


def _pipe(pipes: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    """Return a pipe's end to read and its end to write, both closed with `pipes`."""
    read_end, write_end = os.pipe()
    return pipes.enter_context(FileIO(read_end, "rb")), pipes.enter_context(FileIO(write_end, "wb"))


class _SourceProgram:
    """A program that is listened to: its last words are kept, and it does not outlive us.

    Args:
        process: just started, in a process group of its own.
        name: what it is called in messages.
        said: the pipe its stderr goes to.
    """

    def __init__(self, process: Process, name: str, stderr: FileIO) -> None:
        self.name = name
        self._process = process
        self._stderr = stderr
        self._stderr_tail = b""
        os.set_blocking(stderr.fileno(), False)
        asyncio.get_running_loop().add_reader(stderr.fileno(), self._read_stderr)

    async def finish(self) -> None:
        """Wait for the program's end.

        Raises:
            SourceError: it failed; what it said last is in the message.
        """
        try:
            async with asyncio.timeout(EXIT_TIMEOUT_S):
                code = await self._process.wait()
        except TimeoutError:
            return
        self._read_stderr()
        if code:
            lines = self._stderr_tail.decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
            how = f"signal {-code}" if code < 0 else f"code {code}"
            raise SourceError(f"{self.name} ended with {how}: {last}", "Run it by itself to see what is wrong.")

    async def close(self) -> None:
        """End the program and what it started, and wait until it is gone."""
        asyncio.get_running_loop().remove_reader(self._stderr.fileno())
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, how)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EXIT_TIMEOUT_S):
                        await self._process.wait()

    def _read_stderr(self) -> None:
        """Take what there is of its stderr and keep the end of it."""
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
    """Return what there is to read, at most `size` bytes, as soon as there is some; nothing at the end.

    The descriptor stays blocking, for others may share it.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(file, ready.set)
    except PermissionError:
        # The kernel cannot wait for a regular file, which never makes anybody wait for long.
        return await asyncio.to_thread(os.read, file, size)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)
    return os.read(file, size)
