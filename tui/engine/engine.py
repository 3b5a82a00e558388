"""Engine: executes commands, runs one session at a time and publishes events. Has no screen and no socket."""

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
from tui.engine.annotation_router import AnnotationRouter
from tui.engine.capture import LOG_HINT
from tui.engine.continuation import Interruption, SessionContinuation
from tui.engine.device_monitor import DeviceMonitor
from tui.engine.gateway_process import GatewayProcess, is_installed
from tui.engine.monitors import boot_clock
from tui.engine.player import Player
from tui.engine.post_session import PostSessionTasks
from tui.engine.prompt_selection import PromptSelection
from tui.engine.recovery import SessionRecovery
from tui.engine.reopened_sessions import ReopenedSessions
from tui.engine.routing import resolve_route
from tui.engine.save_retry import PendingSaves
from tui.engine.session import LiveSession
from tui.engine.session_builder import SessionBuilder
from tui.engine.session_slot import SessionSlot
from tui.errors import EndpointError, EngineError, FullyTranscribedError, LivegistError, UsageError
from tui.model import commands
from tui.model.commands import Command, Option
from tui.model.events import Event, Notice, Severity, Snapshot, State, StateChanged
from tui.sessions.private import PrivateStore
from tui.sessions.store import Store, StoredSession

WARM_S = 2.0
"""Longest wait, on exit, for an audio system that is still starting."""

log = logging.getLogger(__name__)


