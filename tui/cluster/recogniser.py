"""A recogniser replica: the speech model, and batches of clips from all sessions of the cluster."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tui.cluster.remote_recogniser import Description, PackedClip, unpack
from tui.cluster.reporting import report
from tui.gateway.gateway import load_recogniser
from tui.gateway.metrics import Counts
from tui.gateway.options import GatewayOptions
from tui.gateway.recogniser import Clip, Recogniser, Transcription
from tui.gateway.scheduler import FinalJob, PartialJob, Scheduler
from tui.gateway.speech_models import find_model


class ClipScheduler:
    """Transcribes clips of callers that know nothing of each other: finals first, partials together.

    Args:
        recogniser: transcribes them.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self._scheduler = Scheduler(lambda: recogniser)
        self.running = asyncio.create_task(self._scheduler.run())
        """Ends only by an internal error."""

    async def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the text of each clip.

        Args:
            clips: one final, or partials.

        Raises:
            RuntimeError, ValueError: the model cannot process them.
        """
        if clips[0].final:
            transcriptions: list[Transcription] = await self._run(
                lambda job: self._scheduler.submit_final(job, _final(clips, job))
            )
            return transcriptions
        return await asyncio.gather(*map(self._partial, clips))

    def counts(self) -> Counts:
        """Return the counters of the recogniser."""
        return {
            ("recogniser_busy_seconds_total", ""): self._scheduler.busy_s,
            ("recogniser_audio_seconds_total", ""): self._scheduler.transcribed_s,
        }

    async def _partial(self, clip: Clip) -> Transcription:
        transcription: Transcription = await self._run(
            lambda job: self._scheduler.submit_partial(job, _partial(clip, job))
        )
        return transcription

    async def _run(self, submit: "Callable[[asyncio.Future[Any]], None]") -> Any:
        """Submit a job, which the future of its result stands for; drop it if the caller gives up."""
        job: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        submit(job)
        try:
            return await job
        finally:
            self._scheduler.cancel(job)


def _final(clips: Sequence[Clip], job: "asyncio.Future[Any]") -> FinalJob:
    return FinalJob(
        lambda: lambda recogniser: recogniser.transcribe(clips), partial(_succeed, job), partial(_fail, job)
    )


def _partial(clip: Clip, job: "asyncio.Future[Any]") -> PartialJob:
    return PartialJob(lambda: clip, partial(_succeed, job), partial(_fail, job))


def _succeed(job: "asyncio.Future[Any]", result: object) -> None:
    if not job.done():
        job.set_result(result)


def _fail(job: "asyncio.Future[Any]", error: Exception) -> None:
    if not job.done():
        job.set_exception(error)


class RecogniserReplica:
    """The deployment. Ray sends it clips once the model is loaded.

    Args:
        options: the model, its device and its threads.
        shared: handle of `SharedState`.
    """

    async def __init__(self, options: GatewayOptions, shared: Any) -> None:  # type: ignore[misc]  # as Ray allows
        recogniser = await asyncio.to_thread(self.load, options)
        self._description = Description(recogniser.name, tuple(recogniser.languages))
        self._clips = ClipScheduler(recogniser)
        self._reporting = asyncio.create_task(report(shared, "recogniser", self._clips.counts, dict))

    @staticmethod
    def load(options: GatewayOptions) -> Recogniser:
        """Load the model.

        Raises:
            LivegistError: it is not installed.
            ValueError, OSError, RuntimeError: its files or the device cannot be used.
        """
        return load_recogniser(find_model(options.model), options)

    async def describe(self) -> Description:
        """Return what the model is."""
        return self._description

    async def transcribe(self, clips: list[PackedClip]) -> list[Transcription]:
        """Return the text of each clip, as `ClipScheduler.transcribe` does."""
        return await self._clips.transcribe([unpack(clip) for clip in clips])

    async def check_health(self) -> None:
        """Raise an error if the replica cannot transcribe; Ray then starts another."""
        if self._clips.running.done():
            raise RuntimeError("the scheduler ended")
