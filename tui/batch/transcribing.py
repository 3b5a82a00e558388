"""Transcription of files and stored recordings, several at once, by engines in this process."""

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
from tui.model.events import Event, StatsChanged, TurnChanged
from tui.model.session import Session
from tui.sessions.importing import WAITING_REASON, from_file, from_session
from tui.sessions.rest import MIN_UNTRANSCRIBED_S
from tui.sessions.store import Store, StoredSession

AUDIO_SUFFIXES = frozenset(
    {
        *(".aac", ".aif", ".aiff", ".au", ".caf", ".flac", ".m4a", ".mka", ".mp3", ".oga", ".ogg", ".opus", ".wav"),
        *(".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"),
    }
)
"""Suffixes of the files in a folder that are transcribed."""


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


Source = Path | StoredSession


def sources(what: Path) -> list[Path]:
    """Return a file, or the audio files in a folder and its subfolders, sorted by path.

    Hidden ones are left out: macOS writes a file `._NAME` beside each on other systems' volumes.
    """
    if not what.is_dir():
        return [what]
    return sorted(
        path
        for path in what.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(what).parts)
    )


class Transcriber:
    """Transcriber of several sources with a bounded number of workers.

    Args:
        store: the sessions.
        config: the settings in force.
        route: endpoint and LLM server.
        flags: settings that override the environment and the config file.
        prompt_folders: folders of prompts.
        log_file: receives the output of the local gateway.
        on_result: receives the result of each source.
        on_progress: receives seconds of audio as they are transcribed, of any source.
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
        """One event per worker, set by each request to stop."""
        self._remaining: list[Source] = []

    async def run(self, sources_left: Sequence[Source], at_once: int) -> bool:
        """Transcribe all; return whether all succeeded.

        SIGINT or SIGTERM stops it: active transcriptions can be resumed, sources not begun are reported.
        """
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._end)
        self._remaining = list(sources_left)
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(self._work()) for _ in range(min(at_once, len(sources_left)))]
        for source in self._remaining:
            self._on_result(TranscriptionResult(_name(source), error="Not started.", hint="Run the command again."))
        return all(worker.result() for worker in workers) and not self._remaining

    def _end(self) -> None:
        self._ending = True
        for stop in self._stops:
            stop.set()

    async def _work(self) -> bool:
        """Transcribe the remaining sources one after the other with one engine."""
        tracker = _ProgressTracker(self._on_progress)
        engine = Engine(
            tracker.publish,
            store=self._store,
            prompt_folders=self._prompt_folders,
            log_file=self._log_file,
            flags=self._flags,
        )
        succeeded = True
        stop = asyncio.Event()
        self._stops.append(stop)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.run())
            stopper = tasks.create_task(_stop_when(stop, engine))
            try:
                while self._remaining and not self._ending:
                    source = self._remaining.pop(0)
                    done = await self._transcribe(engine, source, tracker)
                    succeeded = succeeded and not done.error
                    self._on_result(done)
            finally:
                stopper.cancel()
                engine.quit()
        return succeeded

    async def _transcribe(self, engine: Engine, source: Source, tracker: "_ProgressTracker") -> TranscriptionResult:
        name = _name(source)
        try:
            stored = await self._create_session(source, name)
        except LivegistError as error:
            return TranscriptionResult(name, error=error.message, hint=error.hint)
        if self._ending:
            return TranscriptionResult(
                name, stored.id, str(stored.path), error=WAITING_REASON, hint=_resume_hint(stored)
            )
        tracker.begin()
        try:
            await engine.execute(Recover(stored.id))
            if self._ending and engine.busy:
                # The stop came while the engine looked for the session.
                await engine.execute(Stop())
            await engine.wait_idle()
            failure = engine.failure
        except LivegistError as refused:
            failure = refused
        record = stored.load()
        tracker.finish(record.stats.elapsed_s)
        done = TranscriptionResult(name, stored.id, str(stored.path), len(record.transcript.finals))
        left_s = record.stats.untranscribed_s
        if failure is None and left_s < MIN_UNTRANSCRIBED_S:
            # Of a file, the only note is that it is damaged.
            return replace(done, error=stored.metadata().note) if isinstance(source, Path) else done
        return replace(
            done,
            error=failure.message if failure else f"{left_s:.0f} s are not transcribed.",
            hint=(failure.hint if failure else "") or _resume_hint(stored),
        )

    def _create_session(self, source: Source, name: str) -> Awaitable[StoredSession]:
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
        if isinstance(source, StoredSession):
            return from_session(self._store, source, session)
        return from_file(self._store, source, session)


def _name(source: Source) -> str:
    """Return the name of a source; bytes of a file's name that are not valid text are replaced."""
    return source.id if isinstance(source, StoredSession) else str(source).encode(errors="replace").decode()


def _resume_hint(stored: StoredSession) -> str:
    return f"To continue: livegist recover {stored.id}"


async def _stop_when(stop: asyncio.Event, engine: Engine) -> None:
    """Stop the engine's session each time the event is set."""
    while True:
        await stop.wait()
        stop.clear()
        if engine.busy:
            await engine.execute(Stop())


class _ProgressTracker:
    """Counter of transcribed audio, over the sources of one worker."""

    def __init__(self, on_progress: Callable[[float], None]) -> None:
        self._on_progress = on_progress
        self._reported_s = 0.0

    def begin(self) -> None:
        self._reported_s = 0.0

    def publish(self, event: Event) -> None:
        match event:
            case TurnChanged(turn=turn) if turn.final:
                self.finish(turn.end_s)
            case StatsChanged():
                # Once a second even in silence, so that the progress bar is redrawn.
                self._on_progress(0.0)

    def finish(self, at_s: float) -> None:
        """Count up to a position in seconds."""
        if at_s > self._reported_s:
            self._on_progress(at_s - self._reported_s)
            self._reported_s = at_s
