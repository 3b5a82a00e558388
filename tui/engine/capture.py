"""Moves sound from its source into the recording, whatever becomes of the device."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from tui.audio.level import SILENCE_DBFS, apply_gain, measure
from tui.audio.microphone import Microphone
from tui.audio.recording import Recording
from tui.audio.sources import Source, open_source
from tui.errors import SourceError
from tui.model.events import Event, LevelChanged, Notice, Severity

LEVEL_S = 0.05
"""Seconds of sound in one level: twenty a second."""
RETRY_S = 2.0
"""Seconds between two tries to open a lost device."""
DEFAULT_AFTER_S = 10.0
"""Seconds after which the default device may stand in for a lost one."""
FILL_S = 0.1
"""Seconds between two pieces of the silence that stands in for a lost device."""
LOG_HINT = "The engine's log says more."
DEFAULT_SOURCE = "mic"
"""The device that stands in."""
SAMPLE_BYTES = 2

log = logging.getLogger(__name__)


class Capture:
    """One session's sound in.

    Args:
        recording: what the sound is appended to.
        spec: the source, as `open_source` takes it.
        latency_ms: asked of the sound system, 0 for its own.
        channels: how many a microphone is opened with.
        tell: gets levels and notices.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recording = recording
        self._spec = spec
        self._latency_ms = latency_ms
        self._channels = channels
        self._publish = publish
        self._clock = clock
        self._overflows = 0
        self._source: Source | None = None
        self._unmeasured = bytearray()
        self._level_bytes = int(recording.sample_rate * LEVEL_S) * SAMPLE_BYTES
        self._received_at = clock()
        self._switched = asyncio.Event()
        self.gain_db = 0.0
        """By how much louder than heard it is recorded, in dB."""
        self.muted = False
        """Whether silence is recorded in place of what is heard."""
        self.device = ""
        """What is recorded from."""

    @property
    def overflows(self) -> int:
        """Times the sound system lost samples, over all devices of the session."""
        return self._overflows + (self._source.overflows if self._source else 0)

    def switch(self, spec: str) -> None:
        """Record from another source from now on, as `open_source` takes it."""
        self._spec = spec
        self._switched.set()

    async def run(self, source: Source, opened: AsyncExitStack) -> None:
        """Record until the source ends; a lost device is waited for while silence keeps the clock true.

        Args:
            source: open.
            opened: closes it; gets those that are opened later.
        """
        while True:
            self._use(source)
            try:
                if not await self._record_until_switched(source):
                    return
            except SourceError as lost:
                if source.finite:
                    self._publish(Notice(Severity.ERROR, lost.message, lost.hint))
                    return
                self._publish(Notice(Severity.ERROR, lost.message, "Silence is recorded until a device is back."))
            await opened.aclose()
            source = await self._wait_for_device(opened)
            self._publish(Notice(Severity.INFO, f"Recording goes on from {source.name}."))

    async def _record_until_switched(self, source: Source) -> bool:
        """Record until the source ends or another one is wanted; return whether one is.

        Raises:
            SourceError: the source is lost, be it by a fault of ours, which must not end the session.
        """
        both = (asyncio.ensure_future(self._record_source(source)), asyncio.ensure_future(self._switched.wait()))
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            listening, _ = await asyncio.gather(*both, return_exceptions=True)
        match listening:
            case SourceError():
                raise listening
            case Exception():
                log.error("%s broke", source.name, exc_info=listening)
                raise SourceError(f"livegist made a mistake while it listened to {source.name}.", LOG_HINT)
        return self._switched.is_set()

    async def _record_source(self, source: Source) -> None:
        """Record what is heard, to the last sample."""
        try:
            async for block in source:
                self._record_block(block)
        finally:
            if rest := source.flush():
                self._record_block(rest)

    def _record_block(self, block: bytes) -> None:
        self._received_at = self._clock()
        self._append(bytes(len(block)) if self.muted else apply_gain(block, self.gain_db))

    def _append(self, block: bytes) -> None:
        """Record a block, and tell its level once there is enough to measure."""
        self._recording.append(block)
        self._unmeasured += block
        while len(self._unmeasured) >= self._level_bytes:
            level = measure(bytes(self._unmeasured[: self._level_bytes]))
            del self._unmeasured[: self._level_bytes]
            self._publish(LevelChanged(level.rms_dbfs, level.peak_dbfs, level.clipped, self._channel_levels()))

    def _channel_levels(self) -> tuple[tuple[float, float], ...]:
        """Return RMS and peak of each channel of a microphone as they are recorded; nothing for mono and silence."""
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

    async def _wait_for_device(self, opened: AsyncExitStack) -> Source:
        """Try the device, later the default one, until one opens; record silence meanwhile.

        One that a person has just chosen is tried at once, and told of if it cannot be opened.
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
            spec = self._spec if self._clock() - lost_at < DEFAULT_AFTER_S else DEFAULT_SOURCE
            try:
                source = await opened.enter_async_context(self._open(spec))
            except SourceError as error:
                if chosen:
                    self._publish(Notice(Severity.ERROR, error.message, error.hint))
                continue
            self._append_silence()
            return source

    async def _pause(self) -> None:
        """Record silence until it is time to try again, or another device is wanted."""
        until = self._clock() + RETRY_S
        while self._clock() < until and not self._switched.is_set():
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
        """Record as much silence as time has passed since there was sound."""
        now = self._clock()
        samples = int((now - self._received_at) * self._recording.sample_rate)
        self._received_at += samples / self._recording.sample_rate
        self._append(bytes(samples * SAMPLE_BYTES))
