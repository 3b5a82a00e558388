"""Session slot: the one session that an engine runs at a time, or the last one, and the state that viewers see."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tui.engine.session import LiveSession
from tui.errors import LivegistError, UsageError
from tui.model.events import Event, State, StateChanged
from tui.model.session_state import SessionState

OPENING_S = 0.5
"""Time to open the sources after which viewers are informed that they open; usually they are open before."""
SHUTDOWN_S = 11.5
"""Longest time from a request to quit until the session is over; the rest of 15 s is for clean-up around it."""


class SessionSlot:
    """Place of the active session.

    Args:
        publish: receives every event.
    """

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._running: asyncio.Task[None] | None = None
        self._viewers = 0
        self.session: LiveSession | None = None
        """The active or the last session; `None` before the first, and while the source of the next one opens."""
        self.idle = SessionState()
        """State without a session."""
        self.failure: LivegistError | None = None
        """Why the last session ended as FAILED; `None` if it did not fail."""

    @property
    def busy(self) -> bool:
        """Whether a session is active."""
        return self._running is not None and not self._running.done()

    @property
    def state(self) -> SessionState:
        """State of the active session, or of the last one."""
        return self.session.state if self.session is not None and self.session.state.session else self.idle

    def set_viewer_count(self, viewers: int) -> None:
        """Set the number of viewers, which the statistics report."""
        self._viewers = viewers
        if self.session is not None:
            self.session.viewers = viewers

    def clear(self) -> None:
        """Forget the last session, before another one opens."""
        if self.session is not None:
            self.idle, self.session = SessionState(), None

    def attach(self, session: LiveSession) -> None:
        """Send commands to a session from now on."""
        session.viewers = self._viewers
        self.session = session

    def run(self, running: Coroutine[Any, Any, None]) -> None:
        """Run a session in a task."""
        self._running = asyncio.ensure_future(running)
        announcing = asyncio.get_running_loop().call_later(OPENING_S, self._announce_opening)
        self._running.add_done_callback(lambda _: announcing.cancel())

    def _announce_opening(self) -> None:
        if self.session is None and self.idle.state is not State.CONNECTING:
            self.apply(StateChanged(State.CONNECTING, "Opening the audio source."))

    def apply(self, event: Event) -> None:
        """Apply an event to the state and publish it."""
        self.state.apply(event)
        self._publish(event)

    def fail(self, error: LivegistError) -> None:
        """Publish an error as the state FAILED, which lasts until the next session."""
        self.failure = error
        self.apply(StateChanged(State.FAILED, error.message, error.hint))

    def require_idle(self) -> None:
        """Raise `UsageError` if a session is active."""
        if self.busy:
            raise UsageError("A session is already active.", "Stop it first: press x, or run: livegist stop")

    def require_active(self) -> LiveSession:
        """Return the active session.

        Raises:
            UsageError: there is none.
        """
        if not self.busy:
            raise UsageError("No session is active.", "Start one with s.")
        if self.session is None:
            raise UsageError("The session is still opening.", "Try again in a moment.")
        return self.session

    def require_session(self) -> LiveSession:
        """Return the active session or the last one.

        Raises:
            UsageError: there is none.
        """
        if self.session is None or self.session.state.session is None:
            raise UsageError("There is no session to analyse.", "Start one with s.")
        return self.session

    async def wait_idle(self) -> None:
        """Wait until no session is active."""
        if self._running is not None:
            await asyncio.wait({self._running})

    async def shut_down(self) -> None:
        """Stop the session, and abandon it if it is not over after `SHUTDOWN_S`."""
        if not self.busy or self._running is None:
            return
        if self.session is None:
            self._running.cancel()
        else:
            self.session.stop()
            await asyncio.wait({self._running}, timeout=SHUTDOWN_S)
            self.session.abandon()
        await asyncio.wait({self._running})
