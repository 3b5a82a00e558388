"""Real-time pacing of audio that is available all at once."""

import time
from collections.abc import Callable, Iterator

from tui.audio.wav import SAMPLE_BYTES

BLOCK_S = 0.05
"""Seconds of audio in a block: one message to the endpoint, and one level per frame of the meter at 20 fps."""


class RealtimePacer:
    """Computes when the next samples are due.

    Samples are due at the end of their duration, counted from the first call rather than from the previous one, so that
    waits that are slightly too long do not add up. After a delay samples are due at once until the delay is made up.

    Args:
        sample_rate: samples per second.
        lead_s: seconds by which samples may be early.
        speed: factor by which the audio may be faster than real time.
        clock: monotonic time in seconds.
    """

    def __init__(
        self, sample_rate: int, *, lead_s: float = 0.0, speed: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = sample_rate * speed
        self._lead_s = lead_s
        self._clock = clock
        self._start: float | None = None
        self._released = 0

    def wait_s(self, samples: int) -> float:
        """Count `samples` more and return the seconds until they are due; 0 if they are due already."""
        now = self._clock()
        if self._start is None:
            self._start = now
        self._released += samples
        return max(0.0, self._start + self._released / self._rate - self._lead_s - now)


def take_blocks(buffer: bytearray, sample_rate: int) -> Iterator[bytes]:
    """Remove all whole blocks from `buffer` and yield them; an incomplete block stays."""
    size = round(BLOCK_S * sample_rate) * SAMPLE_BYTES
    while len(buffer) >= size:
        block = bytes(buffer[:size])
        del buffer[:size]
        yield block
