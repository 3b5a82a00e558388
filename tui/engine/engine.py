"""The engine: takes commands, runs one session at a time, tells events. It knows no screen and no socket."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

import tui
from tui.audio.sources import warm_up
from tui.config.load import load
from tui.config.schema import Config
from tui.credentials import api_key, llm_key
from tui.engine.annotations import AnnotationCommand
from tui.engine.device_monitor import DeviceLevelMonitor, list_sources
from tui.engine.gateway_process import GatewayProcess, is_installed
from tui.engine.monitors import boot_clock
from tui.engine.post_session import PostSessionTasks
from tui.engine.prompt_watcher import PromptWatcher
from tui.engine.recovery import SessionRecovery
from tui.engine.routing import resolve_route
from tui.engine.save_retry import PendingSaves
from tui.engine.session import LiveSession
from tui.engine.session_builder import SessionBuilder
from tui.engine.session_queries import export_session, list_sessions, show_session
from tui.errors import EndpointError, EngineError, LivegistError, UsageError
from tui.model import commands
from tui.model.commands import Command, Option
from tui.model.events import DevicesListed, Event, Notice, PromptChanged, Severity, Snapshot, State, StateChanged
from tui.model.session_state import SessionState
from tui.paths import data_dir
from tui.sessions.private import PrivateStore
from tui.sessions.store import Store, StoredSession

SHUTDOWN_S = 11.5
"""Longest time from being told to end until the session is over; the rest of 15 s is for what runs around it."""

WARM_S = 2.0
"""Longest wait, at the end, for a sound system that is still starting."""

log = logging.getLogger(__name__)


class Engine:
    """Everything that must not be lost.

    Args:
        tell: gets every event, in order.
        store: the sessions on disk.
        prompt_folders: where prompts are, the later ones before the earlier.
        log_file: gets what the local gateway prints.
        flags: settings that come before the config file's and the environment's, for every session.
        clock: monotonic seconds.
        boot_clock: seconds that go on while the machine sleeps.
        now: the date and time.
    """

    def __init__(
        self,
        publish: Callable[[Event], None],
        *,
        store: Store,
        prompt_folders: tuple[Path, ...],
        log_file: Path,
        flags: Mapping[str, Option] | None = None,
        clock: Callable[[], float] = time.monotonic,
        boot_clock: Callable[[], float] = boot_clock,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._publish = publish
        self._store = store
        self._flags = dict(flags or {})
        self._clock = clock
        self._boot_clock = boot_clock
        self._now = now
        self._gateway = GatewayProcess(log_file)
        self._device_levels = DeviceLevelMonitor(publish)
        self._post_session = PostSessionTasks(store, publish, now)
        self._pending_saves = PendingSaves()
        self._recovery = SessionRecovery(store, publish)
        self._session: LiveSession | None = None
        self._running: asyncio.Task[None] | None = None
        self._idle = SessionState()
        self._prompt_watcher = PromptWatcher(prompt_folders, publish, self._prompts_in_use, self._on_prompts_reloaded)
        self._prompts = self._prompt_watcher.prompts
        self._idle.prompt = next(iter(self._prompts)).id if len(self._prompts) else ""
        self._prompt_chosen = False
        self._viewers = 0
        self._notices: list[Notice] = []
        self._quitting = asyncio.Event()
        self._deadline = math.inf
        """When, on the clock, even what is done after a session has to be over."""
        self.unattended_minutes = 30.0
        """Minutes the session may go on without a viewer, as it was configured when it started."""
        self.failure: LivegistError | None = None
        """Why the last session ended as FAILED; `None` if it did not."""

    @property
    def busy(self) -> bool:
        """Whether a session is under way."""
        return self._running is not None and not self._running.done()

    @property
    def unsaved(self) -> bool:
        """Whether a session that is over is not on the disk yet."""
        return bool(self._pending_saves)

    @property
    def _state(self) -> SessionState:
        """What is known: of the session under way, else of the last one."""
        return self._session.state if self._session is not None and self._session.state.session else self._idle

    def snapshot(self) -> Snapshot:
        """Return all there is to know now."""
        return replace(
            self._state.snapshot(tui.__version__),
            prompts=self._prompt_watcher.infos,
            untranscribed=self._recovery.untranscribed,
        )

    def pop_notices(self) -> list[Notice]:
        """Return what happened while nobody watched, once."""
        news, self._notices = self._notices, []
        return news

    def set_viewer_count(self, viewers: int) -> None:
        """Note how many viewers there are, for the figures."""
        self._viewers = viewers
        if self._session is not None:
            self._session.viewers = viewers

    async def execute(self, command: Command) -> Event | None:
        """Do what is asked; return what is to be told to who asked alone, `None` if it is nothing.

        Raises:
            LivegistError: it cannot be done; nothing changed.
        """
        match command:
            case commands.Start(options=options):
                self._start(options)
            case commands.Stop():
                self._require_active().stop()
            case commands.Mute(muted=muted):
                self._require_active().mute(muted)
            case commands.UsePrompt(prompt=prompt):
                self._use_prompt(prompt)
            case commands.Analyse(prompt=prompt):
                await self._require_session().analyse(prompt)
            case _ if isinstance(command, AnnotationCommand):
                self._require_session().annotations.execute(command)
            case commands.SetGain(gain_db=gain_db):
                self._require_active().set_gain(gain_db)
            case commands.ListDevices():
                return DevicesListed(await asyncio.to_thread(list_sources))
            case commands.MeasureDevices(seconds=seconds):
                await self._device_levels.start(seconds)
            case commands.UseSource(source=source):
                self._require_active().use_source(source)
            case commands.Recover(session=session, options=options):
                await self._recover(session, options)
            case commands.ListSessions():
                return await asyncio.to_thread(list_sessions, self._store)
            case commands.ShowSession(session=session):
                return await asyncio.to_thread(show_session, self._store, session)
            case commands.ExportSession(session=session, format=format):
                id = session or self._exportable_id()
                return await asyncio.to_thread(export_session, self._store, id, format, data_dir() / "exports")
            case commands.ShowPrompt() | commands.WritePrompt() | commands.DeletePrompt():
                return self._prompt_watcher.execute(command)
            case commands.Pause() | commands.Seek():
                raise UsageError("Nothing is replayed here.", "Replay a session with: livegist replay")
            case commands.Quit(now=now):
                self._quit(now=now)
        return None

    async def run(self) -> None:
        """Mend what a killed engine left, get ready, then live until told to quit."""
        self._notices += self._recovery.repair()
        self._recovery.scan()
        warming = asyncio.ensure_future(warm_up(self._prepare()))
        watching = asyncio.ensure_future(self._prompt_watcher.run())
        try:
            await self._quitting.wait()
            await self._shut_down()
        finally:
            # PortAudio silences stderr while it starts: what is said right after this would be lost.
            await asyncio.wait({warming}, timeout=WARM_S)
            warming.cancel()
            watching.cancel()
            await self._device_levels.close()
            self._pending_saves.cancel()
            self._recovery.close()
            await self._post_session.wait(self._deadline - self._clock())
            await self._gateway.close()

    async def wait_idle(self) -> None:
        """Return once no session is under way."""
        if self._running is not None:
            await asyncio.wait({self._running})

    def quit(self, within_s: float = math.inf) -> None:
        """Stop the session gracefully, then end; what is done after a session may take until `within_s` from now."""
        self._deadline = min(self._deadline, self._clock() + within_s)
        self._quitting.set()

    def _quit(self, *, now: bool) -> None:
        """End, unless that would lose what was recorded.

        Raises:
            UsageError: it would.
        """
        if self._pending_saves and not now:
            raise UsageError(
                "The end of the recording is not on the disk yet and would be lost.",
                "Make room on it; livegist stop --now ends the engine all the same.",
            )
        self._quitting.set()

    def _prepare(self) -> str:
        """Take up the settings that show before a session starts; return the source it will have."""
        try:
            config = load(self._flags).config
            self._idle.prompt = self._prompts[config.prompt].id
        except LivegistError as error:
            self._notices.append(Notice(Severity.ERROR, error.message, error.hint))
            return ""
        return config.source

    def _start(self, options: Mapping[str, Option]) -> None:
        """Begin a session; what keeps it from beginning stays on the screen as FAILED until something else is tried.

        Raises:
            UsageError: one is under way.
        """
        self._refuse_if_busy()
        try:
            self._begin(options)
        except LivegistError as error:
            self._fail(error)

    async def _recover(self, session: str, options: Mapping[str, Option]) -> None:
        """Take a session up again, to send what of it was never transcribed.

        Raises:
            UsageError: one is under way, or all was transcribed.
            EngineError: the engine ends.
        """
        self._refuse_if_busy()
        repaired, unheard = await asyncio.to_thread(self._recovery.find, session)
        self._notices += repaired
        if self._quitting.is_set():
            raise EngineError("The engine ends: nothing more was sent.", "Try it again: livegist recover")
        if not unheard:
            self._recovery.scan()
            raise UsageError(
                f"All of {session} was transcribed." if session else "All that was recorded was transcribed.",
                "See: livegist sessions list",
            )
        self._begin(options, unheard[0])
        self._publish(self.snapshot())

    def _begin(self, options: Mapping[str, Option], again: StoredSession | None = None) -> None:
        self._refuse_if_busy()
        config = load(self._flags | dict(options)).config
        self.unattended_minutes = config.unattended_minutes
        self._prompt_watcher.reload()
        plan = resolve_route(config, key=api_key(), llm_key=llm_key(), local_installed=is_installed())
        builder = SessionBuilder(
            self._with_selected_prompt(config, options),
            plan,
            self._prompts,
            PrivateStore() if config.private else self._store,
            self._gateway,
            self._publish,
            clock=self._clock,
            boot_clock=self._boot_clock,
            now=self._now,
        )
        resumed = builder.resume(again) if again is not None else None
        if self._session is not None:
            self._idle, self._session = SessionState(), None
        if resumed is not None:
            self._take(resumed)
        living = resumed.run() if resumed is not None else builder.record(self._take)
        self._running = asyncio.ensure_future(self._run(living, config))

    def _take(self, session: LiveSession) -> None:
        """Have commands go to a session from now on."""
        session.viewers = self._viewers
        self._session = session

    def _refuse_if_busy(self) -> None:
        if self.busy:
            raise UsageError("A session is under way.", "Stop it first, with x or `livegist stop`.")

    def _with_selected_prompt(self, config: Config, options: Mapping[str, Option]) -> Config:
        """Return the config with the prompt that was chosen while no session was under way."""
        if "prompt" in options or not self._prompt_chosen:
            return config
        return replace(config, prompt=self._state.prompt)

    async def _run(self, living: Coroutine[Any, Any, None], config: Config) -> None:
        """Run a session, and turn what it could not handle into FAILED: the engine outlives every session."""
        self.failure = None
        try:
            await living
        except LivegistError as error:
            self._fail(error)
        except Exception:  # A fault of ours must end this session alone.
            log.exception("the session broke")
            self._fail(
                EngineError("livegist made a mistake; what was recorded is safe.", "The engine's log says more.")
            )
        session = self._session
        if session is None:
            return
        if self.failure is None and session.state.state is State.FAILED:
            self.failure = EndpointError(session.state.reason, session.state.hint)
        if (kept := session.state.session) is not None and kept.path:
            self._pending_saves.add(
                session.save, partial(self._start_post_session, StoredSession(kept.id, Path(kept.path)), config)
            )

    def _start_post_session(self, stored: StoredSession, config: Config) -> None:
        """Do what is to be done once a session is over and on the disk."""
        self._recovery.scan()
        self._post_session.start(stored, config)

    def _fail(self, error: LivegistError) -> None:
        self.failure = error
        event = StateChanged(State.FAILED, error.message, error.hint)
        self._state.apply(event)
        self._publish(event)

    def _use_prompt(self, id: str) -> None:
        prompt = self._prompts[id]
        if self.busy:
            self._require_active().use_prompt(prompt.id)
            self._prompt_chosen = True
        else:
            self._prompt_chosen = True
            event = PromptChanged(prompt.id)
            self._state.apply(event)
            self._publish(event)

    def _require_active(self) -> LiveSession:
        if not self.busy:
            raise UsageError("No session is under way.", "Start one with s.")
        if self._session is None:
            raise UsageError("The session is still being opened.", "Try again in a moment.")
        return self._session

    def _exportable_id(self) -> str:
        session = self._state.session
        if session is None or not session.path:
            raise UsageError("There is no session on the disk to export.", "Start one with s, or choose one with h.")
        return session.id

    def _require_session(self) -> LiveSession:
        if self._session is None or self._session.state.session is None:
            raise UsageError("There is no session to analyse.", "Start one with s.")
        return self._session

    def _prompts_in_use(self) -> tuple[str, ...]:
        return (self._state.prompt, *self._state.extra_prompts) if self.busy else ()

    def _on_prompts_reloaded(self, edited: frozenset[str]) -> None:
        """Give up a chosen prompt that is gone; have a running session use the new text of an edited one."""
        state = self._state
        if self.busy:
            if self._session is not None and state is not self._idle and state.prompt in edited:
                self._session.renew_prompt()
        elif state.prompt not in self._prompts and len(self._prompts):
            self._prompt_chosen = False
            event = PromptChanged(next(iter(self._prompts)).id)
            state.apply(event)
            self._publish(event)

    async def _shut_down(self) -> None:
        """End the session, gracefully if that is possible in time."""
        if not self.busy or self._running is None:
            return
        if self._session is None:
            self._running.cancel()
        else:
            self._session.stop()
            await asyncio.wait({self._running}, timeout=SHUTDOWN_S)
            self._session.abandon()
        await asyncio.wait({self._running})
