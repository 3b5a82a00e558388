"""One session: capture, stream, gists, journal and statistics."""

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
from tui.errors import UsageError
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
"""Largest gain or loss of a microphone that is set here."""
STATS_INTERVAL_S = 1.0
"""Seconds between two figures."""

log = logging.getLogger(__name__)


class LiveSession:
    """A session from its first sample to its last answer, or the rest of one that is taken up again.

    Args:
        config: the settings it runs with.
        route: where speech and prompts go.
        prompts: the prompts it may use.
        endpoints: connect it to the endpoint and to the LLM server.
        sink: has the session's state, and keeps and publishes every event.
        recording: what is sent.
        capture: what is recorded; `None` if the session is over and only the rest of it is sent.
        turns: where the first connection starts.
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
        """What is known of it."""
        self._emit = sink.emit
        self._recording = recording
        self._capture = capture
        self._gists = GistTracker(config, self.state, self._stats, self._emit, clock)
        for turn in self.state.transcript.finals:
            self._stats.add_final(turn)
        self._gists.resume()
        self._analysing: set[asyncio.Task[None]] = set()
        self.annotations = Annotations(self.state, prompts, self._gists, endpoints.chat, self._emit, self._spawn)
        """What a person may add to it."""
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
        self._stop_asked = 0
        self._capture_ends = asyncio.Event()
        """Set once nothing more is to be recorded."""
        self._disk = DiskMonitor()
        self._sleep = SleepDetector(clock, boot_clock)
        self.viewers = 0
        """How many watch; only told in the figures."""

    # What may be asked of it -------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop capturing, then send and wait for the rest; asked again, wait no longer.

        Of a recording that is taken up again the rest may be hours: it is left, to be taken up another time.
        """
        self._stop_asked += 1
        if self._stop_asked == 1 and self._capture is not None:
            self._capture_ends.set()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Wait for nothing more: not for a connection, nor for an analysis."""
        self._stop_asked = max(self._stop_asked, 2)
        self._capture_ends.set()
        self._stream.abandon()
        for task in self._analysing:
            task.cancel()

    def mute(self, muted: bool) -> None:
        """Record and send silence, or no longer."""
        if self._capture is not None and self._capture.muted != muted:
            self._capture.muted = muted
            self._emit(MutedChanged(muted))

    def use_prompt(self, id: str) -> None:
        """Have turns that end from now on answered by another prompt.

        Raises:
            ConfigError: there is none of that id.
        """
        prompt = self._prompts[id]
        if self.state.prompt != prompt.id:
            self._stream.use_prompt(prompt.id)
            self._emit(PromptChanged(prompt.id))

    def renew_prompt(self) -> None:
        """Have turns that end from now on answered by what the prompt in use says now."""
        self._stream.renew()

    def use_source(self, spec: str) -> None:
        """Record from another device from now on; if it cannot be opened, silence is recorded until one can.

        Raises:
            UsageError: nothing is recorded any more.
        """
        if self._capture is None or self._recording.closed:
            raise UsageError("Nothing is recorded any more.", "Start another session with s.")
        self._capture.switch(spec)

    def set_gain(self, gain_db: float) -> None:
        """Record louder or softer from now on.

        Raises:
            UsageError: it is beyond what makes sense, or nothing is recorded any more.
        """
        if not -MAX_GAIN_DB <= gain_db <= MAX_GAIN_DB:
            raise UsageError(f"A gain of {gain_db:g} dB makes no sense.", f"From -{MAX_GAIN_DB} to {MAX_GAIN_DB} dB.")
        if self._capture is None or self._recording.closed:
            raise UsageError("Nothing is recorded any more.", "Start another session with s.")
        self._capture.gain_db = gain_db
        self._emit(GainChanged(gain_db))

    async def analyse(self, id: str) -> None:
        """Send the transcript so far with a prompt's session text to the LLM.

        Raises:
            UsageError: nothing was said yet.
            ConfigError: there is no such prompt.
        """
        prompt = self._prompts[id or self.state.prompt]
        if not self.state.transcript.finals:
            raise UsageError("There is nothing to analyse yet.", "Wait for the first turn to end.")
        self._spawn(
            self._gists.analyse(
                prompt, self.state.transcript.with_speaker_names(self.state.speakers), self._endpoints.chat
            )
        )

    def _spawn(self, asking: Coroutine[Any, Any, None]) -> None:
        """Run what asks the LLM; the session waits for it before it ends."""
        task = asyncio.ensure_future(self._ask(asking))
        self._analysing.add(task)
        task.add_done_callback(self._analysing.discard)

    async def _ask(self, asking: Coroutine[Any, Any, None]) -> None:
        """Await `asking`; the last one after the session's end closes the connections to the LLM server."""
        try:
            await asking
        finally:
            asking.close()
            if self.state.state.over and self._analysing <= {asyncio.current_task()}:
                await self._endpoints.close()

    # Its life ----------------------------------------------------------------------------------------------------

    async def run(self, capturing: Coroutine[Any, Any, None] | None = None) -> None:
        """Run the session until it is ENDED or FAILED, and end it properly whatever becomes of its tasks.

        Args:
            capturing: records until the source ends; `None` if nothing is recorded any more.
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
            counting = tasks.create_task(self._stats_loop(), name="figures")
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
        """Capture until the source ends or a stop is asked; then nothing more is recorded."""
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
        both = (asyncio.ensure_future(capturing), asyncio.ensure_future(self._capture_ends.wait()))
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            captured, _ = await asyncio.gather(*both, return_exceptions=True)
        if isinstance(captured, Exception):  # A fault of ours must not keep what is recorded from being sent.
            log.error("capturing broke", exc_info=captured)
            self._emit(Notice(Severity.ERROR, "livegist made a mistake and records nothing more.", LOG_HINT))

    async def _analyse_at_end(self) -> None:
        """Analyse the whole session if that is wanted, and wait for analyses that are under way."""
        wanted = self._config.analyse_at_end and self._stop_asked < 2 and self._stream_events.failure is None
        if wanted and self.state.transcript.finals:
            self._sink.set_reason("analysing the whole session")
            await self.analyse("")
        while self._analysing:
            await asyncio.wait(self._analysing)

    def _end(self) -> None:
        """Say how it ended, and close what is open."""
        self._recording.close()
        self._emit_stats()
        untranscribed_s = round(self._stream.untranscribed / SAMPLE_RATE, 1)
        # The journal is written to the same disk: by the time it can be read, nothing is unsaved any more.
        last = replace(self.state.stats, untranscribed_s=untranscribed_s, unsaved_s=0.0)
        self._sink.emit(StatsChanged(last), persist=True)
        self._warn_of_untranscribed()
        self._warn_of_unsaved()
        ending = self._stream_events.failure or (self._stream_events.last_close if self._stream.opened == 0 else None)
        if ending is not None:
            why = f"{ending.meaning} ({ending.code}: {ending.reason})" if ending.reason else ending.meaning
            self._sink.transition(State.FAILED, why, ending.hint)
        else:
            self._sink.transition(State.ENDED)
        self._sink.close()

    def save(self) -> bool:
        """Write what the disk did not take while the session lasted; return whether nothing is left."""
        if self._recording.unsaved and self._recording.save():
            self._emit(StatsChanged(replace(self.state.stats, unsaved_s=0.0)))
            self._emit(Notice(Severity.INFO, "The disk has taken the whole session now."))
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
                    f"The disk does not take the last {self._unsaved_s:.0f} s of the recording; memory alone has them.",
                    "Make room: they are written then, if the engine still runs.",
                )
            )

    def _warn_of_untranscribed(self) -> None:
        unheard_s, session = self.state.stats.untranscribed_s, self.state.session
        if unheard_s >= MIN_UNTRANSCRIBED_S and session is not None:
            self._emit(
                Notice(
                    Severity.WARNING,
                    f"{unheard_s:.0f} s were recorded but could not be transcribed.",
                    f"Once it is possible, t sends them, or: livegist recover {session.id}"
                    if self._sink.stored.on_disk
                    else "It is a private session: they are lost.",
                )
            )

    # What it says ------------------------------------------------------------------------------------------------

    def _position_s(self) -> float:
        return self._recording.position / SAMPLE_RATE

    async def _stats_loop(self) -> None:
        """Tell the figures and look after deadlines, once a second."""
        while True:
            await asyncio.sleep(STATS_INTERVAL_S)
            self._gists.expire()
            self._check_machine()
            self._emit_stats()

    def _check_machine(self) -> None:
        """Look after what may happen to the disk and to the machine."""
        told = self._disk.check(self._recording.failure or self._sink.failure)
        if told is not None:
            self._emit(told)
        self._sink.flush()
        if slept_s := self._sleep.slept_s():
            self._emit(
                Notice(
                    Severity.WARNING,
                    f"The machine slept for {slept_s:.0f} s; what was said meanwhile is not recorded.",
                    f"It was at {self._position_s():.0f} s of the session, which goes on.",
                )
            )
            self._stream.reconnect()

    async def _check_model(self) -> None:
        if (doubt := await self._endpoints.check_model()) is not None:
            self._emit(doubt)

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
