"""Microphone source on PortAudio. The callback copies a block and returns; the event loop does everything else.

The stream's block size equals ours, so there is one callback a block. With a block size of 0, which lets PortAudio
choose, and low latency there are 250 callbacks a second, which take 2.2 % of a core instead of 0.3 % (ALSA on
PulseAudio, 16 kHz) and deliver no block earlier. A `latency` of 0.1 s instead of `low` reduces the 2.2 % to 0.6 %, and
makes no difference with our block size.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tui.audio import portaudio, pulse
from tui.audio.devices import Device, choose_device, list_inputs
from tui.audio.pacing import BLOCK_S, take_blocks
from tui.audio.pulse import PulseSource
from tui.audio.wav import Format
from tui.errors import SourceError

if TYPE_CHECKING:
    from tui.audio.convert import Converter

SILENCE_TIMEOUT_S = 2.0
"""Seconds without a callback after which a device counts as lost: many report no error when they are unplugged."""
MAX_LATE_S = 0.5
"""Seconds by which that timeout may be late; after more, this process was stopped, and not the device."""
MAX_QUEUE_S = 60.0
"""Seconds of audio that are queued while the event loop is blocked; later audio is counted and replaced by silence."""
MIN_GAP_S = 0.02
"""Minimum gap that is filled: device times jitter by some ms, and macOS reports overflows without lost samples."""
MAX_GAP_S = 60.0
"""Maximum gap that is filled: a longer one means that the device's clock jumped."""

RECONNECT_HINT = "Plug it in again, or choose another device."

_INVALID_CHANNELS, _INVALID_RATE, _UNAVAILABLE = -9998, -9997, -9985
"""PortAudio's error codes for an unsupported format, and for a device that another program uses."""

_open: set["Microphone"] = set()


class GapDetector:
    """Computes how many frames were lost before a block from the capture times of the blocks.

    Args:
        sample_rate: frames per second of the device.
    """

    def __init__(self, sample_rate: float) -> None:
        self._sample_rate = sample_rate
        self._expected: float | None = None
        """Capture time of the next block if no frames are lost, in seconds."""
        self._overflowed = False
        """Whether the previous block reported an overflow."""

    def lost_frames(self, frames: int, captured_at: float, *, overflowed: bool) -> int:
        """Return the number of frames missing before a block of `frames` captured at `captured_at`, in seconds.

        Only an overflow loses frames; without one the block is merely late. PortAudio may report an overflow one block
        early, because the lost frames can be missing from within a block.
        """
        gap = 0.0
        if self._expected is not None and (overflowed or self._overflowed):
            gap = captured_at - self._expected
        self._expected = captured_at + frames / self._sample_rate
        self._overflowed = overflowed
        return round(gap * self._sample_rate) if MIN_GAP_S < gap < MAX_GAP_S else 0


