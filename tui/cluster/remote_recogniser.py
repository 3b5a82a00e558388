"""A recogniser that runs elsewhere; an implementation of `Recogniser`."""

import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from tui.gateway.recogniser import Clip, Transcription

RETRY_S = 60.0
"""Longest time for which a call is repeated: that of starting another replica."""
PAUSE_S = 0.2
"""Wait before a call is repeated."""


class Description(msgspec.Struct, frozen=True):
    """What a replica says of its model."""

    name: str
    languages: tuple[str, ...]


class PackedClip(msgspec.Struct, frozen=True):
    """A clip on its way: 16-bit samples, which the gateway receives anyway, take half the bytes."""

    clip: Clip
    """Without samples."""
    samples: npt.NDArray[np.int16]


NO_SAMPLES = np.zeros(0, np.float32)


def pack(clip: Clip) -> PackedClip:
    """Return a clip to send."""
    samples = np.rint(clip.samples * np.float32(32_768)).clip(-32_768, 32_767).astype(np.int16)
    return PackedClip(msgspec.structs.replace(clip, samples=NO_SAMPLES), samples)


def unpack(packed: PackedClip) -> Clip:
    """Return a clip that was sent."""
    samples = packed.samples.astype(np.float32) / np.float32(32_768)
    return msgspec.structs.replace(packed.clip, samples=samples)


class CallLostError(Exception):
    """A replica ended or could not be reached before it answered."""


Call = Callable[[list[PackedClip]], list[Transcription]]
"""Transcribes clips in a replica; raises `CallLostError`, or what the model raised."""


class RemoteRecogniser:
    """Transcribes by calls, and repeats a call whose replica was lost: a recogniser keeps no state between calls.

    Args:
        description: of the model.
        workers: how many calls may run at once.
        call: calls a replica.
        clock: returns seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        description: Description,
        workers: int,
        call: Call,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = description.name
        self.languages = description.languages
        self.workers = workers
        self._call = call
        self._clock = clock
        self._sleep = sleep

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the text of each clip.

        Raises:
            RuntimeError, ValueError: the model cannot process them, or no replica answers.
        """
        packed, lost_at = [pack(clip) for clip in clips], self._clock()
        while True:
            try:
                return self._call(packed)
            except CallLostError as error:
                if self._clock() - lost_at > RETRY_S:
                    raise RuntimeError(f"no recogniser answers: {error}") from error
            self._sleep(PAUSE_S)
