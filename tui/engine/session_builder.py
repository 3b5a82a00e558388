"""Session builder: opens source, recording and journal, then builds a session that is complete."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import count

from tui.audio.recording import Recording
from tui.audio.sources import is_file
from tui.config.schema import Config
from tui.engine.capture import Capture
from tui.engine.compressed_store import CompressedDict
from tui.engine.continuation import Interruption, append_silence, gap_notice
from tui.engine.endpoints import Endpoints
from tui.engine.event_sink import EventSink
from tui.engine.gateway_process import GatewayProcess
from tui.engine.monitors import boot_clock
from tui.engine.routing import Route
from tui.engine.session import LiveSession
from tui.engine.track_audio import SAMPLE_RATE, TrackAudio
from tui.engine.track_opener import TrackOpener
from tui.engine.track_sources import TrackSource, open_sources
from tui.errors import SessionError
from tui.model.events import Event, Notice, PromptChanged, SessionStarted, Severity
from tui.model.prompts import PromptLibrary
from tui.model.session import Session
from tui.model.session_state import SessionState
from tui.model.stats import SILENCE_HINT
from tui.model.tracks import format_tracks, parse_tracks
from tui.sessions.catalogue import delete
from tui.sessions.rest import all_tracks, transcribed_s, untranscribed_tracks
from tui.sessions.store import Store, StoredSession
from tui.stream.turn_numbering import TurnSequencer


class SessionBuilder:
    """Builds one session.

    Args:
        config: the settings of the session.
        route: addresses and keys of the speech endpoint and the LLM server.
        prompts: the prompts that the session may use.
        store: creates the session's folder.
        gateway: runs the local gateway, if the route uses it.
        publish: receives every event.
        clock: monotonic seconds.
        boot_clock: seconds that go on while the machine sleeps.
        now: the date and time, with the offset from UTC.
    """

    def __init__(
        self,
        config: Config,
        route: Route,
        prompts: PromptLibrary,
        store: Store,
        gateway: GatewayProcess,
        publish: Callable[[Event], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        boot_clock: Callable[[], float] = boot_clock,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._config = config
        self._route = route
        self._prompts = prompts
        self._store = store
        self._endpoints = Endpoints(config, route, prompts, gateway, SAMPLE_RATE)
        self._publish = publish
        self._clock = clock
        self._boot_clock = boot_clock
        self._now = now

    async def record(self, on_opened: Callable[[LiveSession], None]) -> None:
        """Open the sources, and run a new session on them until it is over; delete the session if there was no audio.

        Args:
            on_opened: receives the session once it accepts commands.

        Raises:
            SourceError: a source cannot be opened; no session was created.
            SessionError: the session cannot be written to disk; no session was created.
            UsageError: the sources are not valid.
        """
        tracks = parse_tracks(self._config.sources)
        started_at = self._clock()
        async with AsyncExitStack() as opened:
            sources = await open_sources(tracks, opened, config=self._config, clock=self._clock)
            stored = self._store.create(self._now())
            session = self._build_recording(stored, sources, started_at)
            on_opened(session)
            await _run(session, sources)
            if session.source_failure is not None and stored.on_disk:
                await asyncio.to_thread(delete, stored)

    async def continue_recording(self, interruption: Interruption, on_opened: Callable[[LiveSession], None]) -> None:
        """Open the sources again, and go on recording a session whose engine was killed until it is over.

        Silence replaces the live audio of the gap, so that positions in the recordings stay true.

        Args:
            interruption: the session, repaired.
            on_opened: receives the session once it accepts commands.

        Raises:
            SourceError: a source cannot be opened; the session is unchanged.
            SessionError: the session cannot be read or written.
            UsageError: the sources are not valid.
        """
        stored, tracks = interruption.stored, parse_tracks(self._config.sources)
        stopped = {track.name for track in interruption.state.tracks if track.stopped}
        async with AsyncExitStack() as opened:
            paths = {track: stored.audio_of(number) for number, track in enumerate(tracks)}
            recording = [track for track in tracks if track.name not in stopped]
            recorded_s = [Recording.open(paths[track]).position / SAMPLE_RATE for track in recording]
            sources = await open_sources(recording, opened, config=self._config, clock=self._clock, skips_s=recorded_s)
            state = stored.load(SessionState(CompressedDict))
            audio = [
                TrackAudio(track.name, (Recording.reopen if track in recording else Recording.open)(path), None)
                for track, path in paths.items()
            ]
            sink = self._open_sink(state, stored, audio)
            now = self._now()
            gap_s = max(0.0, now.timestamp() - interruption.stopped_at)
            live = [
                each
                for each, track in zip(audio, tracks, strict=True)
                if track in recording and not is_file(track.source)
            ]
            for track in live:
                append_silence(track.recording, gap_s)
            ends_at = max(track.recording.position for track in audio) / SAMPLE_RATE
            opener = TrackOpener(self._config, stored, sink, audio, self._clock)
            opener.start(sources, self._clock() - ends_at)
            mix = state.session is not None and state.session.mixed
            turns = _turns_after(state, _streamed(audio, mix=mix))
            session = self._build(sink, audio, turns, mix=mix, opener=opener)
            session.restore_lost_answers()
            on_opened(session)
            sink.emit(gap_notice(interruption.stopped_at, now, ends_at, gap_s if live else 0.0))
            await _run(session, sources)

    def resume(self, stored: StoredSession) -> LiveSession:
        """Return a stored session, whose `run` transcribes the untranscribed rest of each of its tracks.

        Raises:
            SessionError: a recording or the journal of the session cannot be read or written.
        """
        state = stored.load(SessionState(CompressedDict))
        mix = state.session is not None and state.session.mixed
        rests = all_tracks(state) if mix else untranscribed_tracks(state)
        audio = [TrackAudio(rest.name, Recording.open(stored.audio_of(rest.number)), None) for rest in rests]
        turns = _turns_after(state, _streamed(audio, mix=mix))
        return self._build(self._open_sink(state, stored, audio), audio, turns, mix=mix)

    def _build_recording(self, stored: StoredSession, sources: Sequence[TrackSource], started_at: float) -> LiveSession:
        config, route = self._config, self._route
        tracks = [source.track for source in sources]
        mix = config.mix and len(tracks) > 1
        audio = [
            TrackAudio(track.name, stored.create_recording(SAMPLE_RATE, number), None)
            for number, track in enumerate(tracks)
        ]
        state = SessionState(CompressedDict)
        state.tracks = tuple(tracks) if tracks[0].name else ()
        sink = self._open_sink(state, stored, audio)
        opener = TrackOpener(config, stored, sink, audio, self._clock)
        opener.start(sources, started_at)
        info = Session(
            id=stored.id,
            path=str(stored.path) if stored.on_disk else "",
            started_at=self._now().isoformat(timespec="seconds"),
            source=format_tracks(tracks),
            engine=route.engine,
            endpoint=route.endpoint,
            speech_model=config.speech_model if route.engine == "cloud" else config.local_model,
            llm_model=config.llm_model,
            tracks=state.tracks,
            mixed=mix,
            known_voices=self._endpoints.remembers_voices,
        )
        turns = _turns_after(state, _streamed(audio, mix=mix))
        session = self._build(sink, audio, turns, mix=mix, opener=opener)
        sink.emit(SessionStarted(info))
        sink.emit(PromptChanged(sink.state.prompt))
        if not stored.on_disk:
            sink.emit(Notice(Severity.INFO, "Private session: nothing is written to disk."))
        for warning in route.warnings:
            sink.emit(Notice(Severity.WARNING, warning))
        for source in sources:
            if (failure := source.failure) is not None:
                text = f"{source.track.name}: {failure.message} {failure.hint}"
                sink.emit(Notice(Severity.WARNING, text, SILENCE_HINT))
        return session

    def _open_sink(self, state: SessionState, stored: StoredSession, audio: Sequence[TrackAudio]) -> EventSink:
        """Open the journal; if that fails, close the recordings."""
        if state.prompt not in self._prompts:
            state.prompt = self._prompts[self._config.prompt].id
        try:
            return EventSink(
                state,
                self._publish,
                (self._route.key, self._route.llm_key),
                stored,
                lambda: max(track.recording.position for track in audio) / SAMPLE_RATE,
            )
        except SessionError:
            for track in audio:
                track.recording.close()
            raise

    def _build(
        self,
        sink: EventSink,
        audio: Sequence[TrackAudio],
        turns: Sequence[TurnSequencer],
        *,
        mix: bool,
        opener: TrackOpener | None = None,
    ) -> LiveSession:
        if mix:
            self._endpoints.label_speakers()
        return LiveSession(
            self._config,
            self._route,
            self._prompts,
            self._endpoints,
            sink,
            audio,
            turns,
            clock=self._clock,
            boot_clock=self._boot_clock,
            mix=mix,
            opener=opener,
        )


async def _run(session: LiveSession, sources: Sequence[TrackSource]) -> None:
    """Run a session that records from open sources until it is over; a track without one was stopped before."""
    opened = iter(sources)
    await session.run(
        [_capture(track.capture, next(opened)) if track.capture is not None else None for track in session.tracks]
    )


async def _capture(capture: Capture, source: TrackSource) -> None:
    """Record from an open source until it ends, then close it."""
    async with source.stack:
        await capture.run(source.source, source.stack)


def _streamed(audio: Sequence[TrackAudio], *, mix: bool) -> list[str]:
    """Return, for each track, the name of the track of its turns: those of a mix belong to none."""
    return ["" if mix else track.name for track in audio]


def _turns_after(state: SessionState, names: Sequence[str]) -> list[TurnSequencer]:
    """Return, for each track, the numbering that continues a session after the last final turn of the track."""
    numbers = count(max((turn.number for turn in state.transcript), default=0) + 1)
    return [
        TurnSequencer(SAMPLE_RATE, boundary=round(transcribed_s(state, name) * SAMPLE_RATE), numbers=numbers)
        for name in names
    ]
