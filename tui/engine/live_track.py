"""Live track: source, recording, connection and turns of one track of a session."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from tui.engine.capture import LOG_HINT, run_until
from tui.engine.stream_events import StreamEventHandler
from tui.engine.track_audio import TrackAudio
from tui.engine.unstreamed import Unstreamed
from tui.errors import SourceError
from tui.model.events import Event, Notice, Severity
from tui.stream.close_codes import CloseInfo
from tui.stream.reconnecting import ReconnectingStream

log = logging.getLogger(__name__)


class LiveTrack:
    """A track from its first sample to its last turn; it knows no other track.

    Args:
        audio: recording and capture.
        stream: sends the recording, or the mix of all tracks; `Unstreamed` for the other tracks of a mix.
        stream_events: applies the stream's events to the session.
        publish: receives notices.
        drain_s: longest wait for a connection and for outstanding turns after the recording has ended, in seconds.
    """

    def __init__(
        self,
        audio: TrackAudio,
        stream: ReconnectingStream | Unstreamed,
        stream_events: StreamEventHandler,
        *,
        publish: Callable[[Event], None],
        drain_s: float,
    ) -> None:
        self._audio = audio
        self.recording = audio.recording
        self.capture = audio.capture
        self.stream = stream
        self.stream_events = stream_events
        self._publish = publish
        self._drain_s = drain_s
        self._capture_ends = asyncio.Event()
        """Set when recording must end."""
        self.stopped_alone = False
        """Whether recording ended because a person stopped this track, and not the session."""
        self.source_failure: SourceError | None = None
        """Why the source ended without any audio; `None` if it did not."""

    @property
    def name(self) -> str:
        """Name of the track; empty if the session has one without a name."""
        return self._audio.name

    @property
    def streams(self) -> bool:
        """Whether the track has a stream of its own, or the stream of the mix."""
        return isinstance(self.stream, ReconnectingStream)

    @property
    def failure(self) -> CloseInfo | None:
        """Why the stream failed, or never had a connection; `None` if neither."""
        lost = self.stream_events.last_close if self.stream.opened == 0 else None
        return self.stream_events.failure or lost

    def stop(self) -> None:
        """Stop recording; the rest is sent."""
        self._capture_ends.set()

    def stop_alone(self) -> None:
        """Stop recording while other tracks go on; the rest is sent."""
        self.stopped_alone = True
        self.stop()

    def abandon(self) -> None:
        """End without waiting for a connection, for turns or for answers."""
        self._capture_ends.set()
        self.stream.abandon()

    async def record(self, capturing: Coroutine[Any, Any, None] | None) -> None:
        """Capture until the source ends or `stop` is called, then close the recording.

        Args:
            capturing: records until the source ends; `None` if a stored session is resumed.
        """
        try:
            if capturing is not None:
                await self._capture_until_stopped(capturing)
        finally:
            self.recording.close()
            if self.capture is not None and self.stream.recorded:
                self.stream.give_up_after(self._drain_s)

    async def _capture_until_stopped(self, capturing: Coroutine[Any, Any, None]) -> None:
        error = await run_until(capturing, self._capture_ends)
        match error:
            case SourceError():
                self.source_failure = error
            case Exception():  # After an internal error, the recorded audio must still be sent.
                log.error("capture failed", exc_info=error)
                self._publish(Notice(Severity.ERROR, "Internal error: recording stopped.", LOG_HINT))
