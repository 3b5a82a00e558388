"""One session: capture, link, answers, journal and figures under one roof."""

import asyncio
import difflib
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime

from msgspec.structs import replace

from tui.audio.recording import Recording
from tui.audio.sources import Source, open_source
from tui.config import Config
from tui.engine.answers import Answers
from tui.engine.capture import Capture
from tui.engine.figures import Figures
from tui.engine.local import LocalGateway
from tui.engine.plan import Plan, chat_root, endpoint
from tui.engine.state import NEXT, IllegalTransition
from tui.errors import ChatError, LivegistError, UsageError
from tui.llm.client import ChatClient
from tui.model.events import (
    Event,
    MutedChanged,
    Notice,
    PromptChanged,
    Session,
    SessionStarted,
    Severity,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
    TurnRemoved,
)
from tui.model.prompts import PromptLibrary
from tui.model.stats import Stats
from tui.model.transcript import Turn
from tui.sessions.journal import Journal, lasting
from tui.sessions.record import Record
from tui.sessions.store import Store, Stored
from tui.stream import link, protocol
from tui.stream.connection import Refused
from tui.stream.link import Link, LinkEvent, Target
from tui.stream.protocol import Ending, Heartbeat

SAMPLE_RATE = 16_000
STATS_S = 1.0
"""Seconds between two figures."""
SAMPLE_BYTES = 2


