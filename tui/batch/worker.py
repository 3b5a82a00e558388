"""State of a worker that transcribes sources one after the other, from the events of its engine."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tui.errors import EndpointError
from tui.model.events import Event, StateChanged, StatsChanged, TurnChanged
from tui.stream.close_codes import TOO_MANY_SESSIONS

Result = TypeVar("Result")
REPORT_S = 5.0
"""Seconds without a connection after which the wait for the endpoint is reported."""


class Worker:
    """State of a worker: whether the endpoint refuses its session, and how much of it is transcribed.

    Args:
        on_progress: receives seconds of audio as they are transcribed.
        on_refusal: called when the endpoint refuses the session because it has too many.
        offline_s: returns the longest time without a connection, in seconds, before the source is given up.
        on_wait: receives why there is no connection, once in each wait.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        on_progress: Callable[[float], None],
        on_refusal: Callable[[], None],
        offline_s: Callable[[], float],
        on_wait: Callable[[str], None] = lambda reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_progress = on_progress
        self._on_refusal = on_refusal
        self._offline_s = offline_s
        self._on_wait = on_wait
        self._reason = ""
        """Why there is no connection; empty if the endpoint has said nothing."""
        self._clock = clock
        self._reported_s = 0.0
        self._connected_s = 0.0
        """Seconds of open connections of the source, when it was connected last."""
        self._reached_at = clock()
        """Time at which the endpoint was there last."""
        self.was_connected = False
        """Whether a connection was open since the worker began."""
        self.waits = False
        """Whether its wait for the endpoint was reported."""
        self.failure: EndpointError | None = None
        """Why the source was given up; `None` if it was not."""
        self.refused = False
        """Whether its session waits because the endpoint has too many."""
        self.stop = asyncio.Event()
        """Set by each request to stop, and when the endpoint cannot be reached for too long."""

    def begin(self) -> None:
        """Begin another source."""
        self._reported_s = self._connected_s = 0.0
        self._reached_at = self._clock()
        self._reason, self.failure = "", None
        self.refused = self.waits = False

    async def unless_stopped(self, work: Coroutine[Any, Any, Result]) -> Result | None:
        """Return the result of work; cancel it and return `None` if a stop is requested first."""
        working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return await working if working.done() else None
        finally:
            working.cancel()
            stopped.cancel()
            await asyncio.gather(working, stopped, return_exceptions=True)

    def publish(self, event: Event) -> None:
        """Handle an event of the engine."""
        match event:
            case StateChanged(reason=reason) if reason.startswith(TOO_MANY_SESSIONS):
                self.refused = True
                self._reason = ""
                self._reached_at = self._clock()
                self._on_refusal()
            case StateChanged(reason=reason):
                self._reason = reason.partition(" Next attempt")[0]
            case TurnChanged(turn=turn):
                self.refused = False
                if turn.final:
                    self.finish(turn.end_s)
            case StatsChanged(stats=stats):
                # Once a second even in silence, so that the progress bar is redrawn.
                self._on_progress(0.0)
                self._watch_connection(stats.connected_s)

    def finish(self, at_s: float) -> None:
        """Count up to a position in seconds."""
        if at_s > self._reported_s:
            self._on_progress(at_s - self._reported_s)
            self._reported_s = at_s

    def _watch_connection(self, connected_s: float) -> None:
        """Give the source up if the endpoint has not been reached for too long.

        Args:
            connected_s: seconds of open connections so far; they stay while there is none.
        """
        if connected_s != self._connected_s:
            self._connected_s, self._reached_at, self.was_connected = connected_s, self._clock(), connected_s > 0
            self.waits = False
            return
        offline_s = self._clock() - self._reached_at
        if offline_s > self._offline_s():
            self._reached_at = self._clock()
            self.failure = EndpointError(f"No connection to the endpoint for {offline_s:.0f} s. {self._reason}".strip())
            self.stop.set()
        elif offline_s > REPORT_S and self._reason and not self.waits:
            self.waits = True
            self._on_wait(self._reason)
