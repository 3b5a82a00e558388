"""Schedule the recogniser: finals before partials, round robin over sessions."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec

from tui.gateway.recogniser import RATE, Clip, Recogniser, Transcription

BATCH = 4
"""Most partials in a batch: four together take half the time of four alone. Finals gain nothing by batching."""

Work = Callable[[Recogniser], Any]


class Concurrency(msgspec.Struct, frozen=True):
    """What a scheduler runs at once, if the recogniser takes as much."""

    jobs: int = 8
    """Most finals and batches together; each has a thread."""
    batches: int = 1
    """Most batches of partials."""
    batch: int = BATCH
    """Most partials in a batch."""


class FinalJob(msgspec.Struct, frozen=True):
    """A request for a final text. All functions but the work are called on the loop."""

    prepare: Callable[[], Work | None]
    """Returns the work when the job starts; `None` if it is no longer needed. The work runs in the thread."""
    on_result: Callable[[Any], None]
    """Takes what the work returns."""
    on_error: Callable[[Exception], None]
    """Takes the error if the recogniser fails."""


class PartialJob(msgspec.Struct, frozen=True):
    """A request for a partial text. All functions are called on the loop."""

    make_clip: Callable[[], Clip | None]
    """Makes the clip when the job starts, so that it has the newest audio; `None` if it is no longer needed."""
    on_result: Callable[[Transcription], None]
    """Takes the transcription."""
    on_error: Callable[[Exception], None]
    """Takes the error if the recogniser fails."""


class Scheduler:
    """Runs jobs in threads, so that they never block the loop: as many at once as the recogniser takes.

    A session has one final and one partial at a time, and few batches of partials run at a time: a final seldom waits
    for partials.

    Args:
        load: makes the recogniser; runs in a thread, so that clients may connect meanwhile.
        clock: returns seconds.
        concurrency: limits beside the recogniser's own.
    """

    def __init__(
        self,
        load: Callable[[], Recogniser],
        clock: Callable[[], float] = time.monotonic,
        concurrency: Concurrency = Concurrency(),  # noqa: B008 - frozen
    ) -> None:
        self._load = load
        self._clock = clock
        self._concurrency = concurrency
        self._finals: dict[Hashable, deque[FinalJob]] = {}
        self._partials: dict[Hashable, PartialJob] = {}
        self._decoding: set[Hashable] = set()
        """Sessions with a running final."""
        self._transcribing: set[Hashable] = set()
        """Sessions with a running partial."""
        self._batches = 0
        """Batches of partials that run."""
        self._changed = asyncio.Event()
        self.recogniser: Recogniser | None = None
        """The model, once it is loaded."""
        self.busy_s = 0.0
        """Seconds of all jobs together."""
        self.transcribed_s = 0.0
        """Seconds of audio transcribed, partials included."""

    @property
    def finals_waiting(self) -> int:
        """How many finals are queued or running."""
        return sum(map(len, self._finals.values())) + len(self._decoding)

    def submit_final(self, session: Hashable, job: FinalJob) -> None:
        """Queue a final."""
        self._finals.setdefault(session, deque()).append(job)
        self._changed.set()

    def submit_partial(self, session: Hashable, job: PartialJob) -> None:
        """Queue a partial; it replaces the session's waiting one."""
        self._partials[session] = job
        self._changed.set()

    def cancel(self, session: Hashable) -> None:
        """Drop the jobs of a session."""
        self._partials.pop(session, None)
        self._finals.pop(session, None)

    async def run(self) -> None:
        """Run jobs until cancelled.

        Raises:
            Exception: any error of loading the model.
        """
        with ThreadPoolExecutor(self._concurrency.jobs, "recogniser") as threads:
            recogniser = await asyncio.get_running_loop().run_in_executor(threads, self._load)
            self.recogniser = recogniser
            async with asyncio.TaskGroup() as jobs:
                while True:
                    while len(self._decoding) + self._batches < min(recogniser.workers, self._concurrency.jobs):
                        job = self._next_job(partial(self._in_thread, threads, recogniser))
                        if job is None:
                            break
                        jobs.create_task(job)
                    await self._changed.wait()
                    self._changed.clear()

    def _next_job(self, in_thread: Callable[[Work], Awaitable[Any]]) -> Coroutine[Any, Any, None] | None:
        """Take the next job; return `None` if none can run now."""
        while session := next((session for session in self._finals if session not in self._decoding), None):
            job = self._next_final(session)
            work = job.prepare()
            if work is not None:
                self._decoding.add(session)
                return self._run_final(session, job, work, in_thread)
        if self._batches < self._concurrency.batches:
            clips, jobs = self._next_partials()
            if clips:
                self._batches += 1
                self._transcribing.update(jobs)
                return self._run_partials(clips, jobs, in_thread)
        return None

    def _next_final(self, session: Hashable) -> FinalJob:
        """Take a session's oldest final; the session goes to the end of the queue."""
        jobs = self._finals.pop(session)
        first = jobs.popleft()
        if jobs:
            self._finals[session] = jobs
        return first

    async def _run_final(
        self, session: Hashable, job: FinalJob, work: Work, in_thread: Callable[[Work], Awaitable[Any]]
    ) -> None:
        try:
            result = await in_thread(work)
        except (RuntimeError, ValueError) as error:
            job.on_error(error)
        else:
            job.on_result(result)
        finally:
            self._decoding.discard(session)
            self._changed.set()

    async def _run_partials(
        self, clips: list[Clip], jobs: dict[Hashable, PartialJob], in_thread: Callable[[Work], Awaitable[Any]]
    ) -> None:
        try:
            results = await in_thread(lambda model: model.transcribe(clips))
        except (RuntimeError, ValueError) as error:
            for job in jobs.values():
                job.on_error(error)
        else:
            for job, result in zip(jobs.values(), results, strict=True):
                job.on_result(result)
        finally:
            self._batches -= 1
            self._transcribing.difference_update(jobs)
            self._changed.set()

    def _next_partials(self) -> tuple[list[Clip], dict[Hashable, PartialJob]]:
        """Take the oldest partials that fit one batch: the decoder needs prompts of one length."""
        clips: list[Clip] = []
        jobs: dict[Hashable, PartialJob] = {}
        for session in [waiting for waiting in self._partials if waiting not in self._transcribing]:
            if len(clips) == self._concurrency.batch:
                break
            clip = self._partials[session].make_clip()
            if clip is not None and clips and clip.prompt != clips[0].prompt:
                continue
            job = self._partials.pop(session)
            if clip is not None:
                clips.append(clip)
                jobs[session] = job
        return clips, jobs

    async def _in_thread(self, threads: ThreadPoolExecutor, recogniser: Recogniser, work: Work) -> Any:
        """Run work and count its time and its audio."""
        metered, started_at = _MeteredRecogniser(recogniser), self._clock()
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work, metered)
        finally:
            self.busy_s += self._clock() - started_at
            self.transcribed_s += metered.transcribed_s


class _MeteredRecogniser:
    """A recogniser that counts the seconds of audio that it transcribes."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self.transcribed_s = 0.0
        self.name = recogniser.name
        self.languages = recogniser.languages
        self.workers = recogniser.workers

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the text of each clip."""
        transcriptions = self._recogniser.transcribe(clips)
        self.transcribed_s += sum(len(clip.samples) for clip in clips) / RATE
        return transcriptions
