"""State of a worker that transcribes sources one after the other, from the events of its engine."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tui.model.events import Event, StateChanged, StatsChanged, TurnChanged
from tui.stream.close_codes import TOO_MANY_SESSIONS

Result = TypeVar("Result")


class Worker:
    """State of a worker: whether the endpoint refuses its session, and how much of it is transcribed.

    Args:
        on_progress: receives seconds of audio as they are transcribed.
        on_refusal: called when the endpoint refuses the session because it has too many.
        offline_s: returns the longest time without a connection, in seconds, before the source is given up.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        on_progress: Callable[[float], None],
        on_refusal: Callable[[], None],
        offline_s: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_progress = on_progress
        self._on_refusal = on_refusal
        self._offline_s = offline_s
        self._clock = clock
        self._reported_s = 0.0
        self._connected_s = 0.0
        """Seconds of open connections of the source, when it was connected last."""
        self._reached_at = clock()
        """Time at which the endpoint was there last."""
        self.was_connected = False
        """Whether a connection was open since the worker began."""
        self.refused = False
        """Whether its session waits because the endpoint has too many."""
        self.stop = asyncio.Event()
        """Set by each request to stop, and when the endpoint cannot be reached for too long."""

    def begin(self) -> None:
        """Begin another source."""
        self._reported_s = self._connected_s = 0.0
        self._reached_at = self._clock()
        self.refused = False

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
                self._reached_at = self._clock()
                self._on_refusal()
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
        elif self._clock() - self._reached_at > self._offline_s():
            self._reached_at = self._clock()
            self.stop.set()
