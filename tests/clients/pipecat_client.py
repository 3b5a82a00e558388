"""Send a file of 16 kHz PCM through Pipecat's service; print each frame that it makes as a line of JSON."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loguru import logger

logger.remove()
logger.add(sys.stderr, level="WARNING")

from pipecat.frames.frames import (  # noqa: E402
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.worker import PipelineParams  # noqa: E402
from pipecat.services.assemblyai.stt import AssemblyAISTTService  # noqa: E402
from pipecat.tests.utils import SleepFrame, run_test  # noqa: E402

RATE = 16_000
CHUNK_BYTES = 2 * RATE // 10
TICK_S = 0.05
MAX_TICKS = 1200
"""Longest wait for the turns: the service itself waits 5 s for the last one."""
MADE = (
    ErrorFrame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
)


def reported(frame: Frame) -> dict[str, Any]:
    """Return what a frame says."""
    names = ("text", "language", "error")
    return {"frame": type(frame).__name__} | {name: str(getattr(frame, name)) for name in names if hasattr(frame, name)}


class Frames(list[Frame]):
    """Sound, and then pauses until enough turns have ended."""

    def __init__(self, audio: bytes, turns: int) -> None:
        super().__init__()
        self.ended = 0
        self._audio = audio
        self._turns = turns

    def __iter__(self) -> Iterator[Frame]:
        for at in range(0, len(self._audio), CHUNK_BYTES):
            yield InputAudioRawFrame(self._audio[at : at + CHUNK_BYTES], RATE, 1)
        for _ in range(MAX_TICKS):
            if self.ended >= self._turns:
                return
            yield SleepFrame(TICK_S)


async def main(url: str, audio: bytes, turns: int) -> None:
    frames = Frames(audio, turns)
    service = AssemblyAISTTService(api_key="any", api_endpoint_base_url=f"{url}/v3/ws", vad_force_turn_endpoint=False)

    @service.event_handler("on_end_of_turn")
    async def count(service: AssemblyAISTTService, transcript: str) -> None:
        frames.ended += 1

    down, up = await run_test(
        service,
        frames_to_send=frames,
        pipeline_params=PipelineParams(audio_in_sample_rate=RATE),
        start_timeout=60,
    )
    errors = [frame for frame in up if isinstance(frame, ErrorFrame)]
    for frame in [*down, *errors]:
        if isinstance(frame, MADE):
            print(json.dumps(reported(frame)), flush=True)


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes(), int(sys.argv[3])))
