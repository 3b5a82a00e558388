"""How a meter's needles move: pure, the clock is passed in.

The peak falls as IEC 60268-10 type I asks, RMS moves as a VU meter's needle does (IEC 60268-17); the zones are OBS's.
"""

import math
from collections import deque
from enum import StrEnum

import msgspec

FLOOR_DBFS = -120.0
"""At or below this there is no signal at all."""
BOTTOM_DBFS = -60.0
"""Left end of the scale."""


class Condition(StrEnum):
    """What the meter says in words."""

    NONE = ""
    NO_SIGNAL = "no signal"
    QUIET = "too quiet"
    WRONG_DEVICE = "wrong device?"
    CLIPPING = "clipping"


class Reading(msgspec.Struct, frozen=True):
    """What the meter shows at one moment."""

    rms_dbfs: float = FLOOR_DBFS
    peak_dbfs: float = FLOOR_DBFS
    hold_dbfs: float = FLOOR_DBFS
    clipped: bool = False
    """Whether a sample has been at full scale since the mark was last cleared."""
    condition: Condition = Condition.NONE


class History:
    """The highest peak of each stretch of the last minute.

    Args:
        stretches: how many there are.
        span_s: seconds that all of them cover.
    """

    def __init__(self, stretches: int = 16, span_s: float = 60.0) -> None:
        self._length_s = span_s / stretches
        self._peaks: deque[float] = deque(maxlen=stretches)
        self._newest: int | None = None

    def feed(self, peak_dbfs: float, now: float) -> bool:
        """Take in a peak; return whether a stretch of time has ended with it."""
        at = int(now / self._length_s)
        if self._newest is None or at > self._newest:
            missing = 0 if self._newest is None else at - self._newest - 1
            self._peaks.extend([FLOOR_DBFS] * min(missing, self._peaks.maxlen or 0))
            self._peaks.append(peak_dbfs)
            self._newest = at
            return True
        self._peaks[-1] = max(self._peaks[-1], peak_dbfs)
        return False

    @property
    def peaks(self) -> list[float]:
        """Peaks of the stretches that have ended, oldest first."""
        return list(self._peaks)[:-1]


class Ballistics:
    """A peak that rises at once and falls at a standard's pace, and an RMS needle that takes its time both ways."""

    def __init__(
        self,
        *,
        fall_db_per_s: float = 20 / 1.7,
        hold_s: float = 1.5,
        integration_s: float = 0.3,
        stale_s: float = 0.25,
        silent_s: float = 1.0,
        deaf_s: float = 10.0,
        quiet_dbfs: float = -45.0,
        quiet_s: float = 8.0,
        clipping_s: float = 2.0,
    ) -> None:
        self._fall = fall_db_per_s
        self._hold_s = hold_s
        """Seconds a peak stays marked (the standard leaves it to the maker)."""
        self._rms_tau_s = integration_s / math.log(100)
        """Time constant with which RMS has come within 1 % after the integration time."""
        self._stale_s = stale_s
        """Seconds after which the last level is no longer true."""
        self._silent_s = silent_s
        self._deaf_s = deaf_s
        """Seconds without any signal after which the device itself is in doubt: a live one has noise at least."""
        self._quiet_dbfs = quiet_dbfs
        """Peaks of speech a hand's breadth from a microphone lie well above this."""
        self._quiet_s = quiet_s
        self._clipping_s = clipping_s
        self.reset()

    def reset(self) -> None:
        """Start over: nothing was heard."""
        self._rms = self._rms_target = self._peak = self._hold = FLOOR_DBFS
        self._fed_at: float | None = None
        self._read_at: float | None = None
        self._held_at = 0.0
        self._first_at: float | None = None
        self._signal_at: float | None = None
        self._loud_at: float | None = None
        self._clipped_at: float | None = None
        self._clipped = False

    def feed(self, rms_dbfs: float, peak_dbfs: float, clipped: bool, now: float) -> None:
        """Take in the level of one block.

        Args:
            rms_dbfs: root mean square of the block.
            peak_dbfs: its greatest sample.
            clipped: whether it holds samples at full scale.
            now: seconds of a monotonic clock.
        """
        self._decay(now)
        if self._first_at is None:
            self._first_at = now
        if self._fed_at is None:
            self._rms = rms_dbfs
        self._rms_target, self._fed_at = rms_dbfs, now
        self._peak = max(self._peak, peak_dbfs)
        if peak_dbfs >= self._hold:
            self._hold, self._held_at = peak_dbfs, now
        if peak_dbfs > FLOOR_DBFS:
            self._signal_at = now
        if peak_dbfs > self._quiet_dbfs:
            self._loud_at = now
        if clipped:
            self._clipped, self._clipped_at = True, now

    def read(self, now: float) -> Reading:
        """Return where the needles are."""
        self._decay(now)
        return Reading(self._rms, self._peak, self._hold, self._clipped, self._condition(now))

    def acknowledge(self) -> None:
        """Clear the clip mark."""
        self._clipped = False
        self._clipped_at = None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is left to fall."""
        return self._hold <= BOTTOM_DBFS and self._peak <= BOTTOM_DBFS and self._rms <= BOTTOM_DBFS

    def _decay(self, now: float) -> None:
        """Let the needles fall from the last moment they were looked at."""
        elapsed = 0.0 if self._read_at is None else max(0.0, now - self._read_at)
        self._read_at = now
        fallen = elapsed * self._fall
        if self._fed_at is not None and now - self._fed_at > self._stale_s:
            self._rms_target = FLOOR_DBFS
        self._rms += (self._rms_target - self._rms) * -math.expm1(-elapsed / self._rms_tau_s)
        self._peak = max(FLOOR_DBFS, self._peak - fallen)
        if now - self._held_at > self._hold_s:
            overdue = min(elapsed, now - self._held_at - self._hold_s)
            self._hold = max(self._peak, self._hold - overdue * self._fall)

    def _condition(self, now: float) -> Condition:
        if self._first_at is None:
            return Condition.NONE
        if self._clipped_at is not None and now - self._clipped_at < self._clipping_s:
            return Condition.CLIPPING
        if now - (self._signal_at or self._first_at) >= self._deaf_s:
            return Condition.WRONG_DEVICE
        if now - (self._signal_at or self._first_at) >= self._silent_s:
            return Condition.NO_SIGNAL
        if now - (self._loud_at or self._first_at) >= self._quiet_s:
            return Condition.QUIET
        return Condition.NONE
