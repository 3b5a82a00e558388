"""Who is heard next: one thread for the model, finals before partials, every session in its turn."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

from tui.gateway.recogniser import Clip, Heard, Recogniser

BATCH = 4
"""Clips heard at once at most."""


class Scheduler:
    """Feeds the recogniser; awaiting a result never blocks the loop.

    Args:
        load: makes the recogniser; runs in the thread, so that clients may connect before it is done.
        clock: seconds.
    """

    def __init__(self, load: Callable[[], Recogniser], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._finals: dict[Hashable, deque[tuple[Clip, asyncio.Future[Heard]]]] = {}
        self._partials: dict[Hashable, tuple[Callable[[], Clip | None], Callable[[Heard], None]]] = {}
        self._work = asyncio.Event()
        self.ready = asyncio.Event()
        """Set when the model is loaded."""
        self.busy_s = 0.0
        """Seconds the model has worked."""
        self.heard_s = 0.0
        """Seconds of sound it has heard, partials included."""

    @property
    def waiting(self) -> int:
        """How many finals wait."""
        return sum(len(clips) for clips in self._finals.values())

    def hear(self, session: Hashable, clip: Clip) -> asyncio.Future[Heard]:
        """Queue a final; the future holds what was heard."""
        future: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._finals.setdefault(session, deque()).append((clip, future))
        self._work.set()
        return future

    def peek(self, session: Hashable, clip: Callable[[], Clip | None], then: Callable[[Heard], None]) -> None:
        """Queue a partial in place of the session's waiting one.

        Args:
            session: whose it is.
            clip: makes the clip when its turn has come, so that it holds the newest sound; `None` if it is too late.
            then: takes what was heard.
        """
        self._partials[session] = (clip, then)
        self._work.set()

    def forget(self, session: Hashable) -> None:
        """Drop whatever a session waits for."""
        self._partials.pop(session, None)
        for _, future in self._finals.pop(session, ()):
            future.cancel()

    async def run(self) -> None:
        """Hear until cancelled.

        Raises:
            Exception: whatever loading the model raises; without a model there is nothing to do.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "recogniser") as thread:
            recogniser = await loop.run_in_executor(thread, self._load)
            self.ready.set()
            while True:
                await self._work.wait()
                if self._finals:
                    clip, future = self._next_final()
                    if future.cancelled():
                        continue
                    outcome = await loop.run_in_executor(thread, self._timed, recogniser, clip)
                    if not future.done():
                        future.set_result(outcome)
                elif self._partials:
                    await self._next_partial(recogniser, thread)
                else:
                    self._work.clear()

    def _next_final(self) -> tuple[Clip, asyncio.Future[Heard]]:
        session = next(iter(self._finals))
        clips = self._finals.pop(session)
        first = clips.popleft()
        if clips:
            self._finals[session] = clips
        return first

    async def _next_partial(self, recogniser: Recogniser, thread: ThreadPoolExecutor) -> None:
        session = next(iter(self._partials))
        make, then = self._partials.pop(session)
        clip = make()
        if clip is not None:
            then(await asyncio.get_running_loop().run_in_executor(thread, self._timed, recogniser, clip))

    def _timed(self, recogniser: Recogniser, clip: Clip) -> Heard:
        began = self._clock()
        heard = recogniser.hear([clip])[0]
        self.busy_s += self._clock() - began
        self.heard_s += len(clip.samples) / 16_000
        return heard
