"""One session: capture, link, answers, journal and figures under one roof."""

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
from tui.errors import UsageError
from tui.model.events import (
    GainChanged,
    MutedChanged,
    Notice,
    PromptChanged,
    Severity,
    State,
    StatsChanged,
    TurnChanged,
    TurnRemoved,
)
from tui.model.prompts import PromptLibrary
from tui.model.stats import Stats
from tui.model.transcript import Turn
from tui.sessions.store import MIN_UNTRANSCRIBED_S
from tui.stream import events, messages
from tui.stream.close_codes import CloseInfo
from tui.stream.events import StreamEvent
from tui.stream.messages import Heartbeat
from tui.stream.reconnecting import ReconnectingStream
from tui.stream.turn_numbering import TurnSequencer

SAMPLE_RATE = 16_000
MAX_GAIN_DB = 40
"""Largest gain or loss of a microphone that is set here."""
STATS_INTERVAL_S = 1.0
"""Seconds between two figures."""

log = logging.getLogger("livegist.session")


class LiveSession:
    """A session from its first sample to its last answer, or the rest of one that is taken up again.

    Args:
        config: the settings it runs with.
        plan: where speech and prompts go.
        prompts: the prompts it may use.
        servers: connect it to the endpoint and to the LLM server.
        chronicle: knows what of the session is known already, and keeps and tells what becomes of it.
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
        self._stream = ReconnectingStream(
            recording,
            endpoints.target,
            self.state.prompt,
            self._handle_stream_event,
            chunk_ms=config.chunk_ms,
            drain_s=config.drain_timeout_s,
            clock=clock,
            turns=turns,
        )
        self._analysing: set[asyncio.Task[None]] = set()
        self._lost_answers: list[tuple[int, str]] = []
        """Turns whose answers were lost with their connection, and the prompts."""
        self._realtime_factor: float | None = None
        self._stop_asked = 0
        self._capture_ends = asyncio.Event()
        """Set once nothing more is to be recorded."""
        self._last_close: CloseInfo | None = None
        self._failure: CloseInfo | None = None
        self._disk = DiskMonitor()
        self._sleep = SleepDetector(clock, boot_clock)
        self.viewers = 0
        """How many watch; only told in the figures."""
        self.annotations = Annotations(self.state, prompts, self._gists, endpoints.chat, self._emit, self._spawn)
        """What a person may add to it."""

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
        wanted = self._config.analyse_at_end and self._stop_asked < 2 and self._failure is None
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
        ending = self._failure or (self._last_close if self._stream.opened == 0 else None)
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
                    if self._sink.stored.stored
                    else "It is a private session: they are lost.",
                )
            )

    # What it hears -----------------------------------------------------------------------------------------------

    def _handle_stream_event(self, event: StreamEvent) -> None:
        """Turn what the link says into what viewers are told."""
        match event:
            case events.ConnectionOpened():
                if self.state.state in (State.CONNECTING, State.RECONNECTING):
                    self._sink.transition(State.LIVE)
                self._ask_lost_answers()
            case events.ConnectionLost(close=close, wait_s=wait_s):
                self._last_close = close
                again = f" Next try in {wait_s:.0f} s." if wait_s >= 1 else ""
                if self.state.state is State.DRAINING or self.state.state is State.RECONNECTING:
                    self._sink.set_reason(f"{close.meaning}{again}", close.hint)
                else:
                    self._sink.transition(State.RECONNECTING, f"{close.meaning}{again}", close.hint)
            case events.TurnReceived(turn=turn, prompt=asked):
                self._handle_turn(turn, asked)
            case events.TurnDiscarded(number=number):
                self._emit(TurnRemoved(number))
            case events.AnswerReceived(turn=number, prompt=prompt, completion=completion):
                self._gists.answer(number, prompt, completion)
            case events.AnswerLost(turn=number, prompt=prompt) if self._gists.awaits(number, prompt):
                self._lost_answers.append((number, prompt))
                if self.state.state is State.LIVE:
                    # It was the connection before the one in use.
                    self._ask_lost_answers()
            case events.SpeakerRevised(turn=number, speaker=speaker):
                if (known := self._sink.turn(number)) is not None:
                    self._emit(TurnChanged(replace(known, speaker=speaker)))
            case events.PromptRefused(prompt=prompt, kept=kept, close=close):
                why = f"{close.meaning} ({close.reason})" if close.reason else close.meaning
                self._emit(Notice(Severity.ERROR, f"The prompt {prompt!r} was refused: {why}", close.hint))
                self._emit(PromptChanged(kept))
            case events.StreamFailed(close=close):
                self._failure = close
            case events.MessageReceived(message=Heartbeat(realtime_factor=factor)):
                self._realtime_factor = round(factor, 2)
            case events.MessageReceived(message=messages.Warning(warning=text)):
                self._emit(Notice(Severity.WARNING, text))

    def _ask_lost_answers(self) -> None:
        """Ask ourselves for what connections owed that were lost, now that there is a line again."""
        for number, prompt in self._lost_answers:
            turn = self.state.transcript.get(number)
            if turn is not None and prompt in self._prompts:
                self._spawn(self._gists.about_turn(turn, self._prompts[prompt], self._endpoints.chat, instead=True))
        self._lost_answers.clear()

    def _handle_turn(self, turn: Turn, asked: str | None) -> None:
        known = self.state.transcript.get(turn.number)
        self._emit(TurnChanged(turn))
        if turn.final:
            after_ms = max(0.0, self._position_s() - turn.end_s) * 1000 if self._capture is not None else None
            self._stats.add_final(turn, after_ms, before=known if known is not None and known.final else None)
            if asked is not None:
                self._gists.expect(turn.number, self._prompts[asked])
            self.annotations.on_final(turn, asked)

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
        figures, way = self._stats, self._stream
        round_trip_s = way.round_trip_s
        self._emit(
            StatsChanged(
                Stats(
                    elapsed_s=round(self._position_s(), 1),
                    sent_s=round(way.sent / SAMPLE_RATE, 1),
                    lag_s=round(way.behind / SAMPLE_RATE, 1),
                    turns=figures.turns,
                    words=figures.words,
                    words_per_minute=figures.words_per_minute,
                    final_p50_ms=figures.final_ms(0.5),
                    final_p95_ms=figures.final_ms(0.95),
                    gists=figures.gists,
                    gists_missing=figures.gists_missing,
                    gist_p50_ms=figures.gist_ms(0.5),
                    input_tokens=figures.input_tokens,
                    output_tokens=figures.output_tokens,
                    cost_usd=round(
                        figures.cost_usd(self._config, socket_s=way.socket_s, billed=self._route.engine == "cloud"),
                        4,
                    ),
                    connections=way.opened,
                    reconnects=way.lost,
                    round_trip_ms=None if round_trip_s is None else round(round_trip_s * 1000),
                    realtime_factor=self._realtime_factor,
                    device=self._capture.device if self._capture else "",
                    overflows=self._capture.overflows if self._capture else 0,
                    recording_bytes=self._recording.size_bytes,
                    unsaved_s=self._unsaved_s,
                    expires_s=None if way.expires_s is None else round(way.expires_s),
                    viewers=self.viewers,
                )
            )
        )
