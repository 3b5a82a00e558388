"""Tracks of a live session: builds each with its stream, and what they share: connections, mix and echo filter."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from msgspec.structs import replace

from tui.audio.mixed_reader import MixedReader
from tui.config.schema import Config
from tui.engine.annotations import Annotations
from tui.engine.echo_filter import EchoFilter
from tui.engine.endpoints import Endpoints
from tui.engine.event_sink import EventSink
from tui.engine.finishing import finishing_reason
from tui.engine.gist_tracker import GistTracker
from tui.engine.links import Links
from tui.engine.live_track import LiveTrack
from tui.engine.routing import Route
from tui.engine.stats_collector import StatsCollector
from tui.engine.stream_events import StreamEventHandler
from tui.engine.track_audio import SAMPLE_RATE, TrackAudio
from tui.engine.unstreamed import Unstreamed
from tui.model.events import Notice, Severity
from tui.model.prompts import PromptLibrary
from tui.model.tracks import Track, TracksChanged
from tui.stream.events import StreamEvent
from tui.stream.reconnecting import ReconnectingStream
from tui.stream.speaker_sets import SpeakerSets
from tui.stream.turn_numbering import TurnSequencer

LATE_TURNS_S = 120.0
"""Longest wait for the last turns of a stored recording: nobody waits for its end, and a busy endpoint is late."""


class SessionTracks:
    """The tracks of one session.

    Args:
        config: the settings of the session.
        route: addresses and keys of the speech endpoint and the LLM server.
        prompts: the prompts that connections may carry.
        endpoints: builds connection targets and the LLM client.
        sink: holds the session's state, and stores and publishes every event.
        gists: receives the answers to turns.
        stats: counts final turns.
        annotations: asks extra prompts about final turns.
        spawn: runs a request to the LLM in the background.
        audio: recording and capture of each track at the start.
        turns: the numbering of the turns of each.
        clock: monotonic seconds.
        mix: whether all tracks are sent over one connection.
    """

    def __init__(
        self,
        config: Config,
        route: Route,
        prompts: PromptLibrary,
        endpoints: Endpoints,
        sink: EventSink,
        gists: GistTracker,
        stats: StatsCollector,
        annotations: Annotations,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        audio: Sequence[TrackAudio],
        turns: Sequence[TurnSequencer],
        *,
        clock: Callable[[], float],
        mix: bool,
    ) -> None:
        self._config = config
        self._route = route
        self._prompts = prompts
        self._endpoints = endpoints
        self._sink = sink
        self._gists = gists
        self._stats = stats
        self._annotations = annotations
        self._spawn = spawn
        self._turns = turns[0]
        self._clock = clock
        self.mix = MixedReader([track.recording for track in audio]) if mix else None
        """The sum of all tracks, which is sent over one connection; `None` if each has a connection."""
        self._echo = EchoFilter(sink.state, sink.turn) if config.remove_echo and not mix else None
        state = sink.state
        self._labels = {turn.speaker for turn in state.transcript.finals if turn.speaker} | set(state.speakers)
        self._reported_restart = False
        endpoints.speakers = self._new_speakers()
        self.links = Links([""] if mix else [track.name for track in audio])
        """The connections of all tracks."""
        self.all: list[LiveTrack] = []
        """The tracks, each with a source, a recording and a connection of its own."""
        for track, numbers in zip(audio, turns, strict=True):
            self._build(track, numbers)

    def add(self, audio: TrackAudio, tracks: Sequence[Track]) -> LiveTrack:
        """Add a track to the running session.

        Args:
            audio: recording and capture of the track.
            tracks: all tracks now. The only one so far may have had no name before.
        """
        first = self.all[0]
        if self.mix is None and not first.stream_events.track:
            first.stream_events.track = tracks[0].name
            self.links.rename("", tracks[0].name)
        self._sink.emit(TracksChanged(tuple(tracks)))
        if self.mix is not None:
            self.mix.add(audio.recording)
        else:
            self.links.add(audio.name)
        return self._build(audio, self._turns.beside(audio.recording.position))

    def publish_stopped(self, track: LiveTrack) -> None:
        """Publish that a track was stopped, unless an engine before this one has done so."""
        if track.capture is None:
            return
        end_s = round(track.recording.position / SAMPLE_RATE, 3)
        known = self._sink.state.tracks
        self._sink.emit(
            TracksChanged(tuple(replace(each, end_s=end_s) if each.name == track.name else each for each in known))
        )
        self._sink.emit(Notice(Severity.INFO, f"{track.name} is no longer recorded."))

    def give_up_later(self) -> None:
        """Let the streams end that do not end with the recording of their track: of a mix, and of a stopped track."""
        for track in self.all:
            if self.mix is not None or track.capture is None:
                track.stream.give_up_after(self._config.drain_timeout_s)

    def release_turns(self, *, all: bool = False) -> None:
        """Publish the held turns that are decided, or `all` of them."""
        for track in self.all:
            track.stream_events.release(all=all)

    def finishing_reason(self, reason: str) -> str:
        """Return what a session whose recording has ended waits for; `reason` is the one before."""
        return finishing_reason(self.links, [track.stream for track in self.all], reason)

    def _build(self, audio: TrackAudio, turns: TurnSequencer) -> LiveTrack:
        """Build a track and its stream; the first one of a mix streams for all."""
        further, drain_s = bool(self.all), self._config.drain_timeout_s
        # Only livegist's own gateway labels the speakers of all tracks together.
        turns.speakers = self._new_speakers() if self._qualifies else self._endpoints.speakers
        events = self._event_handler(audio)
        stream = (
            Unstreamed()
            if self.mix is not None and further
            else ReconnectingStream(
                self.mix or audio.recording,
                lambda prompt: self._endpoints.target(prompt, events.track),
                self._sink.state.prompt,
                lambda event: self._handle_event(events, event),
                chunk_ms=self._config.chunk_ms,
                drain_s=drain_s,
                turns_s=LATE_TURNS_S if audio.capture is None else 0.0,
                clock=self._clock,
                turns=turns,
            )
        )
        if self._echo is not None:
            self._echo.add(audio)
        track = LiveTrack(audio, stream, events, publish=self._sink.emit, drain_s=drain_s)
        track.stopped_alone = any(known.stopped for known in self._sink.state.tracks if known.name == audio.name)
        self.all.append(track)
        return track

    def _event_handler(self, audio: TrackAudio) -> StreamEventHandler:
        reader = self.mix or audio.recording
        return StreamEventHandler(
            self._sink,
            self._gists,
            self._stats,
            self._annotations,
            self._prompts,
            self._endpoints.chat,
            self._spawn,
            self.links,
            (lambda: reader.position / SAMPLE_RATE) if audio.capture is not None else None,
            track="" if self.mix else audio.name,
            qualifies=self._qualifies,
            echo=self._echo,
            clock=self._clock,
        )

    @property
    def _qualifies(self) -> bool:
        """Whether the endpoint labels the speakers of each track from A on."""
        return len(self._sink.state.tracks) > 1 and self.mix is None and bool(self._route.url)

    def _new_speakers(self) -> SpeakerSets:
        """Return sets of speakers that go on after those of a continued session."""
        return SpeakerSets(self._labels, self._report_restart)

    def _report_restart(self, label: str, own: str) -> None:
        """Report once that the endpoint labels the speakers anew.

        Args:
            label: the first new label.
            own: the same label as the endpoint gave it.
        """
        if not self._reported_restart:
            self._reported_restart = True
            text = f"The endpoint has begun new speaker labels: {label} and {own} may be different people."
            self._sink.emit(Notice(Severity.WARNING, text, "Give a new label the old name if it is the same person."))

    def _handle_event(self, handler: StreamEventHandler, event: StreamEvent) -> None:
        """Apply an event of a track's stream; the words of a turn may decide about held turns of other tracks."""
        handler.handle(event)
        self.release_turns()