class Engine:
    """Owner of the active session, of stored sessions and of the local gateway.

    Args:
        publish: receives every event, in order.
        store: the sessions on disk.
        prompt_folders: folders of prompts; a prompt in a later one replaces one of the same id.
        log_file: receives the output of the local gateway.
        active_file: names the active session, which the next engine continues if this one is killed; `None` for none.
        flags: settings that override the config file's and the environment's, for every session.
        prepares_devices: whether PortAudio is started before a session needs it.
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
        active_file: Path | None = None,
        flags: Mapping[str, Option] | None = None,
        prepares_devices: bool = True,
        clock: Callable[[], float] = time.monotonic,
        boot_clock: Callable[[], float] = boot_clock,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._publish = publish
        self._store = store
        self._flags = dict(flags or {})
        self._prepares_devices = prepares_devices
        self._clock = clock
        self._boot_clock = boot_clock
        self._now = now
        self._gateway = GatewayProcess(log_file)
        self._devices = DeviceMonitor(publish)
        self._player = Player(store, publish)
        self._post_session = PostSessionTasks(store, publish, now)
        self._pending_saves = PendingSaves()
        self._recovery = SessionRecovery(store, publish)
        self._continuation = SessionContinuation(active_file, store)
        self._slot = SessionSlot(publish)
        self._prompts = PromptSelection(prompt_folders, self._slot, publish)
        reopened = ReopenedSessions(self._flags, self._prompts.prompts, self._gateway)
        self._annotations = AnnotationRouter(self._slot, reopened, store, publish)
        self._notices: list[Notice] = []
        self._quitting = asyncio.Event()
        self._deadline = math.inf
        """Time, on the clock, by which post-session tasks must be over."""
        self.unattended_minutes = 30.0
        """Minutes that the session may run without a viewer, as configured when it started; negative for no limit."""

    @property
    def busy(self) -> bool:
        """Whether a session is active."""
        return self._slot.busy

    @property
    def failure(self) -> LivegistError | None:
        """Why the last session ended as FAILED; `None` if it did not fail."""
        return self._slot.failure

    @property
    def unsaved(self) -> bool:
        """Whether the end of a finished session is still to be written to disk."""
        return bool(self._pending_saves)

    def snapshot(self) -> Snapshot:
        """Return the engine's whole state."""
        return replace(
            self._slot.state.snapshot(tui.__version__),
            prompts=self._prompts.watcher.infos,
            untranscribed=self._recovery.untranscribed,
            stopped_at=self._continuation.stopped_at,
        )

    def pop_notices(self) -> list[Notice]:
        """Return the notices that no viewer has received, and forget them."""
        notices, self._notices = self._notices, []
        return notices

    def set_viewer_count(self, viewers: int) -> None:
        """Set the number of viewers, which the statistics report."""
        self._slot.set_viewer_count(viewers)

    async def execute(self, command: Command) -> Event | None:
        """Execute a command. Return an event for the requesting viewer only, or None.

        Raises:
            LivegistError: the command cannot be executed; nothing has changed.
        """
        if isinstance(command, commands.Start | commands.ContinueSession | commands.Recover):
            await self._annotations.release_interrupted()
            # A session would record the sound, and PortAudio closes all streams before it opens the first microphone.
            await self._player.close()
        match command:
            case commands.Start(options=options):
                self._start(options)
            case commands.ContinueSession():
                self._continue()
            case commands.Stop() if self._continuation.interruption is not None and not self.busy:
                self._continuation.close()
                self._publish(self.snapshot())
            case commands.Stop(abandon=abandon):
                session = self._slot.require_active()
                session.abandon() if abandon else session.stop()
                self._continuation.close()
            case commands.Mute() | commands.SetGain():
                self._slot.require_active().controls.execute(command)
            case commands.UsePrompt(prompt=prompt):
                self._prompts.use(prompt)
            case _ if isinstance(command, commands.SessionAnnotation | commands.AnnotateSession):
                await self._annotations.execute(command)
            case commands.ListDevices() | commands.MeasureDevices():
                return await self._devices.execute(command)
            case commands.TogglePlay():
                await self._player.toggle(command, self._slot.state.session, recording=self.busy)
            case commands.StopTrack(track=track):
                self._slot.require_active().controls.stop_track(track)
            case commands.UseSource() | commands.AddTrack():
                self._continuation.set_source(await self._slot.require_active().controls.change_sources(command))
            case commands.Recover(session=session, options=options):
                await self._recover(session, options)
            case _ if isinstance(command, commands.SessionQuery):
                return await asyncio.to_thread(self._run_query, command)
            case commands.ShowPrompt() | commands.WritePrompt() | commands.DeletePrompt():
                return self._prompts.watcher.execute(command)
            case commands.Pause() | commands.Seek():
                raise UsageError("Only a replay can pause and seek.", "Replay a session with: livegist replay")
            case commands.Quit(now=now):
                self._quit(now=now)
        return None

    async def run(self) -> None:
        """Repair sessions that a killed engine left, start up, then run until `quit` is called."""
        self._notices += self._continuation.find(self._recovery.repair)
        self._recovery.scan()
        sources = self._prepare()
        warming = asyncio.ensure_future(warm_up(*sources if self._prepares_devices else ()))
        self._continue_interrupted()
        watching = asyncio.ensure_future(self._prompts.watcher.run())
        try:
            await self._quitting.wait()
            await self._slot.shut_down()
        finally:
            # PortAudio redirects stderr while it starts: what is printed on exit would be lost.
            await asyncio.wait({warming}, timeout=WARM_S)
            warming.cancel()
            watching.cancel()
            await self._devices.close()
            await self._player.close()
            await self._annotations.close()
            self._pending_saves.cancel()
            self._recovery.close()
            await self._post_session.wait(self._deadline - self._clock())
            await self._gateway.close()

    async def wait_idle(self) -> None:
        """Wait until no session is active."""
        await self._slot.wait_idle()

    def quit(self, within_s: float = math.inf) -> None:
        """Stop the session gracefully, then exit; post-session tasks may take until `within_s` seconds from now."""
        self._deadline = min(self._deadline, self._clock() + within_s)
        self._quitting.set()

    def _run_query(self, query: commands.SessionQuery) -> Event:
        # Exports, summaries and the rest of this take a megabyte, which an engine without a query does without.
        from tui.engine.session_queries import run_query

        return run_query(self._store, query, self._slot.state.session)

    def _quit(self, *, now: bool) -> None:
        """Quit, unless a part of a recording would be lost; `now` quits in any case.

        Raises:
            UsageError: a part of a recording would be lost.
        """
        if self._pending_saves and not now:
            raise UsageError(
                "The end of the recording is not saved to disk yet and would be lost.",
                "Free disk space, or discard it with: livegist stop --now",
            )
        self._continuation.close()
        self._quitting.set()

    def _prepare(self) -> tuple[str, ...]:
        """Apply the settings that a viewer shows before a session starts; return the configured sources."""
        try:
            config = load(self._flags).config
            self._prompts.set_configured(config.prompt)
        except LivegistError as error:
            self._notices.append(Notice(Severity.ERROR, error.message, error.hint))
            return ()
        return config.sources

    def _start(self, options: Mapping[str, Option]) -> None:
        """Start a session; if that fails, publish the error as the state FAILED, which lasts until the next attempt.

        Raises:
            UsageError: a session is already active.
        """
        self._slot.require_idle()
        try:
            self._begin(options)
        except LivegistError as error:
            self._slot.fail(error)

    def _continue_interrupted(self) -> None:
        """Show the session whose engine was killed, and continue it unless a person has to ask for that."""
        interruption = self._continuation.interruption
        if interruption is None:
            return
        self._slot.idle = interruption.state
        try:
            wanted = load(self._flags | interruption.options).config.continue_recording
        except LivegistError as error:
            self._slot.fail(error)
            return
        if wanted and self._continuation.is_automatic():
            self._continue()

    def _continue(self) -> None:
        """Continue the session whose engine was killed; if that fails, publish the error as the state FAILED.

        Raises:
            UsageError: a session is active, or there is none to continue.
        """
        self._slot.require_idle()
        interruption = self._continuation.interruption
        if interruption is None or not self._continuation.is_offered():
            self._continuation.close()
            self._publish(self.snapshot())
            raise UsageError("There is no session to continue.", "Start a new one with s.")
        self._slot.idle.apply(StateChanged(State.CONNECTING, "Opening the audio source again."))
        self._publish(self.snapshot())
        try:
            self._begin(interruption.options, interruption=interruption)
        except LivegistError as error:
            self._slot.fail(error)

    async def _recover(self, session: str, options: Mapping[str, Option]) -> None:
        """Transcribe the untranscribed rest of a stored session; empty selects the newest that has one.

        Raises:
            FullyTranscribedError: nothing is left to transcribe.
            UsageError: a session is already active, or the session does not exist.
            SessionError: another process is recording the session.
            EngineError: the engine is exiting.
        """
        self._slot.require_idle()
        notices, untranscribed = await asyncio.to_thread(self._recovery.find, session)
        self._notices += notices
        if self._quitting.is_set():
            raise EngineError("The engine is exiting: nothing was transcribed.", "Try again: livegist recover")
        if not untranscribed:
            self._recovery.scan()
            raise FullyTranscribedError(
                f"{session} is fully transcribed." if session else "All sessions are fully transcribed.",
                "See: livegist sessions list",
            )
        self._begin(options, untranscribed[0])
        self._publish(self.snapshot())

    def _begin(
        self,
        options: Mapping[str, Option],
        stored: StoredSession | None = None,
        interruption: Interruption | None = None,
    ) -> None:
        """Start a new session, transcribe the rest of `stored`, or go on recording an interrupted session."""
        self._slot.require_idle()
        config = load(self._flags | dict(options)).config
        self.unattended_minutes = config.unattended_minutes
        self._prompts.watcher.reload()
        route = resolve_route(config, key=api_key(), llm_key=llm_key(), local_installed=is_installed())
        builder = SessionBuilder(
            self._prompts.apply_to(config, options),
            route,
            self._prompts.prompts,
            PrivateStore() if config.private else self._store,
            self._gateway,
            self._publish,
            clock=self._clock,
            boot_clock=self._boot_clock,
            now=self._now,
        )
        resumed = builder.resume(stored) if stored is not None else None
        self._slot.clear()
        if resumed is not None:
            self._slot.attach(resumed)
        attach = partial(self._attach_recording, dict(options))
        if resumed is not None:
            running = resumed.run()
        elif interruption is not None:
            running = builder.continue_recording(interruption, attach)
        else:
            running = builder.record(attach)
        self._slot.run(self._run(running, config))

    def _attach_recording(self, options: dict[str, Option], session: LiveSession) -> None:
        """Send commands to a session that records, and name it for the case that this engine is killed."""
        continued = self._continuation.interruption is not None
        self._slot.attach(session)
        if (info := session.state.session) is not None and info.path:
            self._continuation.open(info.id, options)
        if continued:
            self._publish(self.snapshot())

    async def _run(self, running: Coroutine[Any, Any, None], config: Config) -> None:
        """Run a session, then save it; publish an error as the state FAILED, because the engine outlives sessions."""
        self._slot.failure = None
        try:
            await running
        except LivegistError as error:
            self._slot.fail(error)
        except Exception:  # An internal error must end this session only.
            log.exception("the session failed")
            self._slot.fail(EngineError("Internal error: the session ended.", f"The recording is safe. {LOG_HINT}"))
        session = self._slot.session
        if session is None:
            return
        self._continuation.close()
        if session.source_failure is not None:
            self._slot.failure = self.failure or session.source_failure
            return
        if self.failure is None and session.state.state is State.FAILED:
            self._slot.failure = EndpointError(session.state.reason, session.state.hint)
        if (info := session.state.session) is not None and info.path:
            self._pending_saves.add(
                session.save, partial(self._start_post_session, StoredSession(info.id, Path(info.path)), config)
            )

    def _start_post_session(self, stored: StoredSession, config: Config) -> None:
        """Start the tasks that follow once a session is over and saved."""
        self._recovery.scan()
        self._post_session.start(stored, config)
