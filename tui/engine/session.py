"""Live session: runs capture, stream, gists, journal and statistics of one session."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec.structs import replace

from tui.audio.recording import Recording
from tui.config.schema import Config
from tui.engine.annotations import Annotations
from tui.engine.capture import LOG_HINT, Capture
from tui.engine.endpoints import Endpoints
from tui.engine.event_sink import EventSink
from tui.engine.gist_tracker import GistTracker
from tui.engine.monitors import DiskMonitor, SleepDetector
from tui.engine.routing import Route
from tui.engine.stats_collector import StatsCollector
from tui.engine.stream_events import StreamEventHandler
from tui.errors import SourceError, UsageError
from tui.model.events import (
    GainChanged,
    MutedChanged,
    Notice,
    PromptChanged,
    Severity,
    State,
    StatsChanged,
)
from tui.model.prompts import PromptLibrary
from tui.sessions.store import MIN_UNTRANSCRIBED_S
from tui.stream.reconnecting import ReconnectingStream
from tui.stream.turn_numbering import TurnSequencer

SAMPLE_RATE = 16_000
MAX_GAIN_DB = 40
"""Largest gain or attenuation, in dB."""
STATS_INTERVAL_S = 1.0
"""Seconds between two statistics events."""

log = logging.getLogger(__name__)


class LiveSession:
    """A new session, from its first sample to its last answer, or the untranscribed rest of a stored one.

    Args:
        config: the settings of the session.
        route: addresses and keys of the speech endpoint and the LLM server.
        prompts: the prompts that the session may use.
        endpoints: builds connection targets and the LLM client.
        sink: holds the session's state, and stores and publishes every event.
        recording: the audio to send.
        capture: records into `recording`; `None` if a stored session is resumed, which records nothing.
        turns: numbering of turns, whose boundary is where the first connection starts.
        clock: monotonic seconds.
        boot_clock: seconds that go on while the machine sleeps.
    """

    def __init__(
        self,
        config: Config,
        route: Route,
        prompts: PromptLibrary,
        endpoints: Endpoints,
        sink: EventSink,
        recording: Recording,
        capture: Capture | None,
        turns: TurnSequencer,
        *,
        clock: Callable[[], float],
        boot_clock: Callable[[], float],
    ) -> None:
        self._config = config
        self._route = route
        self._prompts = prompts
        self._endpoints = endpoints
        self._stats = StatsCollector()
        self._sink = sink
        self.state = sink.state
        """State of the session."""
        self._emit = sink.emit
        self._recording = recording
        self._capture = capture
        self._gists = GistTracker(config, self.state, self._stats, self._emit, clock)
        for turn in self.state.transcript.finals:
            self._stats.add_final(turn)
        self._gists.resume()
        self._requests: set[asyncio.Task[None]] = set()
        self.annotations = Annotations(
            self.state, prompts, self._gists, endpoints.chat, self._emit, self._spawn, sink.turn
        )
        """Executes annotation commands."""
        self._stream_events = StreamEventHandler(
            sink,
            self._gists,
            self._stats,
            self.annotations,
            prompts,
            endpoints.chat,
            self._spawn,
            self._position_s if capture is not None else None,
        )
        self._stream = ReconnectingStream(
            recording,
            endpoints.target,
            self.state.prompt,
            self._stream_events.handle,
            chunk_ms=config.chunk_ms,
            drain_s=config.drain_timeout_s,
            clock=clock,
            turns=turns,
        )
        self._stop_count = 0
        self.source_failure: SourceError | None = None
        """Why the source ended without any audio; `None` if it did not."""
        self._capture_ends = asyncio.Event()
        """Set when recording must end."""
        self._disk = DiskMonitor()
        self._sleep = SleepDetector(clock, boot_clock)
        self.viewers = 0
        """Number of viewers; only reported in the statistics."""

    def restore_lost_answers(self) -> None:
        """Request the answers that a killed engine did not receive, once a connection is open."""
        self._stream_events.restore_lost_answers()

    # Commands ----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop recording, then send the rest and wait for its turns; a second call abandons the rest.

        A resumed session is abandoned by the first call: its rest may be hours, and can be resumed again.
        """
        self._stop_count += 1
        if self._stop_count == 1 and self._capture is not None:
            self._capture_ends.set()
        else:
            self.abandon()

    def abandon(self) -> None:
        """End the session without waiting for a connection, for turns or for answers."""
        self._stop_count = max(self._stop_count, 2)
        self._capture_ends.set()
        self._stream.abandon()
        for task in self._requests:
            task.cancel()

    def mute(self, muted: bool) -> None:
        """Record and send silence if `muted`, else the source's audio."""
        if self._capture is not None and self._capture.muted != muted:
            self._capture.muted = muted
            self._emit(MutedChanged(muted))

    def use_prompt(self, id: str) -> None:
        """Send final turns to the LLM with another prompt from now on.

        Raises:
            ConfigError: the prompt does not exist.
        """
        prompt = self._prompts[id]
        if self.state.prompt != prompt.id:
            self._stream.use_prompt(prompt.id)
            self._emit(PromptChanged(prompt.id))

    def renew_prompt(self) -> None:
        """Send final turns to the LLM with the edited text of the prompt in use from now on."""
        self._stream.renew()

    def use_source(self, spec: str) -> None:
        """Record from another source from now on; record silence while it cannot be opened.

        Raises:
            UsageError: the session is not recording.
        """
        if self._capture is None or self._recording.closed:
            raise UsageError("The session is no longer recording.", "Start another session with s.")
        self._capture.switch(spec)

    def set_gain(self, gain_db: float) -> None:
        """Set the gain of what is recorded from now on.

        Raises:
            UsageError: the gain is out of range, or the session is not recording.
        """
        if not -MAX_GAIN_DB <= gain_db <= MAX_GAIN_DB:
            raise UsageError(f"A gain of {gain_db:g} dB is out of range.", f"Use -{MAX_GAIN_DB} to {MAX_GAIN_DB} dB.")
        if self._capture is None or self._recording.closed:
            raise UsageError("The session is no longer recording.", "Start another session with s.")
        self._capture.gain_db = gain_db
        self._emit(GainChanged(gain_db))

    async def analyse(self, id: str) -> None:
        """Send the transcript so far with a prompt's session text to the LLM.

        Raises:
            UsageError: there are no final turns yet.
            ConfigError: the prompt does not exist.
        """
        prompt = self._prompts[id or self.state.prompt]
        if not self.state.transcript.finals:
            raise UsageError("There is nothing to analyse yet.", "Wait for the first turn to end.")
        self._spawn(self._gists.analyse(prompt, self.state.finals, self._endpoints.chat))

    def _spawn(self, request: Coroutine[Any, Any, None]) -> None:
        """Run a request to the LLM in the background; the session waits for it before it ends."""
        task = asyncio.ensure_future(self._run_request(request))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _run_request(self, request: Coroutine[Any, Any, None]) -> None:
        """Await a request; the last one after the session's end closes the connections to the LLM server."""
        try:
            await request
        finally:
            request.close()
            if self.state.state.over and self._requests <= {asyncio.current_task()}:
                await self._endpoints.close()

    # Tasks -------------------------------------------------------------------------------------------------------

    async def run(self, capturing: Coroutine[Any, Any, None] | None = None) -> None:
        """Run the session until it is ENDED or FAILED, also if one of its tasks fails.

        Args:
            capturing: records until the source ends; `None` if a stored session is resumed.
        """
        try:
            self._sink.transition(State.CONNECTING)
            await self._run_tasks(capturing)
        finally:
            try:
                self._end()
            finally:
                await self._endpoints.close()

    async def _run_tasks(self, capturing: Coroutine[Any, Any, None] | None) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._record(capturing), name="capture")
            counting = tasks.create_task(self._stats_loop(), name="stats")
            checking = tasks.create_task(self._check_model(), name="model check")
            try:
                await self._stream.run()
                self._capture_ends.set()
                self._gists.expire(all=True)
                await self._analyse_at_end()
            finally:
                counting.cancel()
                checking.cancel()

    async def _record(self, capturing: Coroutine[Any, Any, None] | None) -> None:
        """Capture until the source ends or `stop` is called, then close the recording."""
        try:
            if capturing is not None:
                await self._capture_until_stopped(capturing)
        finally:
            self._recording.close()
            if self._capture is not None:
                self._stream.give_up_after(self._config.drain_timeout_s)
            if self.state.state is not State.DRAINING:
                self._sink.transition(State.DRAINING)

    async def _capture_until_stopped(self, capturing: Coroutine[Any, Any, None]) -> None:
        tasks = (asyncio.ensure_future(capturing), asyncio.ensure_future(self._capture_ends.wait()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            captured, _ = await asyncio.gather(*tasks, return_exceptions=True)
        match captured:
            case SourceError():
                self.source_failure = captured
            case Exception():  # After an internal error, the recorded audio must still be sent.
                log.error("capture failed", exc_info=captured)
                self._emit(Notice(Severity.ERROR, "Internal error: recording stopped.", LOG_HINT))

    async def _analyse_at_end(self) -> None:
        """Analyse the whole session if configured, and wait for all requests to the LLM."""
        requested = self._config.analyse_at_end and self._stop_count < 2 and self._stream_events.failure is None
        if requested and self.state.transcript.finals:
            self._sink.set_reason("analysing the whole session")
            await self.analyse("")
        while self._requests:
            await asyncio.wait(self._requests)

    def _end(self) -> None:
        """Publish the final statistics and state, and close recording and journal."""
        self._recording.close()
        self._emit_stats()
        untranscribed_s = round(self._stream.untranscribed / SAMPLE_RATE, 1)
        # The journal is on the same disk: once this entry can be read, the recording is saved, too.
        last = replace(self.state.stats, untranscribed_s=untranscribed_s, unsaved_s=0.0)
        self._sink.emit(StatsChanged(last), persist=True)
        self._warn_of_untranscribed()
        self._warn_of_unsaved()
        failure = self._stream_events.failure or (self._stream_events.last_close if self._stream.opened == 0 else None)
        if self.source_failure is not None:
            self._sink.transition(State.FAILED, self.source_failure.message, self.source_failure.hint)
        elif failure is not None:
            reason = f"{failure.meaning} ({failure.code}: {failure.reason})" if failure.reason else failure.meaning
            self._sink.transition(State.FAILED, reason, failure.hint)
        else:
            self._sink.transition(State.ENDED)
        self._sink.close()

    def save(self) -> bool:
        """Write what could not be written during the session; return whether everything is saved."""
        if self._recording.unsaved and self._recording.save():
            self._emit(StatsChanged(replace(self.state.stats, unsaved_s=0.0)))
            self._emit(Notice(Severity.INFO, "The whole session is saved to disk now."))
        return not self._recording.unsaved and self._sink.close()

    @property
    def _unsaved_s(self) -> float:
        return round(self._recording.unsaved / SAMPLE_RATE, 1)

    def _warn_of_unsaved(self) -> None:
        if self._recording.unsaved:
            self._emit(StatsChanged(replace(self.state.stats, unsaved_s=self._unsaved_s)))
            self._emit(
                Notice(
                    Severity.ERROR,
                    f"The last {self._unsaved_s:.0f} s of the recording are not saved to disk; only memory has them.",
                    "Free disk space while the engine is running: they are saved then.",
                )
            )

    def _warn_of_untranscribed(self) -> None:
        untranscribed_s, session = self.state.stats.untranscribed_s, self.state.session
        if untranscribed_s >= MIN_UNTRANSCRIBED_S and session is not None:
            self._emit(
                Notice(
                    Severity.WARNING,
                    f"{untranscribed_s:.0f} s of the recording could not be transcribed.",
                    f"To transcribe them later, press t or run: livegist recover {session.id}"
                    if self._sink.stored.on_disk
                    else "This is a private session: they are lost.",
                )
            )

    # Statistics and checks ---------------------------------------------------------------------------------------

    def _position_s(self) -> float:
        return self._recording.position / SAMPLE_RATE

    async def _stats_loop(self) -> None:
        """Publish statistics, and check timeouts, disk and sleep, every `STATS_INTERVAL_S`."""
        while True:
            await asyncio.sleep(STATS_INTERVAL_S)
            self._gists.expire()
            self._check_machine()
            self._emit_stats()

    def _check_machine(self) -> None:
        """Report failing writes to disk and sleep of the machine; reconnect after sleep."""
        notice = self._disk.check(self._recording.failure or self._sink.failure)
        if notice is not None:
            self._emit(notice)
        self._sink.flush()
        if slept_s := self._sleep.slept_s():
            self._emit(
                Notice(
                    Severity.WARNING,
                    f"The machine slept for {slept_s:.0f} s, which are not recorded.",
                    f"The gap is at {self._position_s():.0f} s of the session; the session continues.",
                )
            )
            self._stream.reconnect()

    async def _check_model(self) -> None:
        if (warning := await self._endpoints.check_model()) is not None:
            self._emit(warning)

    def _emit_stats(self) -> None:
        stats = self._stats.collect(
            self._stream,
            self._recording,
            self._capture,
            config=self._config,
            billed=self._route.engine == "cloud",
        )
        factor = self._stream_events.realtime_factor
        self._emit(StatsChanged(replace(stats, realtime_factor=factor, viewers=self.viewers)))
