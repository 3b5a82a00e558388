"""Opens the sources of a session's tracks, at its start and later, and builds what records from each."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from msgspec.structs import replace

from tui.audio.clock_fit import ClockFit
from tui.audio.sources import is_device, is_file
from tui.config.schema import Config
from tui.engine.capture import DEFAULT_SOURCE, Capture
from tui.engine.event_sink import EventSink
from tui.engine.track_audio import SAMPLE_RATE, TrackAudio
from tui.engine.track_sources import TrackSource, open_sources
from tui.errors import UsageError
from tui.model.tracks import Track, parse_tracks
from tui.sessions.store import StoredSession


class FurtherTrack(NamedTuple):
    """A track that is to be added to a running session, with its source open."""

    source: TrackSource
    tracks: tuple[Track, ...]
    """All tracks, the new one last."""
    position: int
    """Samples of the session's time line when its source was opened, where its recording starts."""

    async def record(self, audio: TrackAudio) -> None:
        """Record until the source ends, then close it.

        Raises:
            SourceError: the source ended without any audio.
        """
        assert audio.capture is not None
        async with self.source.stack:
            await audio.capture.run(self.source.source, self.source.stack)


class TrackOpener:
    """Opens what records into the tracks of one session.

    Args:
        config: latency and channels of microphones.
        stored: the session.
        sink: holds the session's state, and receives levels and notices.
        audio: the tracks; further ones are added to it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        config: Config,
        stored: StoredSession,
        sink: EventSink,
        audio: list[TrackAudio],
        clock: Callable[[], float],
    ) -> None:
        self._config = config
        self._stored = stored
        self._sink = sink
        self._audio = audio
        self._clock = clock
        self._opening = False
        self._started_at: float | None = None
        """Start of the time line, on the clock; `None` while one track keeps its own clock."""

    def start(self, sources: Sequence[TrackSource], started_at: float) -> None:
        """Build what records into each of the first tracks.

        Args:
            sources: their sources.
            started_at: start of the time line, in seconds of the monotonic clock.
        """
        state = self._sink.state
        if len(sources) > 1:
            self._started_at = started_at
        # A track that was stopped before this session was continued has no source.
        recording = [audio for audio in self._audio if not audio.recording.closed]
        for audio, source in zip(recording, sources, strict=True):
            fit = self._fit(source.track.source, started_at) if len(sources) > 1 else None
            audio.capture = self._capture(audio, source, fit)
            known = next((known for known in state.tracks if known.name == audio.name), None)
            audio.capture.muted = known.muted if known is not None else state.muted
            audio.capture.gain_db = known.gain_db if known is not None else state.gain_db
        self._choose_fallbacks()

    async def open_further(self, specs: Sequence[str]) -> FurtherTrack:
        """Open the source of a further track.

        Args:
            specs: the sources of all tracks, the new one last.

        Raises:
            SourceError: it cannot be opened.
            UsageError: it is not valid, or another one is being opened.
        """
        tracks = parse_tracks(specs)
        if self._opening:
            raise UsageError("Another track is being added.", "Try again in a moment.")
        self._opening = True
        # Before the source is opened: what it captures while it opens has its place, too.
        position = min((audio.recording.position for audio in self._audio if not audio.recording.closed), default=0)
        stack = AsyncExitStack()
        try:
            [source] = await open_sources(tracks[-1:], stack, config=self._config, clock=self._clock)
        finally:
            self._opening = False
        return FurtherTrack(source, tracks, position)

    def add(self, further: FurtherTrack) -> tuple[TrackAudio, list[Track]]:
        """Build what records into a further track, and put all tracks on one time line; return it, and all tracks.

        Raises:
            SessionError: its recording cannot be written.
        """
        state, first = self._sink.state, self._audio[0]
        recording = self._stored.create_recording(SAMPLE_RATE, len(self._audio), silence=further.position)
        started_at = self._started_at
        if started_at is None:
            assert first.capture is not None
            started_at = self._started_at = first.capture.started_at
            first.name = further.tracks[0].name
            first.capture.join(first.name, self._fit(first.capture.spec, started_at, in_place=True))
        track = further.source.track
        audio = TrackAudio(track.name, recording, None)
        audio.capture = self._capture(audio, further.source, self._fit(track.source, started_at))
        self._audio.append(audio)
        self._choose_fallbacks()
        known = state.tracks or (replace(further.tracks[0], muted=state.muted, gain_db=state.gain_db),)
        return audio, [*known, replace(track, start_s=round(further.position / SAMPLE_RATE, 3))]

    def _fit(self, spec: str, started_at: float, *, in_place: bool = False) -> ClockFit | None:
        """Return what puts the audio of a source on the time line; `None` for a file, which has no clock of its own."""
        if is_file(spec):
            return None
        return ClockFit(SAMPLE_RATE, started_at, fills_gaps=is_device(spec), in_place=in_place)

    def _capture(self, audio: TrackAudio, source: TrackSource, fit: ClockFit | None) -> Capture:
        capture = Capture(
            audio.recording,
            source.track.source,
            latency_ms=self._config.mic_latency_ms,
            channels=self._config.mic_channels,
            publish=self._sink.emit,
            track=audio.name,
            fit=fit,
            clock=self._clock,
        )
        capture.device = source.name
        capture.lost = source.failure.message if source.failure is not None else ""
        return capture

    def _choose_fallbacks(self) -> None:
        """Let the default microphone replace only a lost microphone that no other track could be recording.

        It must not replace what the machine plays, nor record what another track records.
        """
        captures = [audio.capture for audio in self._audio if audio.capture is not None]
        microphones = sum(capture.spec.startswith("mic") for capture in captures)
        for capture in captures:
            alone = len(captures) == 1 or (capture.spec.startswith("mic") and microphones == 1)
            capture.fallback = DEFAULT_SOURCE if alone else ""
