"""Schedule the recogniser: one thread, finals before partials, round robin over sessions."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from tui.gateway.recogniser import RATE, Clip, Recogniser, Transcription

BATCH = 4
"""Most partials in a batch: four together take half the time of four alone. Finals gain nothing by batching."""


class Job(msgspec.Struct, frozen=True):
    """A request for a transcription. All three functions are called on the loop."""

    make_clip: Callable[[], Clip | None]
    """Makes the clip when the job starts, so that it has the newest audio; `None` if it is no longer needed."""
    on_result: Callable[[Transcription], None]
    """Takes the transcription."""
    on_error: Callable[[Exception], None]
    """Takes the error if the model cannot transcribe the clip."""


class Scheduler:
    """Runs jobs in the recogniser's thread, so that they never block the loop.

    Args:
        load: makes the recogniser; runs in the thread, so that clients may connect meanwhile.
        clock: returns seconds.
    """

    def __init__(self, load: Callable[[], Recogniser], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._finals: dict[Hashable, deque[Job]] = {}
        self._partials: dict[Hashable, Job] = {}
        self._work_available = asyncio.Event()
        self.recogniser: Recogniser | None = None
        """The model, once it is loaded."""
        self.busy_s = 0.0
        """Seconds that the recogniser was busy."""
        self.transcribed_s = 0.0
        """Seconds of audio transcribed, partials included."""

    @property
    def finals_queued(self) -> int:
        """How many finals wait."""
        return sum(len(jobs) for jobs in self._finals.values())

    @property
    def idle(self) -> bool:
        """Whether no job waits."""
        return not self._finals and not self._partials

    def submit_final(self, session: Hashable, job: Job) -> None:
        """Queue a final."""
        self._finals.setdefault(session, deque()).append(job)
        self._work_available.set()

    def submit_partial(self, session: Hashable, job: Job) -> None:
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
            while True:
                await self._work_available.wait()
                await self._run_next(thread, self.recogniser)

    async def _run_next(self, thread: ThreadPoolExecutor, recogniser: Recogniser) -> None:
        """Run the next jobs. They are local variables, so that a closed session is not kept alive."""
        clips, jobs = self._next()
        if not clips:
            return
        try:
            transcriptions = await asyncio.get_running_loop().run_in_executor(thread, self._timed, recogniser, clips)
        except (RuntimeError, ValueError) as error:
            for job in jobs:
                job.on_error(error)
        else:
            for job, one in zip(jobs, transcriptions, strict=True):
                job.on_result(one)

    def _next(self) -> tuple[list[Clip], list[Job]]:
        """Take the next jobs: a final, else a batch of partials."""
        if self._finals:
            session = next(iter(self._finals))
            jobs = self._finals.pop(session)
            first = jobs.popleft()
            if jobs:
                self._finals[session] = jobs
            clip = first.make_clip()
            return ([clip], [first]) if clip is not None else ([], [])
        if not self._partials:
            self._work_available.clear()
        return self._next_partials()

    def _next_partials(self) -> tuple[list[Clip], list[Job]]:
        """Take the oldest partials that fit one batch: the decoder needs prompts of one length.

        A speculative final is decoded alone.
        """
        clips: list[Clip] = []
        jobs: list[Job] = []
        for session in list(self._partials):
            if len(clips) == BATCH or (clips and clips[0].final):
                break
            clip = self._partials[session].make_clip()
            if clip is not None and clips and (clip.final or clip.prompt != clips[0].prompt):
                continue
            job = self._partials.pop(session)
            if clip is not None:
                clips.append(clip)
                jobs.append(job)
        return clips, jobs

    def _timed(self, recogniser: Recogniser, clips: Sequence[Clip]) -> list[Transcription]:
        began = self._clock()
        transcriptions = recogniser.transcribe(clips)
        self.busy_s += self._clock() - began
        self.transcribed_s += sum(len(clip.samples) for clip in clips) / RATE
        return transcriptions
