"""Session builder: opens source, recording and journal, then builds a session that is complete."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime

from tui.audio.recording import Recording
from tui.audio.sources import Source, is_file, open_source
from tui.config.schema import Config
from tui.engine.capture import Capture
from tui.engine.compressed_store import CompressedDict
from tui.engine.continuation import Interruption, append_silence, gap_notice
from tui.engine.endpoints import Endpoints
from tui.engine.event_sink import EventSink
from tui.engine.gateway_process import GatewayProcess
from tui.engine.monitors import boot_clock
from tui.engine.routing import Route
from tui.engine.session import SAMPLE_RATE, LiveSession
from tui.errors import SessionError
from tui.model.events import Event, Notice, PromptChanged, Session, SessionStarted, Severity
from tui.model.prompts import PromptLibrary
from tui.model.session_state import SessionState
from tui.sessions.catalogue import delete
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
        """Open the source, and run a new session on it until it is over; delete the session if there was no audio.

        Args:
            on_opened: receives the session once it accepts commands.

        Raises:
            SourceError: the source cannot be opened; no session was created.
            SessionError: the session cannot be written to disk; no session was created.
        """
        async with AsyncExitStack() as opened_sources:
            source = await opened_sources.enter_async_context(self._open_source())
            stored = self._store.create(self._now())
            session, capture = self._build_recording(stored, source)
            on_opened(session)
            await session.run(capture.run(source, opened_sources))
            if session.source_failure is not None and stored.on_disk:
                await asyncio.to_thread(delete, stored)

    async def continue_recording(self, interruption: Interruption, on_opened: Callable[[LiveSession], None]) -> None:
        """Open the source again, and go on recording a session whose engine was killed until it is over.

        Silence replaces the live audio of the gap, so that positions in the recording stay true.

        Args:
            interruption: the session, repaired.
            on_opened: receives the session once it accepts commands.

        Raises:
            SourceError: the source cannot be opened; the session is unchanged.
            SessionError: the session cannot be read or written.
        """
        stored = interruption.stored
        async with AsyncExitStack() as opened_sources:
            recorded_s = Recording.open(stored.audio).position / SAMPLE_RATE
            source = await opened_sources.enter_async_context(self._open_source(recorded_s))
            state = stored.load(SessionState(CompressedDict))
            recording = Recording.reopen(stored.audio)
            sink = self._open_sink(state, stored, recording)
            now = self._now()
            gap_s = 0.0 if is_file(self._config.source) else max(0.0, now.timestamp() - interruption.stopped_at)
            append_silence(recording, gap_s)
            capture = self._capture(recording, source, sink)
            capture.muted, capture.gain_db = state.muted, state.gain_db
            session = self._build(sink, recording, capture, _turns_after(state))
            session.restore_lost_answers()
            on_opened(session)
            sink.emit(gap_notice(interruption.stopped_at, now, gap_s))
            await session.run(capture.run(source, opened_sources))

    def resume(self, stored: StoredSession) -> LiveSession:
        """Return a stored session, whose `run` transcribes its untranscribed rest.

        Raises:
            SessionError: the session's recording or journal cannot be read or written.
        """
        state = stored.load(SessionState(CompressedDict))
        recording = Recording.open(stored.audio)
        return self._build(self._open_sink(state, stored, recording), recording, None, _turns_after(state))

    def _open_source(self, skip_s: float = 0.0) -> AbstractAsyncContextManager[Source]:
        config = self._config
        return open_source(
            config.source,
            sample_rate=SAMPLE_RATE,
            latency_ms=config.mic_latency_ms,
            channels=config.mic_channels,
            skip_s=skip_s,
            clock=self._clock,
        )

    def _capture(self, recording: Recording, source: Source, sink: EventSink) -> Capture:
        config = self._config
        capture = Capture(
            recording,
            config.source,
            latency_ms=config.mic_latency_ms,
            channels=config.mic_channels,
            publish=sink.emit,
            clock=self._clock,
        )
        capture.device = source.name
        return capture

    def _build_recording(self, stored: StoredSession, source: Source) -> tuple[LiveSession, Capture]:
        config, route = self._config, self._route
        recording = stored.create_recording(SAMPLE_RATE)
        sink = self._open_sink(SessionState(CompressedDict), stored, recording)
        capture = self._capture(recording, source, sink)
        info = Session(
            id=stored.id,
            path=str(stored.path) if stored.on_disk else "",
            started_at=self._now().isoformat(timespec="seconds"),
            source=config.source,
            engine=route.engine,
            endpoint=route.endpoint,
            speech_model=config.speech_model if route.engine == "cloud" else config.local_model,
            llm_model=config.llm_model,
        )
        session = self._build(sink, recording, capture, TurnSequencer(SAMPLE_RATE))
        sink.emit(SessionStarted(info))
        sink.emit(PromptChanged(sink.state.prompt))
        if not stored.on_disk:
            sink.emit(Notice(Severity.INFO, "Private session: nothing is written to disk."))
        for warning in route.warnings:
            sink.emit(Notice(Severity.WARNING, warning))
        return session, capture

    def _open_sink(self, state: SessionState, stored: StoredSession, recording: Recording) -> EventSink:
        """Open the journal; if that fails, close the recording."""
        if state.prompt not in self._prompts:
            state.prompt = self._prompts[self._config.prompt].id
        try:
            return EventSink(
                state,
                self._publish,
                (self._route.key, self._route.llm_key),
                stored,
                lambda: recording.position / SAMPLE_RATE,
            )
        except SessionError:
            recording.close()
            raise

    def _build(
        self, sink: EventSink, recording: Recording, capture: Capture | None, turns: TurnSequencer
    ) -> LiveSession:
        return LiveSession(
            self._config,
            self._route,
            self._prompts,
            self._endpoints,
            sink,
            recording,
            capture,
            turns,
            clock=self._clock,
            boot_clock=self._boot_clock,
        )


def _turns_after(state: SessionState) -> TurnSequencer:
    """Return the numbering that continues a stored session after its last final turn."""
    finals = state.transcript.finals
    return TurnSequencer(
        SAMPLE_RATE,
        boundary=round(max((turn.end_s for turn in finals), default=0.0) * SAMPLE_RATE),
        after=max((turn.number for turn in finals), default=0),
    )
