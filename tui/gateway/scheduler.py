"""Schedule the recogniser: one thread, finals before partials, round robin over sessions."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from tui.gateway.recogniser import RATE, Clip, Recogniser, Transcription

BATCH = 4
"""Most partials in a batch: four together take half the time of four alone. Finals gain nothing by batching."""

Work = Callable[[Recogniser], Any]


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
    """Runs jobs in the recogniser's thread, so that they never block the loop.

    Args:
        load: makes the recogniser; runs in the thread, so that clients may connect meanwhile.
        clock: returns seconds.
    """

    def __init__(self, load: Callable[[], Recogniser], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._finals: dict[Hashable, deque[FinalJob]] = {}
        self._partials: dict[Hashable, PartialJob] = {}
        self._work_available = asyncio.Event()
        self._finals_running = 0
        self.recogniser: Recogniser | None = None
        """The model, once it is loaded."""
        self.busy_s = 0.0
        """Seconds that the recogniser was busy."""
        self.transcribed_s = 0.0
        """Seconds of audio transcribed, partials included."""

    @property
    def finals_waiting(self) -> int:
        """How many finals are queued or running."""
        return sum(map(len, self._finals.values())) + self._finals_running

    def submit_final(self, session: Hashable, job: FinalJob) -> None:
        """Queue a final."""
        self._finals.setdefault(session, deque()).append(job)
        self._work_available.set()

    def submit_partial(self, session: Hashable, job: PartialJob) -> None:
        """Queue a partial; it replaces the session's waiting one."""
        self._partials[session] = job
        self._work_available.set()

    def cancel(self, session: Hashable) -> None:
        """Drop the jobs of a session."""
        self._partials.pop(session, None)
        self._finals.pop(session, None)

    async def run(self) -> None:
        """Run jobs until cancelled.

        Raises:
            Exception: any error of loading the model.
        """
        with ThreadPoolExecutor(1, "recogniser") as thread:
            self.recogniser = await asyncio.get_running_loop().run_in_executor(thread, self._load)
            metered = _MeteredRecogniser(self.recogniser, self._meter)
            while True:
                await self._work_available.wait()
                if self._finals:
                    await self._run_final(thread, metered)
                elif self._partials:
                    await self._run_partials(thread, metered)
                else:
                    self._work_available.clear()

    async def _run_final(self, thread: ThreadPoolExecutor, recogniser: Recogniser) -> None:
        """Run the next final. It is a local variable, so that a closed session is not kept alive."""
        job = self._next_final()
        work = job.prepare()
        if work is None:
            return
        self._finals_running = 1
        try:
            result = await asyncio.get_running_loop().run_in_executor(thread, self._timed, work, recogniser)
        except (RuntimeError, ValueError) as error:
            job.on_error(error)
        else:
            job.on_result(result)
        finally:
            self._finals_running = 0

    def _next_final(self) -> FinalJob:
        """Take the oldest final of the session that has waited longest."""
        session = next(iter(self._finals))
        jobs = self._finals.pop(session)
        first = jobs.popleft()
        if jobs:
            self._finals[session] = jobs
        return first

    async def _run_partials(self, thread: ThreadPoolExecutor, recogniser: Recogniser) -> None:
        """Run a batch of partials."""
        clips, jobs = self._next_partials()
        if not clips:
            return
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(thread, self._timed, lambda model: model.transcribe(clips), recogniser)
        except (RuntimeError, ValueError) as error:
            for job in jobs:
                job.on_error(error)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.on_result(result)

    def _next_partials(self) -> tuple[list[Clip], list[PartialJob]]:
        """Take the oldest partials that fit one batch: the decoder needs prompts of one length."""
        clips: list[Clip] = []
        jobs: list[PartialJob] = []
        for session in list(self._partials):
            if len(clips) == BATCH:
                break
            clip = self._partials[session].make_clip()
            if clip is not None and clips and clip.prompt != clips[0].prompt:
                continue
            job = self._partials.pop(session)
            if clip is not None:
                clips.append(clip)
                jobs.append(job)
        return clips, jobs

    def _timed(self, work: Work, recogniser: Recogniser) -> Any:
        started_at = self._clock()
        result = work(recogniser)
        self.busy_s += self._clock() - started_at
        return result

    def _meter(self, seconds: float) -> None:
        self.transcribed_s += seconds


class _MeteredRecogniser:
    """A recogniser that reports the seconds of audio that it transcribes."""

    def __init__(self, recogniser: Recogniser, report: Callable[[float], None]) -> None:
        self._recogniser = recogniser
        self._report = report
        self.name = recogniser.name
        self.languages = recogniser.languages

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the text of each clip."""
        transcriptions = self._recogniser.transcribe(clips)
        self._report(sum(len(clip.samples) for clip in clips) / RATE)
        return transcriptions
