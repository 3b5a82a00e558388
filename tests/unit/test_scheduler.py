"""The order of transcription jobs, with a recogniser that records its calls."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import numpy as np

from tui.gateway.recogniser import Clip, Recogniser, Transcription
from tui.gateway.scheduler import BATCH, Job, Scheduler

DEADLINE_S = 10.0


class FakeRecogniser:
    """Returns no words; fails on the prompt `fail`."""

    def __init__(self) -> None:
        self.heard: list[list[str]] = []

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        self.heard.append([clip.languages[0] for clip in clips])
        if clips[0].prompt == "fail":
            raise RuntimeError("out of memory")
        return [Transcription()] * len(clips)


class Plan:
    """Jobs queued before the model is loaded, and the order in which they ran."""

    def __init__(self) -> None:
        self.fake = FakeRecogniser()
        self.scheduler = Scheduler(lambda: cast(Recogniser, self.fake))
        self.failed: list[Exception] = []
        self._open = 0
        self._done = asyncio.Event()

    def job(self, name: str, *, final: bool, prompt: str = "", wanted: bool = True) -> Job:
        clip = Clip(np.zeros(160, np.float32), final, languages=(name,), prompt=prompt)
        self._open += wanted
        return Job(lambda: clip if wanted else None, lambda _: self._close(), self._fail)

    def final(self, session: str, name: str, prompt: str = "") -> None:
        self.scheduler.submit_final(session, self.job(name, final=True, prompt=prompt))

    def partial(self, session: str, name: str, prompt: str = "", *, wanted: bool = True) -> None:
        self.scheduler.submit_partial(session, self.job(name, final=False, prompt=prompt, wanted=wanted))

    def _fail(self, error: Exception) -> None:
        self.failed.append(error)
        self._close()

    def _close(self) -> None:
        self._open -= 1
        if not self._open:
            self._done.set()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[list[list[str]]]:
        """Run all jobs; yield the batches in order."""
        running = asyncio.create_task(self.scheduler.run())
        async with asyncio.timeout(DEADLINE_S):
            await self._done.wait()
        yield self.fake.heard
        running.cancel()
        await asyncio.wait((running,))


async def test_finals_come_before_partials() -> None:
    plan = Plan()
    plan.partial("a", "partial")
    plan.final("a", "final")
    async with plan.run() as heard:
        assert heard == [["final"], ["partial"]]


async def test_sessions_take_turns() -> None:
    plan = Plan()
    for name in ("a1", "a2", "a3"):
        plan.final("a", name)
    plan.final("b", "b1")
    async with plan.run() as heard:
        assert heard == [["a1"], ["b1"], ["a2"], ["a3"]]


async def test_partials_of_several_sessions_are_heard_together() -> None:
    plan = Plan()
    for session in "abcdef":
        plan.partial(session, session)
    async with plan.run() as heard:
        assert heard == [list("abcdef"[:BATCH]), list("abcdef"[BATCH:])]


async def test_partials_with_other_prompts_wait_for_their_own_turn() -> None:
    plan = Plan()
    for session, prompt in (("a", "x"), ("b", "y"), ("c", "x")):
        plan.partial(session, session, prompt)
    async with plan.run() as heard:
        assert heard == [["a", "c"], ["b"]]


async def test_what_is_heard_ahead_for_good_is_heard_alone() -> None:
    plan = Plan()
    plan.partial("a", "a")
    plan.scheduler.submit_partial("b", plan.job("ahead", final=True))
    plan.partial("c", "c")
    async with plan.run() as heard:
        assert heard == [["a", "c"], ["ahead"]]


async def test_a_newer_partial_takes_the_place_of_the_one_that_waits() -> None:
    plan = Plan()
    plan.scheduler.submit_partial("a", Job(lambda: None, lambda _: None, lambda _: None))
    plan.partial("a", "newer")
    async with plan.run() as heard:
        assert heard == [["newer"]]


async def test_what_nobody_wants_any_more_is_not_heard() -> None:
    plan = Plan()
    plan.partial("a", "unwanted", wanted=False)
    plan.partial("b", "wanted")
    async with plan.run() as heard:
        assert heard == [["wanted"]]


async def test_a_session_that_left_is_forgotten() -> None:
    plan = Plan()
    plan.scheduler.submit_final("gone", Job(lambda: None, lambda _: None, lambda _: None))
    plan.scheduler.cancel("gone")
    plan.final("here", "here")
    async with plan.run() as heard:
        assert heard == [["here"]]
    assert plan.scheduler.finals_queued == 0


async def test_a_clip_that_cannot_be_heard_fails_alone() -> None:
    plan = Plan()
    plan.final("a", "bad", prompt="fail")
    plan.final("b", "good")
    async with plan.run() as heard:
        assert heard == [["bad"], ["good"]]
    assert [str(error) for error in plan.failed] == ["out of memory"]


async def test_work_that_comes_later_is_heard_too() -> None:
    plan = Plan()
    plan.final("a", "first")
    async with plan.run() as heard:
        plan.final("a", "second")
        async with asyncio.timeout(DEADLINE_S):
            while len(heard) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
    assert heard == [["first"], ["second"]]