class Microphone:
    """Yields the audio of an input device.

    Args:
        requested: the device's name or a part of it; empty for the default device.
        sample_rate: output samples per second.
        latency_ms: latency requested from the sound system; 0 uses the device's default low latency.
        clock: monotonic time in seconds.
        channels: maximum number of channels to open; they are mixed.
    """

    finite = False

    def __init__(
        self, requested: str, sample_rate: int, latency_ms: int, clock: Callable[[], float], channels: int = 1
    ) -> None:
        self._channels = channels
        self.name = requested or "microphone"
        self.overflows = 0
        self.format = Format(sample_rate)
        """Format that the device delivers."""
        self._requested = requested
        self._sample_rate = sample_rate
        self._latency: str | float = latency_ms / 1000 if latency_ms else "low"
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._stream: Any = None
        self._source: PulseSource | None = None
        """The requested source of the sound server; `None` for the default one and without a server."""
        self._from_server = False
        """Whether a source of the sound server is recorded."""
        self._has_stream = False
        """Whether the sound server has a stream of a device that is not known to be one of its own."""
        self._converter: Converter
        self._closed = False
        self._opening = True
        """Whether `start` has not returned yet."""
        self._stopped = False
        """Whether the device stopped without a call of `stop`."""
        self._gap_detector = GapDetector(sample_rate)
        self._lost_bytes = 0
        """Number of bytes lost before the next block."""
        self._queue: deque[tuple[int, bytes]] = deque()
        """Blocks from the callback, each with the number of bytes lost before it."""
        self._converted = bytearray()
        """Converted audio that is not yielded yet."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield blocks of s16le mono PCM, with silence in place of lost frames.

        Raises:
            SourceError: the device stopped, or delivered no audio for two seconds.
        """
        while not self._closed:
            if not self._stopped:
                await self._wait_for_block()
            while self._queue:
                self._convert_next()
                for block in take_blocks(self._converted, self._sample_rate):
                    yield block
            if self._stopped and not self._closed and not self._queue:
                raise await self._lost(f"{self.name} stopped.")

    def flush(self) -> bytes:
        """Return the captured audio that is not yielded yet: a blocked event loop may have left some in the queue."""
        while self._queue:
            self._convert_next()
        remaining = bytes(self._converted)
        self._converted.clear()
        return remaining

    def _convert_next(self) -> None:
        lost_bytes, block = self._queue.popleft()
        self._converted += self._converter.feed(bytes(lost_bytes) + block)

    def take_levels(self) -> tuple[tuple[float, float], ...]:
        """Return the maximum RMS and peak of each channel since the last call, in dBFS; empty for mono."""
        return self._converter.take_levels()

    async def _wait_for_block(self) -> None:
        due = self._loop.time() + SILENCE_TIMEOUT_S
        try:
            async with asyncio.timeout_at(due):
                await self._ready.wait()
        except TimeoutError:
            # After a blocked event loop the timeout and the event may both have occurred.
            if not self._ready.is_set() and self._loop.time() < due + MAX_LATE_S:
                raise await self._lost(f"{self.name} delivered no audio for {SILENCE_TIMEOUT_S:.0f} s.") from None
        self._ready.clear()

    async def _lost(self, text: str) -> SourceError:
        """Return the error of a lost device; the sound server is asked whether it runs."""
        served = self._from_server or self._has_stream
        return await pulse.lost_source(text, RECONNECT_HINT) if served else SourceError(text, RECONNECT_HINT)

    def start(self) -> None:
        """Open the device and start capturing; blocks until the sound system responds.

        Raises:
            SourceError: no device matches, or the device cannot be opened.
        """
        try:
            self._start()
        finally:
            self._opening = False

    def _start(self) -> None:
        from tui.audio.convert import Converter

        sources = pulse.list_sources()
        with portaudio.exclusive():
            started = "sounddevice" in sys.modules
            sounddevice = portaudio.load()
            try:
                if started and not _open:
                    portaudio.restart(sounddevice)
                devices = list_inputs(sounddevice)
            except sounddevice.PortAudioError as error:
                raise self._open_error(error) from error
            index, source = choose_device(devices, sources, self._requested)
            self.name = source.name if source is not None else devices[index].name
            self._source = source if self._requested else None
            self._from_server = source is not None or devices[index].name in pulse.PLUGINS
            # ALSA's devices may record from the server under any name; the server then has one stream more.
            unknown = bool(sources) and not self._from_server
            before = pulse.recording_streams(os.getpid()) if unknown else frozenset()
            with pulse.selected(self._source):
                self._stream = self._open_stream(sounddevice, index, devices[index])
            _open.add(self)
            self._converter = Converter(self.format, self._sample_rate)
            portaudio.unload_plugins()
            try:
                self._stream.start()
            except sounddevice.PortAudioError as error:
                raise self._open_error(error) from error
            self._has_stream = unknown and bool(pulse.recording_streams(os.getpid()) - before)
            if self._closed:
                # `stop` was called while the device was being opened.
                self._close()

    async def watch(self) -> None:
        """Stop once the requested source of the sound server is gone; the server would record another one.

        Of the default source, follow the name when the server moves the stream to another one.
        """
        if self._source is not None:
            if await pulse.wait_for_removal(self._source):
                self._on_finished()
        elif self._from_server:
            async with contextlib.aclosing(pulse.follow(os.getpid())) as names:
                async for name in names:
                    self.name = name

    def stop(self) -> None:
        """Close the device; blocks until it is closed."""
        self._closed = True
        if self._stream is None and not self._opening:
            # Another call, of a sound server that hangs, may hold the lock.
            return
        while not portaudio.lock.acquire(timeout=portaudio.CALL_TIMEOUT_S):
            if self._stream is None:
                return
        try:
            self._close()
        finally:
            portaudio.lock.release()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close(ignore_errors=True)
            _open.discard(self)

    def _open_stream(self, sounddevice: ModuleType, index: int, device: Device) -> Any:
        """Return a stream in the first format that the device accepts, the cheapest format first."""
        failure: Exception | None = None
        for format in _formats(self._sample_rate, device, self._channels):
            self.format = format
            self._gap_detector = GapDetector(format.sample_rate)
            try:
                with portaudio.quiet_stderr():
                    return sounddevice.RawInputStream(
                        device=index,
                        samplerate=format.sample_rate,
                        channels=format.channels,
                        dtype="int16",
                        blocksize=round(BLOCK_S * format.sample_rate),
                        latency=self._latency,
                        callback=self._on_block,
                        finished_callback=self._on_finished,
                    )
            except sounddevice.PortAudioError as error:
                failure = error
                if _code(error) not in (_INVALID_CHANNELS, _INVALID_RATE):
                    break
        assert failure is not None
        raise self._open_error(failure) from failure

    def _open_error(self, error: Exception) -> SourceError:
        if _code(error) == _UNAVAILABLE:
            hint = "Another program may be using it, or your user is not in the group audio."
        else:
            hint = "Choose another device (livegist devices), or record with a program: cmd:parec …"
        return SourceError(f"{self.name} cannot be opened: {error.args[0] if error.args else error}.", hint)

    def _on_block(self, data: Any, frames: int, times: Any, status: Any) -> None:
        """Queue a block; PortAudio calls this in its own thread, where nothing may block."""
        overflowed: bool = status.input_overflow
        self.overflows += overflowed
        captured_at = times.inputBufferAdcTime or self._clock()
        self._lost_bytes += (
            self._gap_detector.lost_frames(frames, captured_at, overflowed=overflowed) * self.format.frame_bytes
        )
        if len(self._queue) * BLOCK_S < MAX_QUEUE_S:
            self._queue.append((self._lost_bytes, bytes(data)))
            self._lost_bytes = 0
        else:
            self.overflows += 1
            self._lost_bytes += len(data)
        self._wake()

    def _on_finished(self) -> None:
        self._stopped = True
        self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:
            # The event loop is closed, so no task waits for blocks.
            return


