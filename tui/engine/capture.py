"""Audio capture: appends one source's audio to its recording and bridges the loss of a device with silence."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from tui.audio.clock_fit import ClockFit
from tui.audio.level import SILENCE_DBFS, apply_gain, measure
from tui.audio.microphone import Microphone
from tui.audio.recording import Recording
from tui.audio.sources import Source, open_source
from tui.errors import SourceError
from tui.model.events import Event, LevelChanged, Notice, Severity
from tui.model.stats import SILENCE_HINT
from tui.model.tracks import SYSTEM

LEVEL_S = 0.05
"""Seconds of audio in one level measurement: twenty a second."""
RETRY_S = 2.0
"""Seconds between two attempts to open a lost device."""
DEFAULT_AFTER_S = 10.0
"""Seconds after which the default device replaces a lost one."""
FILL_S = 0.1
"""Seconds between two blocks of silence while a device is lost."""
LOG_HINT = "See the engine's log for details."
DEFAULT_SOURCE = "mic"
"""Source that replaces a lost device."""
SAMPLE_BYTES = 2
STARTS = 100
"""Number of the last blocks that tell when the recording started: 5 s."""

log = logging.getLogger(__name__)


async def run_until(work: Coroutine[Any, Any, None], ends: asyncio.Event) -> BaseException | None:
    """Run work until it is done or an event is set; return the exception with which it ended, if any."""
    tasks = (asyncio.ensure_future(work), asyncio.ensure_future(ends.wait()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcome, _ = await asyncio.gather(*tasks, return_exceptions=True)
    return outcome if isinstance(outcome, BaseException) else None


class Capture:
    """Captures the audio of one track.

    Args:
        recording: receives the audio.
        spec: the source, as `open_source` takes it.
        latency_ms: latency requested from the audio system; 0 for its default.
        channels: number of channels that a microphone is opened with.
        publish: receives levels and notices.
        track: name of the track; empty if the session has one without a name.
        fit: puts the audio on the time line of a session with several tracks; `None` for a session with one.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        recording: Recording,
        spec: str,
        *,
        latency_ms: int,
        channels: int = 1,
        publish: Callable[[Event], None],
        track: str = "",
        fit: ClockFit | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recording = recording
        self._spec = spec
        self._latency_ms = latency_ms
        self._channels = channels
        self._publish = publish
        self._track = track
        self.fallback = DEFAULT_SOURCE
        """Source that replaces a lost device; empty waits for the device itself."""
        self._fit = fit
        self._clock = clock
        self._overflows = 0
        self._source: Source | None = None
        self._unmeasured = bytearray()
        self._level_bytes = int(recording.sample_rate * LEVEL_S) * SAMPLE_BYTES
        self._received_at = clock()
        self._starts: deque[float] = deque(maxlen=STARTS)
        """Times at which the recording started, by the arrival of each of the last blocks."""
        self._switched = asyncio.Event()
        self.gain_db = 0.0
        """Gain applied before recording, in dB."""
        self.muted = False
        """Whether silence is recorded in place of the source's audio."""
        self.device = ""
        """Name of the source that is recorded."""
        self.lost = ""
        """Why silence is recorded until a device is available; empty while the source delivers audio."""

    @property
    def overflows(self) -> int:
        """Number of times the audio system lost samples, over all devices of the session."""
        return self._overflows + (self._source.overflows if self._source else 0)

    @property
    def spec(self) -> str:
        """The source, as `open_source` takes it."""
        return self._spec

    @property
    def started_at(self) -> float:
        """Time, on the clock, at which the recording started; the earliest by its last blocks, as they may be late."""
        return min(self._starts, default=self._clock() - self._recording.position / self._recording.sample_rate)

    def join(self, track: str, fit: ClockFit | None) -> None:
        """Go on as a track of a session with several.

        Args:
            track: name of the track.
            fit: puts the audio on their time line from now on; `None` for a file, which has no clock of its own.
        """
        self._track = track
        self._fit = fit

    def switch(self, spec: str) -> None:
        """Record from another source, given as `open_source` takes it."""
        self._spec = spec
        self._switched.set()

    async def run(self, source: Source | None, opened: AsyncExitStack) -> None:
        """Record until the source ends.

        While a device is lost, record silence so that positions in the recording stay true, and wait for a device.

        Args:
            source: an open source; `None` for a device that cannot be opened yet.
            opened: closes `source`; sources opened later are added to it.

        Raises:
            SourceError: the source ended without any audio.
        """
        if source is None:
            source = await self._reopen(opened)
        while True:
            self._use(source)
            try:
                if not await self._record_until_switched(source):
                    return
            except SourceError as lost:
                if source.finite and not self._recording.position:
                    raise
                if source.finite:
                    self._notify(Severity.ERROR, lost.message, lost.hint)
                    return
                self.lost = lost.message
                self._notify(Severity.WARNING, lost.message, SILENCE_HINT)
            source = await self._reopen(opened)

    async def _reopen(self, opened: AsyncExitStack) -> Source:
        """Close the lost device and open it again, or another one; record silence meanwhile."""
        # To close or open a device may take seconds if the sound server hangs.
        async with asyncio.TaskGroup() as tasks:
            filling = tasks.create_task(self._fill())
            await opened.aclose()
            source = await self._wait_for_device(opened)
            filling.cancel()
        self._append_silence()
        self.lost = ""
        self._notify(Severity.INFO, f"Recording continues from {source.name}.")
        return source

    def _notify(self, severity: Severity, text: str, hint: str = "") -> None:
        self._publish(Notice(severity, f"{self._track}: {text}" if self._track else text, hint))

    async def _record_until_switched(self, source: Source) -> bool:
        """Record until the source ends or is switched; return whether it is switched.

        Raises:
            SourceError: the source is lost. Internal errors are reported as one, because they must not end the session.
        """
        error = await run_until(self._record_source(source), self._switched)
        match error:
            case SourceError():
                raise error
            case Exception():
                log.error("recording from %s failed", source.name, exc_info=error)
                raise SourceError(f"Internal error: recording from {source.name} stopped.", LOG_HINT)
        return self._switched.is_set()

    async def _record_source(self, source: Source) -> None:
        """Record the source to its last sample."""
        try:
            async for block in source:
                self._record_block(block)
                if source.name != self.device:
                    self._follow(source)
        finally:
            if rest := source.flush():
                before, length_s = self._received_at, len(rest) / SAMPLE_BYTES / self._recording.sample_rate
                self._record_block(rest)
                # A lost device captured the rest right after the block before it, and not now.
                self._received_at = min(self._received_at, before + length_s)
            if self._fit is not None and (held := self._fit.flush()):
                self._append(held)

    def _record_block(self, block: bytes) -> None:
        self._received_at = self._clock()
        audio = bytes(len(block)) if self.muted else apply_gain(block, self.gain_db)
        if self._fit is not None:
            audio = self._fit.feed(audio, self._recording.position, self._received_at)
        if audio:
            self._append(audio)
        self._starts.append(self._received_at - self._recording.position / self._recording.sample_rate)

    def _follow(self, source: Source) -> None:
        """Notify that the sound server has moved the recording to another device."""
        text = f"{self.device} is no longer the default device. Recording continues from {source.name}."
        self.device = source.name
        self._notify(Severity.WARNING, text)

    def _append(self, block: bytes) -> None:
        """Record a block, and publish a level for each `LEVEL_S` of audio."""
        self._recording.append(block)
        self._unmeasured += block
        while len(self._unmeasured) >= self._level_bytes:
            level = measure(bytes(self._unmeasured[: self._level_bytes]))
            del self._unmeasured[: self._level_bytes]
            channels = self._channel_levels()
            self._publish(LevelChanged(level.rms_dbfs, level.peak_dbfs, level.clipped, channels, self._track))

    def _channel_levels(self) -> tuple[tuple[float, float], ...]:
        """Return RMS and peak of each channel of a microphone, in dBFS after gain; empty for a mono source."""
        if not isinstance(self._source, Microphone):
            return ()
        levels = self._source.take_levels()
        if self.muted:
            return tuple((SILENCE_DBFS, SILENCE_DBFS) for _ in levels)
        return tuple((round(rms + self.gain_db, 1), round(min(0.0, peak + self.gain_db), 1)) for rms, peak in levels)

    def _use(self, source: Source) -> None:
        self._overflows = self.overflows
        self._source = source
        self.device = source.name
        self._received_at = self._clock()
        self._starts.clear()
        if self._fit is not None:
            self._fit.restart()

    async def _wait_for_device(self, opened: AsyncExitStack) -> Source:
        """Wait until the device, or later the default device, opens; return the source.

        A device that a person has just chosen is opened immediately; a notice says if that fails.
        """
        lost_at = self._clock()
        while True:
            chosen = self._switched.is_set()
            self._switched.clear()
            if chosen:
                lost_at = self._clock()
            else:
                await self._pause()
                if self._switched.is_set():
                    continue
            spec = self._spec
            # A microphone must not stand in for what the machine plays.
            if self.fallback and spec != SYSTEM and self._clock() - lost_at >= DEFAULT_AFTER_S:
                spec = self.fallback
            try:
                return await opened.enter_async_context(self._open(spec))
            except SourceError as error:
                if chosen:
                    self._notify(Severity.ERROR, error.message, error.hint)

    async def _pause(self) -> None:
        """Wait until the next attempt is due or the source is switched."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETRY_S):
                await self._switched.wait()

    async def _fill(self) -> None:
        """Record silence for the time that passes."""
        while True:
            await asyncio.sleep(FILL_S)
            self._append_silence()

    def _open(self, spec: str) -> AbstractAsyncContextManager[Source]:
        return open_source(
            spec,
            sample_rate=self._recording.sample_rate,
            latency_ms=self._latency_ms,
            channels=self._channels,
            clock=self._clock,
        )

    def _append_silence(self) -> None:
        """Record silence for the time that has passed since the last audio."""
        now = self._clock()
        samples = int((now - self._received_at) * self._recording.sample_rate)
        self._received_at += samples / self._recording.sample_rate
        self._append(bytes(samples * SAMPLE_BYTES))
