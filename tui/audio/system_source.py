"""System source: what this machine plays.

On Linux it is the monitor of the default output of PulseAudio or PipeWire, read with `parec`; it follows when the
default output changes. On macOS it is a loopback device, such as BlackHole, which PortAudio records from.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tui.audio import pulse
from tui.audio.devices import list_devices
from tui.audio.level import Level, measure
from tui.audio.microphone import MIN_GAP_S, SILENCE_TIMEOUT_S, Microphone, open_microphone
from tui.audio.pacing import take_blocks
from tui.audio.wav import SAMPLE_BYTES
from tui.credentials import without_keys
from tui.errors import SourceError

SYSTEM = "system"
"""The source's specification and its display name."""
LOOPBACK_DEVICES = ("BlackHole", "Loopback Audio", "Soundflower", "VB-Cable", "Background Music")
"""Parts of the names of loopback devices on macOS, the preferred first."""
READ_BYTES = 1 << 14
MEASURE_S = 0.5
"""Seconds of audio in a measurement of the level."""
MEASURE_RATE = 16_000
EXIT_TIMEOUT_S = 2.0
"""Longest wait for a program to exit after a signal, in seconds."""
INSTALL_LOOPBACK = (
    "Install BlackHole (brew install blackhole-2ch). In Audio MIDI Setup, make a multi-output device of it and of your "
    "speakers, and choose that as the sound output."
)


def open_system(
    *, sample_rate: int, latency_ms: int = 0, clock: Callable[[], float] = time.monotonic
) -> "AbstractAsyncContextManager[SystemOutput | Microphone]":
    """Open what this machine plays as a source.

    Raises:
        SourceError: this operating system has no such source, or it needs something to be installed.
    """
    if sys.platform == "darwin":
        return _open_loopback(sample_rate=sample_rate, latency_ms=latency_ms, clock=clock)
    return _open_monitor(sample_rate=sample_rate, clock=clock)


def describe_system(platform: str = sys.platform) -> str:
    """Return a description of the output, or the name of the loopback device, that `system` records from; blocks.

    Args:
        platform: the operating system, as `sys.platform` names it.

    Raises:
        SourceError: there is none; the hint says what to install.
    """
    if platform == "darwin":
        return loopback_device(device.name for device in list_devices())
    output = default_output(platform)
    return pulse.description(pulse.query("list", "sinks"), output) or output


async def measure_system(seconds: float = MEASURE_S) -> Level:
    """Return the level of what this machine plays within the next `seconds`.

    Raises:
        SourceError: it cannot be recorded.
    """
    pcm = b""
    async with open_system(sample_rate=MEASURE_RATE) as source:
        async for block in source:
            pcm += block
            if len(pcm) >= seconds * MEASURE_RATE * SAMPLE_BYTES:
                break
    return measure(pcm)


def loopback_device(names: Iterable[str]) -> str:
    """Return the name of the loopback device among input devices.

    Raises:
        SourceError: there is none.
    """
    devices = tuple(names)
    for part in LOOPBACK_DEVICES:
        for name in devices:
            if part.casefold() in name.casefold():
                return name
    raise SourceError("There is no loopback device, which records what this Mac plays.", INSTALL_LOOPBACK)


def monitor_command(output: str, sample_rate: int) -> tuple[str, ...]:
    """Return the command that writes what an output plays to stdout, as s16le mono."""
    return pulse.parec_command(f"{output}.monitor", sample_rate=sample_rate, channels=1, stream=SYSTEM)


def default_output(platform: str = sys.platform) -> str:
    """Return the name of the default output of PulseAudio or PipeWire.

    Raises:
        SourceError: a program is missing, the sound server does not answer, or there is no output.
    """
    if not platform.startswith("linux"):
        raise SourceError(
            "What this machine plays cannot be recorded on this system.",
            "It can on Linux with PulseAudio or PipeWire, and on macOS with a loopback device.",
        )
    missing = [name for name in ("pactl", "parec") if shutil.which(name) is None]
    if missing:
        raise SourceError(
            f"What this machine plays cannot be recorded: {' and '.join(missing)} not found.",
            "Install the programs of PulseAudio, which PipeWire uses, too: sudo apt install pulseaudio-utils",
        )
    # `pactl get-default-sink` is younger than the PulseAudio of some systems.
    info = pulse.query("info")
    if not info:
        raise SourceError(
            "What this machine plays cannot be recorded: the sound server does not answer.",
            "Start PulseAudio or PipeWire, or set PULSE_SERVER.",
        )
    if name := pulse.field(info, "Default Sink"):
        return name
    raise SourceError("There is no sound output, so there is nothing to record from it.", "See: pactl list short sinks")


