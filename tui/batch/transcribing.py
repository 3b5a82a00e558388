"""Transcription of files and stored recordings, several at once, by engines in this process."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tui.batch.ledger import Ledger, PlannedFile
from tui.batch.session_limit import SessionLimit
from tui.batch.worker import Worker
from tui.config.schema import Config
from tui.engine.engine import Engine
from tui.engine.routing import Route
from tui.errors import EndpointError, FullyTranscribedError, LivegistError
from tui.model.commands import Option, Recover, Stop
from tui.model.session import Session
from tui.sessions.importing import WAITING_REASON, from_file, from_session
from tui.sessions.rest import MIN_UNTRANSCRIBED_S
from tui.sessions.store import Store, StoredSession

if TYPE_CHECKING:
    from tui.batch.room import Health

NOT_STARTED = "Not started."
"""Error of a source that was not begun when the transcription was stopped."""
KNOWN_S = 5.0
"""Longest wait, at first, for the endpoint to say how many sessions it has room for."""
MAX_TRIES = 60
"""Tries for a source that the endpoint refuses because it has too many sessions; each lasts `drain_timeout_s`."""
FIRST_CONNECTION_S = 30.0
"""Longest wait for the first connection to an endpoint, whose address may be wrong."""
OFFLINE_S = 120.0
"""The same for an endpoint that was connected before, and for the local gateway, which has to start."""
MAX_FAILURES_IN_A_ROW = 10
"""Sources in a row that the endpoint may fail; then the rest is not started."""


class TranscriptionResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """Result for a file or a recording."""

    source: str
    session: str = ""
    """Id of the new session; empty if none was made."""
    path: str = ""
    turns: int = 0
    error: str = ""
    """Why it is not fully transcribed; empty if it is."""
    hint: str = ""


Source = Path | StoredSession | PlannedFile


class Transcriber:
    """Transcriber of several sources with a bounded number of workers.

    Args:
        store: the sessions.
        config: the settings in force.
        route: endpoint and LLM server.
        flags: settings that override the environment and the config file.
        prompt_folders: folders of prompts.
        log_file: receives the output of the local gateway.
        ledger: receives the results of planned files; `None` if there are none.
        on_result: receives the result of each source.
        on_progress: receives seconds of audio as they are transcribed, of any source.
        on_wait: receives a sentence about the endpoint when it is waited for.
    """

    def __init__(
        self,
        *,
        store: Store,
        config: Config,
        route: Route,
        flags: Mapping[str, Option],
        prompt_folders: tuple[Path, ...],
        log_file: Path,
        ledger: Ledger | None = None,
        on_result: Callable[[TranscriptionResult], None],
        on_progress: Callable[[float], None],
        on_wait: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._store = store
        self._config = config
        self._route = route
        self._flags = dict(flags)
        self._prompt_folders = prompt_folders
        self._log_file = log_file
        self._ledger = ledger
        self._on_result = on_result
        self._on_progress = on_progress
        self._on_wait = on_wait
        self._ending = False
        self._succeeded = True
        self._failures_in_a_row = 0
        """Number of sources in a row that the endpoint failed."""
        self._workers: set[Worker] = set()
        self._limit = SessionLimit()
        self._changed = asyncio.Event()
        """Set when a worker ends or the limit may have risen."""
        self._known = asyncio.Event()
        """Set once the endpoint has said how many sessions it has room for, or that it does not say."""
        self._sources: Iterator[Source] = iter(())
        self._next: Source | None = None

    async def run(self, sources: Iterable[Source], at_once: int | None) -> bool:
        """Transcribe all; return whether all succeeded.

        SIGINT or SIGTERM stops it: active transcriptions can be resumed, sources not begun are reported.

        Args:
            sources: what to transcribe.
            at_once: number of concurrent transcriptions; `None` for as many as the endpoint has room for.

        Raises:
            LivegistError: the ledger cannot be used.
        """
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._end)
        self._sources = iter(sources)
        self._next = next(self._sources, None)
        if at_once is not None:
            self._limit = SessionLimit(at_once, at_once)
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch_room(at_once))
                watching.add_done_callback(lambda _: self._known.set())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._known.wait(), KNOWN_S)
                await self._start_workers(tasks)
                watching.cancel()
        except* LivegistError as errors:
            error: BaseException = errors
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            raise error from None
        for source in self._take_all():
            self._succeeded = False
            self._on_result(TranscriptionResult(_name(source), error=NOT_STARTED, hint="Run the command again."))
        return self._succeeded

    async def _watch_room(self, at_once: int | None) -> None:
        """Follow what the endpoint says of its room, unless the number of sessions is given."""
        if at_once is not None or not self._route.url:
            return
        from tui.batch.room import watch_room

        await watch_room(self._route.url, self._set_room)

    def _set_room(self, health: "Health") -> None:
        self._limit.set_room(self._accepted(), health.sessions, health.max_sessions)
        self._known.set()
        self._changed.set()

    def _accepted(self) -> int:
        """Return the number of sessions that the endpoint has accepted, as far as known."""
        return sum(not worker.refused for worker in self._workers)

    async def _start_workers(self, tasks: asyncio.TaskGroup) -> None:
        """Keep as many workers as the limit allows until no source is left and the last worker has ended."""
        while self._workers or (self._next is not None and not self._ending):
            while self._next is not None and not self._ending and len(self._workers) < self._limit.value:
                worker = Worker(self._on_progress, self._note_refusal, self._offline_s, self._note_wait)
                self._workers.add(worker)
                tasks.create_task(self._work(worker))
            self._changed.clear()
            await self._changed.wait()

    def _offline_s(self) -> float:
        """Return the longest time without a connection, in seconds, before a source is given up."""
        was_connected = any(worker.was_connected for worker in self._workers)
        return OFFLINE_S if was_connected or not self._route.url else FIRST_CONNECTION_S

    def _note_refusal(self) -> None:
        self._limit.note_refusal(self._accepted())

    def _note_wait(self, reason: str) -> None:
        """Say once that the endpoint is waited for, until a worker has a connection again."""
        if sum(worker.waits for worker in self._workers) == 1:
            self._on_wait(f"Waiting for the endpoint, {self._offline_s():.0f} s at most: {reason}")

    def _take_all(self) -> Iterator[Source]:
        """Yield the remaining sources."""
        while self._next is not None:
            source, self._next = self._next, next(self._sources, None)
            yield source

    def _end(self) -> None:
        self._ending = True
        self._known.set()
        for worker in self._workers:
            worker.stop.set()

    async def _work(self, worker: Worker) -> None:
        """Transcribe remaining sources one after the other with one engine, until none is left or the limit falls."""
        store = _OneSession(self._store)
        engine = Engine(
            worker.publish,
            store=store,
            prompt_folders=self._prompt_folders,
            log_file=self._log_file,
            flags=self._flags,
            # While PortAudio starts, stderr is redirected: the errors of files would be lost.
            prepares_devices=False,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(engine.run())
                stopper = tasks.create_task(_stop_when(worker.stop, engine))
                try:
                    for source in self._take_all():
                        worker.begin()
                        self._finish(source, await self._transcribe(engine, store, source, worker))
                        if self._ending or len(self._workers) > self._limit.value:
                            break
                        self._changed.set()
                finally:
                    stopper.cancel()
                    engine.quit()
        finally:
            self._workers.discard(worker)
            self._changed.set()

    def _finish(self, source: Source, outcome: "_Outcome") -> None:
        """Report and store the result of a source; stop all if the endpoint fails every source."""
        result = outcome.result
        if isinstance(source, PlannedFile) and self._ledger is not None:
            self._ledger.finish(source.path, done=outcome.complete, error=result.error, hint=result.hint)
        self._on_result(result)
        self._succeeded = self._succeeded and not result.error
        if not result.error:
            self._limit.note_success()
        self._failures_in_a_row = self._failures_in_a_row + 1 if outcome.endpoint_failed else 0
        if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
            self._end()

    async def _transcribe(self, engine: Engine, store: "_OneSession", source: Source, worker: Worker) -> "_Outcome":
        name = _name(source)
        try:
            # A named pipe may have no writer yet.
            stored = await worker.unless_stopped(self._open_session(source, name))
        except LivegistError as error:
            return _Outcome(TranscriptionResult(name, error=error.message, hint=error.hint))
        if stored is None:
            return _Outcome(TranscriptionResult(name, error=NOT_STARTED, hint="Run the command again."))
        if self._ending:
            return _Outcome(
                TranscriptionResult(
                    name, stored.id, str(stored.path), error=WAITING_REASON, hint=_resume_hint(source, stored)
                )
            )
        store.session = stored
        failure: LivegistError | None
        try:
            failure = await self._recover(engine, stored, worker)
        except FullyTranscribedError:
            # An earlier run was killed between the last turn and the note of it.
            failure = None
        except LivegistError as error:
            failure = error
        record = stored.load()
        worker.finish(record.stats.elapsed_s)
        done = TranscriptionResult(name, stored.id, str(stored.path), len(record.transcript.finals))
        left_s = record.stats.untranscribed_s
        if failure is None and left_s < MIN_UNTRANSCRIBED_S:
            # Of a file, the only note is that it is damaged.
            note = "" if isinstance(source, StoredSession) else stored.metadata().note
            return _Outcome(replace(done, error=note), complete=True)
        return _Outcome(
            replace(
                done,
                error=failure.message if failure else f"{left_s:.0f} s are not transcribed.",
                hint=(failure.hint if failure else "") or _resume_hint(source, stored),
            ),
            endpoint_failed=isinstance(failure, EndpointError),
        )

    async def _recover(self, engine: Engine, stored: StoredSession, worker: Worker) -> LivegistError | None:
        """Transcribe a session; return why it failed. While the endpoint has no room for it, try again.

        Raises:
            LivegistError: there is nothing to transcribe, or it cannot be read.
        """
        for _ in range(MAX_TRIES):
            worker.refused = False
            await engine.execute(Recover(stored.id))
            if self._ending and engine.busy:
                # The stop came while the engine looked for the session.
                await engine.execute(Stop())
            await engine.wait_idle()
            if self._ending or not worker.refused:
                break
        return engine.failure or worker.failure

    async def _open_session(self, source: Source, name: str) -> StoredSession:
        """Return a new session for a source, or the one that an earlier run has begun for a planned file.

        Raises:
            LivegistError: the source cannot be read, or the session not be written.
        """
        config, route = self._config, self._route
        session = Session(
            id="",
            path="",
            started_at=datetime.now().astimezone().isoformat(timespec="seconds"),
            source=name,
            engine=route.engine,
            endpoint=route.endpoint,
            speech_model=config.speech_model if route.engine == "cloud" else config.local_model,
            llm_model=config.llm_model,
        )
        match source:
            case StoredSession():
                return await from_session(self._store, source, session)
            case PlannedFile():
                assert self._ledger is not None
                begun = self._ledger.resumable(source)
                claim = partial(self._ledger.claim, source.path)
                return begun or await from_file(self._store, source.path, session, claim)
            case Path():
                return await from_file(self._store, source, session)


class _Outcome(msgspec.Struct, frozen=True):
    """Result of a source, for the ledger and the limit."""

    result: TranscriptionResult
    complete: bool = False
    """Whether all of it is transcribed."""
    endpoint_failed: bool = False
    """Whether the endpoint is at fault."""


class _OneSession(Store):
    """The store as an engine of a batch sees it: with the session that it transcribes alone.

    An engine looks through all sessions for interrupted ones before and after each session, which takes too long when a
    folder has made thousands.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store.folder)
        self.session: StoredSession | None = None

    def __iter__(self) -> Iterator[StoredSession]:
        """Yield the session."""
        if self.session is not None:
            yield self.session


def _name(source: Source) -> str:
    """Return the name of a source; bytes of a file's name that are not valid text are replaced."""
    if isinstance(source, StoredSession):
        return source.id
    path = source.path if isinstance(source, PlannedFile) else source
    return str(path).encode(errors="replace").decode()


def _resume_hint(source: Source, stored: StoredSession) -> str:
    """Return how to continue; the same command continues a folder, as it says at its end."""
    return "" if isinstance(source, PlannedFile) else f"To continue: livegist recover {stored.id}"


async def _stop_when(stop: asyncio.Event, engine: Engine) -> None:
    """Stop the engine's session each time the event is set."""
    while True:
        await stop.wait()
        stop.clear()
        if engine.busy:
            await engine.execute(Stop())
