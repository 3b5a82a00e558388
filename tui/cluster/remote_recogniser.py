"""A recogniser that runs elsewhere; an implementation of `Recogniser`."""

import time
from collections.abc import Callable, Sequence

import msgspec

from tui.gateway.recogniser import Clip, Transcription

RETRY_S = 60.0
"""Longest time for which a call is repeated: that of starting another replica."""
PAUSE_S = 0.2
"""Wait before a call is repeated."""


class Description(msgspec.Struct, frozen=True):
    """What a replica says of its model."""

    name: str
    languages: tuple[str, ...]


class CallLostError(Exception):
    """A replica ended or could not be reached before it answered."""


Hear = Callable[[list[Clip]], list[Transcription]]
"""Transcribes clips in a replica; raises `CallLostError`, or what the model raised."""


class RemoteRecogniser:
    """Transcribes by calls, and repeats a call whose replica was lost: a recogniser keeps no state between calls.

    Args:
        description: of the model.
        workers: how many calls may run at once.
        hear: calls a replica.
        clock: returns seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        description: Description,
        workers: int,
        hear: Hear,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = description.name
        self.languages = description.languages
        self.workers = workers
        self._hear = hear
        self._clock = clock
        self._sleep = sleep

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the text of each clip.

        Raises:
            RuntimeError, ValueError: the model cannot process them, or no replica answers.
        """
        lost_at = self._clock()
        while True:
            try:
                return self._hear(list(clips))
            except CallLostError as error:
                if self._clock() - lost_at > RETRY_S:
                    raise RuntimeError(f"no recogniser answers: {error}") from error
            self._sleep(PAUSE_S)