@asynccontextmanager
async def open_microphone(
    name: str,
    *,
    sample_rate: int,
    latency_ms: int = 0,
    channels: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Microphone]:
    """Open the microphone whose name equals or contains `name`; the default one if it is empty.

    Raises:
        SourceError: no device matches, or the device cannot be opened.
    """
    microphone = Microphone(name, sample_rate, latency_ms, clock, channels)
    try:
        await portaudio.call_with_timeout(microphone.start)
        watching = asyncio.ensure_future(microphone.watch())
        try:
            yield microphone
        finally:
            watching.cancel()
            await asyncio.wait({watching})
    finally:
        with contextlib.suppress(SourceError):
            await portaudio.call_with_timeout(microphone.stop)


def _formats(sample_rate: int, device: Device, requested_channels: int = 1) -> Iterator[Format]:
    """Yield the formats to try: the requested channels at our rate first, all of the device's at its own rate last."""
    rates = dict.fromkeys((sample_rate, round(device.default_rate)))
    channels = dict.fromkeys((min(requested_channels, device.channels), 1, min(2, device.channels), device.channels))
    return (Format(rate, count) for rate in rates for count in channels)


def _code(error: Exception) -> int:
    """Return PortAudio's code of an error, 0 if it has none."""
    return next((part for part in error.args[1:2] if isinstance(part, int)), 0)