class LiveSession:
    """A session from its first sample to its last answer.

    Args:
        config: the settings it runs with.
        plan: where speech and prompts go.
        prompts: the prompts it may use.
        store: makes its folder.
        gateway: runs the local gateway, if the plan wants it.
        tell: gets every event.
        clock: monotonic seconds.
        now: the date and time, with the offset from UTC.
    """

    def __init__(
        self,
        config: Config,
        plan: Plan,
        prompts: PromptLibrary,
        store: Store,
        gateway: LocalGateway,
        tell: Callable[[Event], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._config = config
        self._plan = plan
        self._prompts = prompts
        self._store = store
        self._gateway = gateway
        self._tell = tell
        self._clock = clock
        self._now = now
        self._figures = Figures()
        self._answers = Answers(config, self._figures, self._emit, clock)
        self._analysing: set[asyncio.Task[None]] = set()
        self._realtime_factor: float | None = None
        self._chat: ChatClient | None = None
        self._stop_asked = 0
        self._last_loss: Ending | None = None
        self._failure: Ending | None = None
        self._disk_failed = False
        self._recording: Recording
        self._journal: Journal
        self._capture: Capture
        self._link: Link
        self._capturing: asyncio.Task[None]
        self.viewers = 0
        """How many watch; only told in the figures."""
        self.record = Record()
        """What is known of it."""
        self.record.prompt = prompts[config.prompt].id

    # What may be asked of it -------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop capturing, then send and wait for the rest; asked again, wait no longer."""
        self._stop_asked += 1
        if self._stop_asked == 1:
            self._capturing.cancel()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Wait for nothing more: not for a connection, nor for an analysis."""
        self._capturing.cancel()
        self._link.give_up_after(0.0)
        for task in self._analysing:
            task.cancel()

    def mute(self, muted: bool) -> None:
        """Record and send silence, or no longer."""
        if self._capture.muted != muted:
            self._capture.muted = muted
            self._emit(MutedChanged(muted))

    def use_prompt(self, id: str) -> None:
        """Have turns that end from now on answered by another prompt.

        Raises:
            ConfigError: there is none of that id.
        """
        prompt = self._prompts[id]
        if self.record.prompt != prompt.id:
            self._link.use(prompt.id)
            self._emit(PromptChanged(prompt.id))

    async def analyse(self, id: str) -> None:
        """Send the transcript so far with a prompt's session text to the LLM.

        Raises:
            UsageError: nothing was said yet.
            ConfigError: there is no such prompt.
        """
        prompt = self._prompts[id or self.record.prompt]
        if not self.record.transcript.finals:
            raise UsageError("There is nothing to analyse yet.", "Wait for the first turn to end.")
        task = asyncio.ensure_future(self._answers.analyse(prompt, self.record.transcript, self._chat_client))
        self._analysing.add(task)
        task.add_done_callback(self._analysing.discard)

    # Its life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live it. Returns once it is ENDED or FAILED.

        Raises:
            SourceError: the source cannot be opened; nothing was made.
            SessionError: the disk takes no session; nothing was made.
        """
        config = self._config
        async with AsyncExitStack() as opened:
            source = await opened.enter_async_context(
                open_source(config.source, sample_rate=SAMPLE_RATE, latency_ms=config.mic_latency_ms)
            )
            self._begin(self._store.create(self._now()), source)
            try:
                await self._live(source, opened)
            finally:
                self._end()

    def _begin(self, stored: Stored, source: Source) -> None:
        config = self._config
        self._recording = Recording.create(stored.audio, SAMPLE_RATE)
        self._journal = Journal(stored.events)
        self._capture = Capture(
            self._recording, config.source, latency_ms=config.mic_latency_ms, tell=self._emit, clock=self._clock
        )
        self._capture.device = source.name
        self._link = Link(
            self._recording,
            self._target,
            self.record.prompt,
            self._heard,
            chunk_ms=config.chunk_ms,
            drain_s=config.drain_timeout_s,
            clock=self._clock,
        )
        session = Session(
            id=stored.id,
            path=str(stored.path),
            started_at=self._now().isoformat(timespec="seconds"),
            source=config.source,
            engine=self._plan.engine,
            endpoint=self._plan.endpoint,
            speech_model=config.speech_model if self._plan.engine == "cloud" else config.local_model,
            llm_model=config.llm_model,
        )
        self._emit(SessionStarted(session))
        self._emit(PromptChanged(self.record.prompt))
        self._enter(State.CONNECTING)
        for warning in self._plan.warnings:
            self._emit(Notice(Severity.WARNING, warning))

    async def _live(self, source: Source, opened: AsyncExitStack) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._capturing = tasks.create_task(self._record(source, opened), name="capture")
            counting = tasks.create_task(self._count(), name="figures")
            checking = tasks.create_task(self._check_model(), name="model check")
            try:
                await self._link.run()
                self._capturing.cancel()
                self._answers.expire(all=True)
                await self._analyse_at_end()
            finally:
                counting.cancel()
                checking.cancel()

    async def _record(self, source: Source, opened: AsyncExitStack) -> None:
        """Capture until the source ends or a stop is asked; then nothing more is recorded."""
        try:
            await self._capture.run(source, opened)
        finally:
            self._recording.close()
            self._link.give_up_after(self._config.drain_timeout_s)
            if self.record.state is not State.DRAINING:
                self._enter(State.DRAINING)

    async def _analyse_at_end(self) -> None:
        """Analyse the whole session if that is wanted, and wait for analyses that are under way."""
        wanted = self._config.analyse_at_end and self._stop_asked < 2 and self._failure is None
        if wanted and self.record.transcript.finals:
            self._tell_why("analysing the whole session")
            await self.analyse("")
        while self._analysing:
            await asyncio.wait(self._analysing)

    def _end(self) -> None:
        """Say how it ended, and close what is open."""
        self._recording.close()
        self._emit_stats()
        self._journal.append(StatsChanged(self.record.stats), self._at())
        self._warn_of_unheard()
        ending = self._failure or (self._last_loss if self._link.opened == 0 else None)
        if ending is not None:
            why = f"{ending.meaning} ({ending.code}: {ending.reason})" if ending.reason else ending.meaning
            self._enter(State.FAILED, why, ending.hint)
        else:
            self._enter(State.ENDED)
        self._journal.close()

    def _warn_of_unheard(self) -> None:
        unheard_s = (self._recording.position - self._link.sent) / SAMPLE_RATE
        if unheard_s >= STATS_S:
            path = self.record.session.path if self.record.session else ""
            self._emit(
                Notice(
                    Severity.WARNING,
                    f"{unheard_s:.0f} s were recorded but could not be transcribed.",
                    f"The recording is in {path}.",
                )
            )

    # What it hears -----------------------------------------------------------------------------------------------

    def _heard(self, event: LinkEvent) -> None:
        """Turn what the link says into what viewers are told."""
        match event:
            case link.Opened():
                if self.record.state in (State.CONNECTING, State.RECONNECTING):
                    self._enter(State.LIVE)
            case link.Lost(ending=ending, wait_s=wait_s):
                self._last_loss = ending
                again = f" Next try in {wait_s:.0f} s." if wait_s >= 1 else ""
                if self.record.state is State.DRAINING or self.record.state is State.RECONNECTING:
                    self._tell_why(f"{ending.meaning}{again}", ending.hint)
                else:
                    self._enter(State.RECONNECTING, f"{ending.meaning}{again}", ending.hint)
            case link.Heard(turn=turn, asked=asked):
                self._turn(turn, asked)
            case link.Gone(number=number):
                self._emit(TurnRemoved(number))
            case link.Answered(turn=number, prompt=prompt, completion=completion):
                self._answers.answer(number, prompt, completion)
            case link.Relabelled(turn=number, speaker=speaker):
                if (known := self.record.transcript.get(number)) is not None:
                    self._emit(TurnChanged(replace(known, speaker=speaker)))
            case link.PromptRefused(prompt=prompt, kept=kept, ending=ending):
                why = f"{ending.meaning} ({ending.reason})" if ending.reason else ending.meaning
                self._emit(Notice(Severity.ERROR, f"The prompt {prompt!r} was refused: {why}", ending.hint))
                self._emit(PromptChanged(kept))
            case link.Failed(ending=ending):
                self._failure = ending
            case link.Told(message=Heartbeat(realtime_factor=factor)):
                self._realtime_factor = round(factor, 2)
            case link.Told(message=protocol.Warning(warning=text)):
                self._emit(Notice(Severity.WARNING, text))

    def _turn(self, turn: Turn, asked: str | None) -> None:
        self._emit(TurnChanged(turn))
        if turn.final:
            after_s = self._at() - turn.end_s
            self._figures.final(turn, max(0.0, after_s) * 1000)
            if asked is not None:
                self._answers.expect(turn.number, self._prompts[asked])

    # Where it asks -----------------------------------------------------------------------------------------------

    async def _target(self, prompt: str) -> Target:
        """Return what the link connects to for a prompt."""
        base = self._plan.url or await self._gateway.url(self._config, self._plan.llm_key)
        return Target(endpoint(base, self._prompts[prompt], self._config, SAMPLE_RATE), self._plan.key)

    async def _chat_client(self) -> ChatClient:
        """Return the client of the server that answers prompts.

        Raises:
            ChatError: there is no such server.
        """
        if self._chat is None:
            base = self._plan.llm_url
            if not base:
                try:
                    base = chat_root(await self._gateway.url(self._config, self._plan.llm_key))
                except Refused as refused:
                    raise ChatError(refused.ending.meaning, refused.ending.hint) from refused
            self._chat = ChatClient(base, self._plan.llm_key)
        return self._chat

    async def _check_model(self) -> None:
        """Warn if the server has a list of models and the configured one is not on it."""
        if not (self._plan.llm_url or self._config.llm_url):
            return
        try:
            models = await (await self._chat_client()).models()
        except LivegistError:
            return
        wanted = self._config.llm_model
        if models and wanted not in models:
            near = difflib.get_close_matches(wanted, models, 3, 0.4) or models[:3]
            self._emit(
                Notice(
                    Severity.WARNING,
                    f"The LLM server does not list the model {wanted}.",
                    f"It lists {', '.join(near)}: use --llm-model.",
                )
            )

    # What it says ------------------------------------------------------------------------------------------------

    def _at(self) -> float:
        return self._recording.position / SAMPLE_RATE

    def _emit(self, event: Event) -> None:
        """Apply an event to the record, keep it if it lasts, tell it."""
        self.record.apply(event)
        if lasting(event):
            self._journal.append(event, self._at())
        self._tell(event)

    def _enter(self, new: State, why: str = "", hint: str = "") -> None:
        """Make a legal move and tell it.

        Raises:
            IllegalTransition: the table does not allow it.
        """
        if new not in NEXT[self.record.state]:
            raise IllegalTransition(self.record.state, new)
        self._emit(StateChanged(new, why, hint))

    def _tell_why(self, why: str, hint: str = "") -> None:
        """Say more about the state that the session is in."""
        self._emit(StateChanged(self.record.state, why, hint))

    async def _count(self) -> None:
        """Tell the figures and look after deadlines, once a second."""
        while True:
            await asyncio.sleep(STATS_S)
            self._answers.expire()
            self._watch_disk()
            self._emit_stats()

    def _watch_disk(self) -> None:
        """Say it once when the disk refuses, and once when it takes what is recorded again."""
        failure = self._recording.failure or self._journal.failure
        if failure is not None and not self._disk_failed:
            self._emit(
                Notice(
                    Severity.ERROR,
                    f"The disk does not take the recording: {failure.strerror or failure}.",
                    "Memory holds the last ten minutes; streaming goes on. Make room and they are written.",
                )
            )
        elif failure is None and self._disk_failed:
            self._emit(Notice(Severity.INFO, "The disk takes the recording again."))
        if self._journal.failure is not None:
            self._journal.flush()
        self._disk_failed = failure is not None

    def _emit_stats(self) -> None:
        figures, way = self._figures, self._link
        round_trip_s = way.round_trip_s
        self._emit(
            StatsChanged(
                Stats(
                    elapsed_s=round(self._at(), 1),
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
                        figures.cost_usd(self._config, socket_s=way.socket_s, billed=self._plan.engine == "cloud"),
                        4,
                    ),
                    connections=way.opened,
                    reconnects=way.lost,
                    round_trip_ms=None if round_trip_s is None else round(round_trip_s * 1000),
                    realtime_factor=self._realtime_factor,
                    device=self._capture.device,
                    overflows=self._capture.overflows,
                    recording_bytes=self._recording.size_bytes,
                    expires_s=None if way.expires_s is None else round(way.expires_s),
                    viewers=self.viewers,
                )
            )
        )
