"""Who is heard next: one thread for the model, finals before partials, every session in its turn."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from tui.gateway.recogniser import RATE, Clip, Heard, Recogniser

BATCH = 4
"""Partials heard at once at most: four together take half the time of four alone. Finals gain nothing by it."""


class Wish(msgspec.Struct, frozen=True):
    """Something to be heard. All three are called on the loop."""

    clip: Callable[[], Clip | None]
    """Makes the clip when its turn has come, so that it holds the newest sound; `None` if it is not wanted any more."""
    take: Callable[[Heard], None]
    """Takes what was heard."""
    fail: Callable[[Exception], None]
    """Takes the error if the model cannot hear the clip."""


class Scheduler:
    """Feeds the recogniser, and never blocks the loop.

    Args:
        load: makes the recogniser; runs in the thread, so that clients may connect before it is done.
        clock: seconds.
    """

    def __init__(self, load: Callable[[], Recogniser], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._finals: dict[Hashable, deque[Wish]] = {}
        self._partials: dict[Hashable, Wish] = {}
        self._work = asyncio.Event()
        self.recogniser: Recogniser | None = None
        """The model, once it is loaded."""
        self.busy_s = 0.0
        """Seconds the model has worked."""
        self.heard_s = 0.0
        """Seconds of sound it has heard, partials included."""

    @property
    def waiting(self) -> int:
        """How many finals wait."""
        return sum(len(wishes) for wishes in self._finals.values())

    @property
    def calm(self) -> bool:
        """Whether nobody waits."""
        return not self._finals and not self._partials

    def hear(self, session: Hashable, wish: Wish) -> None:
        """Queue a final."""
        self._finals.setdefault(session, deque()).append(wish)
        self._work.set()

    def peek(self, session: Hashable, wish: Wish) -> None:
        """Queue a partial, in place of the session's waiting one."""
        self._partials[session] = wish
        self._work.set()

    def forget(self, session: Hashable) -> None:
        """Drop whatever a session waits for."""
        self._partials.pop(session, None)
        self._finals.pop(session, None)

    async def run(self) -> None:
        """Hear until cancelled.

        Raises:
            Exception: whatever loading the model raises; without a model there is nothing to do.
        """
        with ThreadPoolExecutor(1, "recogniser") as thread:
            self.recogniser = await asyncio.get_running_loop().run_in_executor(thread, self._load)
            while True:
                await self._work.wait()
                await self._hear_next(thread, self.recogniser)

    async def _hear_next(self, thread: ThreadPoolExecutor, recogniser: Recogniser) -> None:
        """Hear what is next; nothing of it, and so nothing of its session, is kept after that."""
        clips, wishes = self._next()
        if not clips:
            return
        try:
            heard = await asyncio.get_running_loop().run_in_executor(thread, self._timed, recogniser, clips)
        except (RuntimeError, ValueError) as error:
            for wish in wishes:
                wish.fail(error)
        else:
            for wish, one in zip(wishes, heard, strict=True):
                wish.take(one)

    def _next(self) -> tuple[list[Clip], list[Wish]]:
        """Take what is to be heard at once: a final, else partials."""
        if self._finals:
            session = next(iter(self._finals))
            wishes = self._finals.pop(session)
            first = wishes.popleft()
            if wishes:
                self._finals[session] = wishes
            clip = first.clip()
            return ([clip], [first]) if clip is not None else ([], [])
        if not self._partials:
            self._work.clear()
        return self._next_partials()

    def _next_partials(self) -> tuple[list[Clip], list[Wish]]:
        """Take the oldest partials that can be heard together: the decoder takes only prompts of one length.

        What is heard ahead for good is heard alone, like a final.
        """
        clips: list[Clip] = []
        wishes: list[Wish] = []
        for session in list(self._partials):
            if len(clips) == BATCH or (clips and clips[0].final):
                break
            clip = self._partials[session].clip()
            if clip is not None and clips and (clip.final or clip.prompt != clips[0].prompt):
                continue
            wish = self._partials.pop(session)
            if clip is not None:
                clips.append(clip)
                wishes.append(wish)
        return clips, wishes

    def _timed(self, recogniser: Recogniser, clips: Sequence[Clip]) -> list[Heard]:
        began = self._clock()
        heard = recogniser.hear(clips)
        self.busy_s += self._clock() - began
        self.heard_s += sum(len(clip.samples) for clip in clips) / RATE
        return heard