class SystemOutput:
    """Yields what the default output plays, and follows when another output becomes the default.

    Args:
        output: name of the default output.
        sample_rate: output samples per second.
        clock: monotonic time in seconds.
    """

    finite = False
    overflows = 0
    name = SYSTEM

    def __init__(self, output: str, sample_rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._sample_rate = sample_rate
        self._clock = clock
        self._recorder: Process | None = None
        self._buffer = bytearray()
        self._odd = b""
        """Half of a sample whose other half has not arrived."""
        self._arrived_at = clock()
        self._switched = False
        """Whether the output was changed since the last audio."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield blocks of s16le mono PCM, with silence for the time that a change of the output takes.

        Raises:
            SourceError: the sound server ended, or delivered no audio for two seconds.
        """
        while True:
            output = self._output
            if (pcm := await self._read()) is None:
                if output == self._output:
                    raise await pulse.lost_source(f"{self.name} stopped.", "Check the sound server.")
                self._switched = True
                await self._start()
                continue
            self._add(pcm)
            for block in take_blocks(self._buffer, self._sample_rate):
                yield block

    def flush(self) -> bytes:
        """Return the captured audio that is not yielded yet."""
        remaining = bytes(self._buffer)
        self._buffer.clear()
        return remaining

    async def start(self) -> None:
        """Start to record.

        Raises:
            SourceError: the program that records cannot be started.
        """
        await self._start()
        self._arrived_at = self._clock()

    async def follow(self) -> None:
        """Record from another output whenever it becomes the default one; runs until it is cancelled."""
        async with contextlib.aclosing(pulse.changes(pulse.DEFAULTS)) as changes:
            async for _ in changes:
                await self._use_default()

    async def close(self) -> None:
        """Stop to record."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            await _end(recorder)

    async def _use_default(self) -> None:
        """Record from the default output from now on.

        The end of the old recorder makes the iteration start a new one. Without any output the iteration ends: the
        sound server could move the recorder to a microphone.
        """
        output = self._output
        with contextlib.suppress(SourceError):
            output = await asyncio.to_thread(default_output)
            if output == self._output:
                return
        self._output = output
        if self._recorder is not None:
            with contextlib.suppress(ProcessLookupError):
                self._recorder.kill()

    async def _start(self) -> None:
        await self.close()
        self._recorder = await _run(*monitor_command(self._output, self._sample_rate), stdout=PIPE)

    async def _read(self) -> bytes | None:
        """Return audio, or `None` at the end of the recorder.

        Raises:
            SourceError: no audio arrives.
        """
        assert self._recorder is not None
        assert self._recorder.stdout is not None
        try:
            async with asyncio.timeout(SILENCE_TIMEOUT_S):
                return await self._recorder.stdout.read(READ_BYTES) or None
        except TimeoutError:
            text = f"{self.name} delivered no audio for {SILENCE_TIMEOUT_S:.0f} s."
            raise await pulse.lost_source(text, "Check the sound server.") from None

    def _add(self, pcm: bytes) -> None:
        """Add audio to the buffer, after silence for a gap before it."""
        now = self._clock()
        pcm = self._odd + pcm
        whole = len(pcm) - len(pcm) % SAMPLE_BYTES
        self._odd = pcm[whole:]
        gap_s = now - self._arrived_at - whole / SAMPLE_BYTES / self._sample_rate
        if self._switched and gap_s > MIN_GAP_S:
            self._buffer += bytes(round(gap_s * self._sample_rate) * SAMPLE_BYTES)
        self._switched = False
        self._arrived_at = now
        self._buffer += pcm[:whole]


@asynccontextmanager
async def _open_monitor(*, sample_rate: int, clock: Callable[[], float]) -> AsyncIterator[SystemOutput]:
    source = SystemOutput(await asyncio.to_thread(default_output), sample_rate, clock)
    await source.start()
    following = asyncio.ensure_future(source.follow())
    try:
        yield source
    finally:
        following.cancel()
        await asyncio.wait({following})
        await source.close()


@asynccontextmanager
async def _open_loopback(*, sample_rate: int, latency_ms: int, clock: Callable[[], float]) -> AsyncIterator[Microphone]:
    name = await asyncio.to_thread(describe_system, "darwin")
    async with open_microphone(name, sample_rate=sample_rate, latency_ms=latency_ms, clock=clock) as source:
        yield source


async def _run(*command: str, stdout: int) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=stdout, stderr=DEVNULL, env=without_keys(os.environ), start_new_session=True
        )
    except OSError as error:
        raise SourceError(
            f"{command[0]} cannot be started: {error.strerror or error}.", "Install pulseaudio-utils."
        ) from error


async def _end(process: Process) -> None:
    """Kill a process that has nothing to save, and wait for its exit and for the end of what it wrote."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(EXIT_TIMEOUT_S):
            # Unread output would keep the process's pipe open until after the event loop is closed.
            await process.communicate()
