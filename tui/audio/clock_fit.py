"""Clock fit: puts the audio of one device on the time line of a session with several. Pure.

Devices count samples by clocks of their own, which differ by up to some hundred parts per million: a second in an hour.
Here they are compared with the monotonic clock. A block may arrive late, but never before its last sample was captured,
so that the earliest arrivals of the last seconds tell the position of the device.
"""

import sys
from array import array
from collections import deque
from itertools import islice

SETTLE_S = 0.5
"""Seconds of audio that are held at first, until blocks that had to wait while the device opened have arrived."""
WINDOW_S = 10.0
"""Seconds of arrivals that are compared with the clock."""
MIN_WINDOW_S = 5.0
"""Shortest span of arrivals that a correction is based on, in seconds."""
DEADBAND_S = 0.008
"""Deviation above which samples are added or removed, in seconds."""
RELEASE_S = 0.001
"""Deviation below which that ends, in seconds."""
GAP_S = 0.1
"""Missing audio, in seconds, above which silence is inserted at once."""
GAP_WINDOW_S = 5.0
"""Seconds during which that much must be missing from every block: a busy machine is late as well."""
SAMPLE_BYTES = 2


class ClockFit:
    """Fits the audio of a device to the time line of its session.

    Args:
        sample_rate: samples per second.
        started_at: start of the session, in seconds of the monotonic clock.
        fills_gaps: whether silence replaces audio that is missing. A program may be late without losing any.
        in_place: whether the device is being recorded already, so that its next block follows without a gap.
    """

    def __init__(self, sample_rate: int, started_at: float, *, fills_gaps: bool = True, in_place: bool = False) -> None:
        self._rate = sample_rate
        self._started_at = started_at
        self._fills_gaps = fills_gaps
        self.restart()
        self._settled = in_place

    def restart(self) -> None:
        """Fit another device from its first block on."""
        self._held = bytearray()
        self._held_since: float | None = None
        self._settled = False
        self._target = 0.0
        """Seconds by which the recording is ahead of the clock on purpose: a program may write ahead of time."""
        self._offsets: deque[tuple[float, float]] = deque()
        """Time of each arrival, and by how many seconds the recording was ahead, without later corrections."""
        self._corrected = 0.0
        """Seconds added by corrections since `restart`."""
        self._correcting = False

    def feed(self, block: bytes, position: int, now: float) -> bytes:
        """Return the audio to record for a block; empty while the first audio is held.

        Args:
            block: s16le mono.
            position: samples recorded so far.
            now: time of the block's arrival, on the monotonic clock.
        """
        if not self._settled:
            return self._settle(block, position, now)
        end = position + len(block) // SAMPLE_BYTES
        self._note(end, now)
        if self._fills_gaps and (missing_s := self._gap_s(now)):
            samples = round(missing_s * self._rate)
            self._corrected += samples / self._rate
            return bytes(samples * SAMPLE_BYTES) + block
        return self._with_correction(block)

    def flush(self) -> bytes:
        """Return the audio that is held: the device has ended."""
        held = bytes(self._held)
        self._held.clear()
        return held

    def _settle(self, block: bytes, position: int, now: float) -> bytes:
        """Hold the first audio, then return it after the silence that puts it in its place."""
        self._held += block
        if self._held_since is None:
            self._held_since = now
        self._note(position + len(self._held) // SAMPLE_BYTES, now)
        if now - self._held_since < SETTLE_S:
            return b""
        ahead_s = max(offset for _, offset in self._offsets)
        silence = max(0, round(-ahead_s * self._rate))
        self._target = max(0.0, ahead_s)
        self._settled = True
        self._offsets.clear()
        return bytes(silence * SAMPLE_BYTES) + self.flush()

    def _note(self, end: int, now: float) -> None:
        offset = end / self._rate - (now - self._started_at) - self._target - self._corrected
        self._offsets.append((now, offset))
        while self._offsets[0][0] < now - WINDOW_S:
            self._offsets.popleft()

    def _gap_s(self, now: float) -> float:
        """Return the seconds of audio that are missing by all arrivals of the last seconds; 0 if none are."""
        if self._offsets[-1][1] + self._corrected >= -GAP_S:
            return 0.0
        recent = [(at, offset) for at, offset in self._offsets if at >= now - GAP_WINDOW_S]
        ahead_s = max(offset for _, offset in recent) + self._corrected
        return -ahead_s if ahead_s < -GAP_S and now - recent[0][0] >= 0.9 * GAP_WINDOW_S else 0.0

    def _with_correction(self, block: bytes) -> bytes:
        """Return a block with a sample added or removed while the device deviates."""
        if self._offsets[-1][0] - self._offsets[0][0] < MIN_WINDOW_S:
            return block
        ahead_s = max(offset for _, offset in self._offsets) + self._corrected
        self._correcting = abs(ahead_s) > (RELEASE_S if self._correcting else DEADBAND_S)
        if not self._correcting:
            return block
        step = -1 if ahead_s > 0 else 1
        self._corrected += step / self._rate
        return stretched(block, step)


def stretched(block: bytes, step: int) -> bytes:
    """Return a block of s16le with a sample more, or less for a negative `step`, where it is least audible."""
    samples = array("h", block)
    if len(samples) < 3:
        return block
    if sys.byteorder == "big":
        samples.byteswap()
    if step > 0:
        at = _smoothest(samples, 1)
        samples.insert(at + 1, (samples[at] + samples[at + 1]) // 2)
    else:
        del samples[_smoothest(samples, 2) + 1]
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _smoothest(samples: "array[int]", distance: int) -> int:
    """Return the index of the sample that differs least from the one `distance` later."""
    pairs = zip(samples, islice(samples, distance, None), strict=False)
    return min((abs(later - sample), at) for at, (sample, later) in enumerate(pairs))[1]
