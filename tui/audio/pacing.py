"""Sound that is at hand all at once, given out as if it were spoken now."""

import time
from collections.abc import Callable, Iterator

from tui.audio.wav import SAMPLE_BYTES

BLOCK_S = 0.05
"""Seconds of sound in a block: a message to the endpoint, and a level for each frame of a meter at 20 fps."""


class RealtimePacer:
    """Tells when the next samples are due.

    They are due at the end of the time that speaking them takes, counted from the first call and not from the last,
    so that waits that are a little too long never add up. Who comes late is not held up until the lost time is made
    good.

    Args:
        sample_rate: samples a second.
        lead_s: seconds that samples may come before they are due.
        speed: how much faster than real time they may go.
        clock: seconds, monotonic.
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
        """Count `samples` more and return the seconds until they may be given, 0 if they may be at once."""
        now = self._clock()
        if self._start is None:
            self._start = now
        self._released += samples
        return max(0.0, self._start + self._released / self._rate - self._lead_s - now)


def take_blocks(buffer: bytearray, sample_rate: int) -> Iterator[bytes]:
    """Take as many whole blocks out of `buffer` as there are, and leave the rest in it."""
    size = round(BLOCK_S * sample_rate) * SAMPLE_BYTES
    while len(buffer) >= size:
        block = bytes(buffer[:size])
        del buffer[:size]
        yield block
