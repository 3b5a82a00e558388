"""App that shows one engine: connects the dashboard to it, starts its first session, and quits."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from textual import on
from textual.screen import Screen

from tui.config.schema import Highlight, Style
from tui.errors import EngineError, UsageError, VersionError
from tui.model.commands import Option, Quit, Start
from tui.model.events import Event
from tui.presentation.finishing import rest_to_recover
from tui.presentation.view_model import ViewModel
from tui.text import plural
from tui.viewer.engine_connection import EngineConnection, ExitStatus
from tui.viewer.engine_link import RECONNECT_S, EngineLink
from tui.viewer.frame_rate import FrameRateController
from tui.viewer.messages import CommandRequested
from tui.viewer.screens.dashboard import Dashboard
from tui.viewer.viewer_app import ViewerApp

QUIT_TIMEOUT_S = 120.0
"""Longest wait for the engine to finish a session, its analysis included, after a quit."""


class LivegistApp(ViewerApp):
    """A viewer of one engine.

    Args:
        client: the connection to the engine.
        theme: name of a theme; for an unknown one the default is used, with a notice.
        fps: maximum frames per second of the level meter.
        low_bandwidth: whether to reduce screen updates from the start.
        ascii: whether the terminal shows ASCII only.
        keys: a person's own keys by action id.
        highlights: words and expressions to highlight in turns, as in the config.
        start: command to send after the first snapshot if no session is running; `None` for none.
        options: settings of each session that is started here.
        layout_file: stores which panes are hidden or zoomed; `None` to store nothing.
        set_up: whether a session can start here; if not, the empty dashboard says what to install or store.
        host: name of the engine's machine; empty for this one.
        replay_command: returns the command that replays the session with an id; `None` for sessions of this machine.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: EngineConnection,
        *,
        theme: str,
        fps: int,
        low_bandwidth: bool = False,
        ascii: bool = False,
        keys: Mapping[str, str],
        highlights: Mapping[str, Style | Highlight] | None = None,
        start: Start | None = None,
        options: Mapping[str, Option] | None = None,
        layout_file: Path | None = None,
        set_up: bool = False,
        host: str = "",
        replay_command: Callable[[str], Sequence[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            theme=theme,
            ascii=ascii,
            keys=keys,
            highlights=highlights or {},
            layout_file=layout_file,
            replay_command=replay_command,
        )
        self._link = EngineLink(client, start)
        self._host = host
        self.failure: EngineError | None = None
        """Why the app ended without ever reaching its engine; `None` if it did not."""
        self._quitting = False
        self.dashboard = Dashboard(
            ViewModel(host),
            frame_rate=FrameRateController(fps, low_bandwidth=low_bandwidth),
            keys=self._keys,
            options=dict(options or {}),
            rules=self._rules,
            theme_names=self._theme_names,
            layout_state=self._stored_layout(),
            set_up=set_up,
            clock=clock,
        )

    @property
    def open_dashboard(self) -> Dashboard:
        """The dashboard."""
        return self.dashboard

    def get_default_screen(self) -> Screen[None]:
        """Return the dashboard."""
        return self.dashboard

    # Connection to the engine

    def _connect(self) -> None:
        self.run_worker(self._receive_events(), name="events", exclusive=True)

    async def _receive_events(self) -> None:
        """Handle events, and reconnect after a lost connection, until the viewer quits."""
        while True:
            reason, hint = "", ""
            try:
                async for event in self._link.events():
                    self._handle_event(event)
                    await asyncio.sleep(0)
            except EngineError as error:
                reason, hint = error.message, error.hint
                if isinstance(error, VersionError) or (self._host and not self.dashboard.view_model.synced):
                    self.failure = error
                    self.exit()
                    return
            if self._quitting:
                self.exit(self._exit_status(running=False))
                return
            self.dashboard.set_connection_lost(reason, hint)
            await asyncio.sleep(RECONNECT_S)

    def _handle_event(self, event: Event) -> None:
        self.dashboard.handle_event(event)
        if (start := self._link.due_start(event)) is not None:
            self.post_message(CommandRequested(start))

    @on(CommandRequested)
    async def send_command(self, request: CommandRequested) -> None:
        """Send a command to the engine; notify if it cannot be sent."""
        try:
            sent = await self._link.send(request.command)
        except UsageError as error:
            self.notify(f"{error.message}\n{error.hint}", severity="warning", markup=False)
            return
        if not sent:
            self.notify("Command not sent: not connected to the engine.", severity="warning", markup=False)

    # Quitting

    @on(Dashboard.DetachRequested)
    def detach(self) -> None:
        """End the viewer; the engine continues."""
        view_model = self.dashboard.view_model
        others = view_model.viewers - 1
        note = f"The engine goes on for {plural(others, 'other viewer')}." if others > 0 else ""
        self.exit(self._exit_status(running=view_model.state.active, note=note))

    @on(Dashboard.QuitRequested)
    async def quit_engine(self) -> None:
        """Send `Quit` to the engine and end the viewer once the engine has ended; on a second request, at once."""
        if self._quitting or not await self._link.send(Quit()):
            self.exit(self._exit_status(running=False))
            return
        self._quitting = True
        if self.dashboard.view_model.state.active:
            self.notify("Finishing the session. Press q again to quit now.", timeout=QUIT_TIMEOUT_S, markup=False)
        self.set_timer(QUIT_TIMEOUT_S, self._stop_waiting, name="quit")

    def _stop_waiting(self) -> None:
        error = "The engine is still finishing the session. Run `livegist` to reopen it."
        self.exit(self._exit_status(running=False, error=error))

    def _exit_status(self, *, running: bool, error: str = "", note: str = "") -> ExitStatus:
        view_model = self.dashboard.view_model
        session, unsaved_s = view_model.session, view_model.stats.unsaved_s
        rest = "" if running or view_model.replay_speed else rest_to_recover(view_model)
        if unsaved_s and not running:
            error = error or f"The last {unsaved_s:.0f} s are not on disk yet; the engine keeps them and retries."
        path = view_model.located(session.path) if session and session.path else ""
        return ExitStatus(running, path, error, "\n".join(filter(None, (rest, note))), self._host)

    def action_request_quit(self) -> None:
        """Quit from the dashboard, as its key does."""
        if self.screen is self.dashboard:
            self.dashboard.action_request_quit()
