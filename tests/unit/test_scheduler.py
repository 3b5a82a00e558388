"""The order of transcription jobs, with a recogniser that records its calls."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np

from tui.gateway.recogniser import Clip, Transcription
from tui.gateway.scheduler import BATCH, Concurrency, FinalJob, PartialJob, Scheduler

DEADLINE_S = 10.0


class FakeRecogniser:
    """Returns no words; fails on the prompt `fail`."""

    name = "fake"
    languages = ("en",)

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.batches: list[list[str]] = []
        self.together = threading.Barrier(workers)
        """Calls that run at once wait for each other."""

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        self.batches.append([clip.languages[0] for clip in clips])
        self.together.wait(DEADLINE_S)
        if clips[0].prompt == "fail":
            raise RuntimeError("out of memory")
        return [Transcription()] * len(clips)


class Plan:
    """Jobs queued before the model is loaded, and the order in which they ran."""

    def __init__(self, workers: int = 1, concurrency: Concurrency = Concurrency()) -> None:  # noqa: B008
        self.fake = FakeRecogniser(workers)
        self.scheduler = Scheduler(lambda: self.fake, concurrency=concurrency)
        self.failed: list[Exception] = []
        self._open = 0
        self._done = asyncio.Event()

    def clip(self, name: str, *, final: bool, prompt: str = "", wanted: bool = True) -> Clip | None:
        self._open += wanted
        return Clip(np.zeros(160, np.float32), final, languages=(name,), prompt=prompt) if wanted else None

    def final(self, session: str, name: str, prompt: str = "", *, wanted: bool = True) -> None:
        clip = self.clip(name, final=True, prompt=prompt, wanted=wanted)
        work = (lambda recogniser: recogniser.transcribe([clip])) if clip else None
        self.scheduler.submit_final(session, FinalJob(lambda: work, lambda _: self._close(), self._fail))

    def partial(self, session: str, name: str, prompt: str = "", *, wanted: bool = True) -> None:
        clip = self.clip(name, final=False, prompt=prompt, wanted=wanted)
        self.scheduler.submit_partial(session, PartialJob(lambda: clip, lambda _: self._close(), self._fail))

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
        yield self.fake.batches
        running.cancel()
        await asyncio.wait((running,))


async def test_finals_come_before_partials() -> None:
    plan = Plan()
    plan.partial("a", "partial")
    plan.final("a", "final")
    async with plan.run() as batches:
        assert batches == [["final"], ["partial"]]


async def test_sessions_take_turns() -> None:
    plan = Plan()
    for name in ("a1", "a2", "a3"):
        plan.final("a", name)
    plan.final("b", "b1")
    async with plan.run() as batches:
        assert batches == [["a1"], ["b1"], ["a2"], ["a3"]]


async def test_partials_of_several_sessions_are_decoded_together() -> None:
    plan = Plan()
    for session in "abcdef":
        plan.partial(session, session)
    async with plan.run() as batches:
        assert batches == [list("abcdef"[:BATCH]), list("abcdef"[BATCH:])]


async def test_partials_with_other_prompts_wait_for_their_own_turn() -> None:
    plan = Plan()
    for session, prompt in (("a", "x"), ("b", "y"), ("c", "x")):
        plan.partial(session, session, prompt)
    async with plan.run() as batches:
        assert batches == [["a", "c"], ["b"]]


async def test_a_newer_partial_takes_the_place_of_the_one_that_waits() -> None:
    plan = Plan()
    plan.partial("a", "older", wanted=False)
    plan.partial("a", "newer")
    async with plan.run() as batches:
        assert batches == [["newer"]]


async def test_a_partial_that_is_no_longer_needed_is_not_decoded() -> None:
    plan = Plan()
    plan.partial("a", "unwanted", wanted=False)
    plan.partial("b", "wanted")
    async with plan.run() as batches:
        assert batches == [["wanted"]]


async def test_jobs_of_a_closed_session_are_dropped() -> None:
    plan = Plan()
    plan.final("gone", "gone", wanted=False)
    plan.scheduler.cancel("gone")
    plan.final("here", "here")
    async with plan.run() as batches:
        assert batches == [["here"]]
    assert plan.scheduler.finals_waiting == 0


async def test_a_clip_that_cannot_be_decoded_fails_alone() -> None:
    plan = Plan()
    plan.final("a", "bad", prompt="fail")
    plan.final("b", "good")
    async with plan.run() as batches:
        assert batches == [["bad"], ["good"]]
    assert [str(error) for error in plan.failed] == ["out of memory"]


async def test_a_final_that_is_no_longer_needed_is_not_decoded() -> None:
    plan = Plan()
    plan.final("a", "unwanted", wanted=False)
    plan.final("b", "wanted")
    async with plan.run() as batches:
        assert batches == [["wanted"]]


async def test_finals_of_two_sessions_run_at_once() -> None:
    plan = Plan(workers=2)
    plan.final("a", "a")
    plan.final("b", "b")
    async with plan.run() as batches:
        assert sorted(batches) == [["a"], ["b"]]
    assert plan.failed == []


async def test_a_final_and_partials_run_at_once_and_two_batches_of_partials_do_not() -> None:
    plan = Plan(workers=2)
    for session in "bcdef":
        plan.partial(session, session)
    plan.final("a", "first")
    plan.final("a", "second")
    async with plan.run() as batches:
        assert sorted(batches[:2]) == [list("bcde"), ["first"]]
        assert sorted(batches[2:]) == [["f"], ["second"]]
    assert plan.failed == []


async def test_partials_of_different_sessions_run_at_once_if_that_is_asked_for() -> None:
    plan = Plan(workers=3, concurrency=Concurrency(batches=3, batch=1))
    for session in "abc":
        plan.partial(session, session)
    async with plan.run() as batches:
        assert sorted(batches) == [["a"], ["b"], ["c"]]
    assert plan.failed == [], "all three waited for each other inside the recogniser"


async def test_seconds_of_audio_are_counted() -> None:
    plan = Plan()
    plan.final("a", "final")
    plan.partial("b", "partial")
    async with plan.run():
        assert plan.scheduler.transcribed_s == 0.02


async def test_a_job_that_comes_later_is_run_too() -> None:
    plan = Plan()
    plan.final("a", "first")
    async with plan.run() as batches:
        plan.final("a", "second")
        async with asyncio.timeout(DEADLINE_S):
            while len(batches) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
    assert batches == [["first"], ["second"]]
