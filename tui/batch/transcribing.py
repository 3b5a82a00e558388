"""`livegist transcribe`: files and recordings, several at once, through engines in this process."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tui.config.schema import Config
from tui.engine.engine import Engine
from tui.engine.routing import Route
from tui.errors import LivegistError
from tui.model.commands import Option, Recover, Stop
from tui.model.events import Event, Session, StatsChanged, TurnChanged
from tui.sessions.importing import WAITING_REASON, from_file, from_session
from tui.sessions.store import MIN_UNTRANSCRIBED_S, Store, StoredSession

SOUND = frozenset({".aac", ".aif", ".aiff", ".au", ".caf", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"})
"""Endings of files that are taken for sound in a folder."""


class TranscriptionResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a file or a recording."""

    source: str
    session: str = ""
    """Id of the new session; empty if none was made."""
    path: str = ""
    turns: int = 0
    error: str = ""
    """Why it was not transcribed, or not to its end; empty if it was."""
    hint: str = ""


Source = Path | StoredSession


def sources(what: Path) -> list[Path]:
    """Return a file, or the files of sound in a folder by name, those in its folders too."""
    if not what.is_dir():
        return [what]
    return sorted(path for path in what.rglob("*") if path.suffix.lower() in SOUND and path.is_file())


class Transcriber:
    """Transcribes one after the other what it is given, `at_once` at a time.

    Args:
        store: the sessions.
        config: the settings in force.
        plan: where speech and prompts go.
        flags: settings that come before the config file's and the environment's.
        prompt_folders: where prompts are.
        log_file: gets what the local gateway prints.
        tell: gets what became of each, when it has.
        heard: gets each further second that has been heard out, of whichever source.
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
        on_result: Callable[[TranscriptionResult], None],
        on_progress: Callable[[float], None],
    ) -> None:
        self._store = store
        self._config = config
        self._route = route
        self._flags = dict(flags)
        self._prompt_folders = prompt_folders
        self._log_file = log_file
        self._on_result = on_result
        self._on_progress = on_progress
        self._ending = False
        self._stops: list[asyncio.Event] = []
        """One for each worker, set each time the person asks for an end."""
        self._left: list[Source] = []

    async def run(self, given: Sequence[Source], at_once: int) -> bool:
        """Transcribe all; return whether all went well.

        SIGINT or SIGTERM ends it: of what is under way the rest is left to be taken up, what is not begun is told.
        """
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._end)
        self._left = list(given)
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(self._work()) for _ in range(min(at_once, len(given)))]
        for source in self._left:
            self._on_result(TranscriptionResult(_name(source), error="It was not begun.", hint="Name it again."))
        return all(worker.result() for worker in workers) and not self._left

    def _end(self) -> None:
        self._ending = True
        for stop in self._stops:
            stop.set()

    async def _work(self) -> bool:
        """Take what is left, one after the other, through an engine of its own."""
        follow = _ProgressTracker(self._on_progress)
        engine = Engine(
            follow.hear,
            store=self._store,
            prompt_folders=self._prompt_folders,
            log_file=self._log_file,
            flags=self._flags,
        )
        well = True
        stop = asyncio.Event()
        self._stops.append(stop)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.run())
            stopper = tasks.create_task(_stop_when(stop, engine))
            try:
                while self._left and not self._ending:
                    source = self._left.pop(0)
                    done = await self._transcribe(engine, source, follow)
                    well = well and not done.error
                    self._on_result(done)
            finally:
                stopper.cancel()
                engine.quit()
        return well

    async def _transcribe(self, engine: Engine, source: Source, follow: "_ProgressTracker") -> TranscriptionResult:
        name = _name(source)
        try:
            stored = await self._kept(source, name)
        except LivegistError as error:
            return TranscriptionResult(name, error=error.message, hint=error.hint)
        if self._ending:
            return TranscriptionResult(name, stored.id, str(stored.path), error=WAITING_REASON, hint=_go_on(stored))
        follow.begin()
        try:
            await engine.execute(Recover(stored.id))
            if self._ending and engine.busy:
                # The stop came while the session was looked for.
                await engine.execute(Stop())
            await engine.wait_idle()
            failure = engine.failure
        except LivegistError as refused:
            failure = refused
        record = stored.load()
        follow.finish(record.stats.elapsed_s)
        done = TranscriptionResult(name, stored.id, str(stored.path), len(record.transcript.finals))
        left_s = record.stats.untranscribed_s
        if failure is None and left_s < MIN_UNTRANSCRIBED_S:
            return done
        return replace(
            done,
            error=failure.message if failure else f"{left_s:.0f} s are not transcribed.",
            hint=(failure.hint if failure else "") or _go_on(stored),
        )

    def _kept(self, source: Source, name: str) -> Awaitable[StoredSession]:
        config, plan = self._config, self._route
        session = Session(
            id="",
            path="",
            started_at=datetime.now().astimezone().isoformat(timespec="seconds"),
            source=name,
            engine=plan.engine,
            endpoint=plan.endpoint,
            speech_model=config.speech_model if plan.engine == "cloud" else config.local_model,
            llm_model=config.llm_model,
        )
        if isinstance(source, StoredSession):
            return from_session(self._store, source, session)
        return from_file(self._store, source, session)


def _name(source: Source) -> str:
    """Return what a source is called; a file's name may hold bytes that are no text."""
    return source.id if isinstance(source, StoredSession) else str(source).encode(errors="replace").decode()


def _go_on(stored: StoredSession) -> str:
    return f"Go on with: livegist recover {stored.id}"


async def _stop_when(asked: asyncio.Event, engine: Engine) -> None:
    """Stop what an engine does each time it is asked."""
    while True:
        await asked.wait()
        asked.clear()
        if engine.busy:
            await engine.execute(Stop())


class _ProgressTracker:
    """Counts how much of one source after the other has been heard out."""

    def __init__(self, heard: Callable[[float], None]) -> None:
        self._heard = heard
        self._told_s = 0.0

    def begin(self) -> None:
        self._told_s = 0.0

    def hear(self, event: Event) -> None:
        match event:
            case TurnChanged(turn=turn) if turn.final:
                self.finish(turn.end_s)
            case StatsChanged():
                # Once a second even if nothing is said, so that a progress bar is seen to live.
                self._heard(0.0)

    def finish(self, at_s: float) -> None:
        """Count up to a moment."""
        if at_s > self._told_s:
            self._heard(at_s - self._told_s)
            self._told_s = at_s
