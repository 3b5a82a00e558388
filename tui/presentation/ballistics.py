"""Meter ballistics: the movement of peak, peak hold and RMS. Pure; the clock is passed in.

The peak falls by IEC 60268-10 type I, RMS integrates as a VU meter (IEC 60268-17); the zones are those of OBS.
"""

import math
from collections import deque
from enum import StrEnum
from typing import NamedTuple

import msgspec

FLOOR_DBFS = -120.0
"""Level, in dBFS, at or below which there is no signal."""
BOTTOM_DBFS = -60.0
"""Left end of the scale, in dBFS."""


class Condition(StrEnum):
    """Condition of the input level, in words."""

    NONE = ""
    NO_SIGNAL = "no signal"
    QUIET = "too quiet"
    WRONG_DEVICE = "wrong device?"
    CLIPPING = "clipping"


class Reading(msgspec.Struct, frozen=True):
    """Reading of the meter at one moment."""

    rms_dbfs: float = FLOOR_DBFS
    peak_dbfs: float = FLOOR_DBFS
    hold_dbfs: float = FLOOR_DBFS
    clipped: bool = False
    """Whether a sample reached full scale since the clip mark was last cleared."""
    condition: Condition = Condition.NONE


class Interval(NamedTuple):
    """Highest level of one interval of the history."""

    peak_dbfs: float
    speech: bool
    """Whether the endpoint detected speech during the interval."""


class History:
    """History of the last minutes: highest peak and speech of each interval, in pairs.

    Args:
        interval_s: seconds of one interval.
        intervals: maximum number of intervals that are stored.
    """

    def __init__(self, interval_s: float = 2.5, intervals: int = 240) -> None:
        self._interval_s = interval_s
        self._intervals: deque[Interval] = deque(maxlen=intervals)
        self._newest: int | None = None

    def feed(self, peak_dbfs: float, now: float, *, speech: bool = False) -> bool:
        """Add a peak; return whether it completed a pair.

        Args:
            peak_dbfs: largest sample, in dBFS.
            now: seconds of a monotonic clock.
            speech: whether the endpoint detects speech.
        """
        at = int(now / self._interval_s)
        if self._newest is not None and at <= self._newest:
            last = self._intervals[-1]
            self._intervals[-1] = Interval(max(last.peak_dbfs, peak_dbfs), last.speech or speech)
            return False
        missing = 0 if self._newest is None else at - self._newest - 1
        self._intervals.extend([Interval(FLOOR_DBFS, False)] * min(missing, self._intervals.maxlen or 0))
        self._intervals.append(Interval(peak_dbfs, speech))
        completed = self._newest is not None and at // 2 > self._newest // 2
        self._newest = at
        return completed

    @property
    def pairs(self) -> list[tuple[Interval, Interval]]:
        """Completed intervals in pairs, oldest first; pairs stay together, so that a full one never changes."""
        if self._newest is None:
            return []
        complete = list(self._intervals)[: -(self._newest % 2) - 1]
        complete = complete[len(complete) % 2 :]
        return list(zip(complete[::2], complete[1::2], strict=True))


class Ballistics:
    """Ballistics of one channel: an instant-rise peak with a standard fall, peak hold, and integrated RMS."""

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
        may_be_silent: bool = False,
    ) -> None:
        self.may_be_silent = may_be_silent
        """Whether silence is normal: what a machine plays is exactly silent most of the time."""
        self._fall = fall_db_per_s
        self._hold_s = hold_s
        """Seconds of peak hold (the standard leaves it to the manufacturer)."""
        self._rms_tau_s = integration_s / math.log(100)
        """Time constant, in seconds: RMS is within 1 % after the integration time."""
        self._stale_s = stale_s
        """Seconds after which the last level is out of date."""
        self._silent_s = silent_s
        self._deaf_s = deaf_s
        """Seconds of exact silence after which the device is suspected: a working one has noise at least."""
        self._quiet_dbfs = quiet_dbfs
        """Level, in dBFS, well below the peaks of speech close to a microphone."""
        self._quiet_s = quiet_s
        self._clipping_s = clipping_s
        self.reset()

    def reset(self) -> None:
        """Start over without any level."""
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
        """Add the level of one block.

        Args:
            rms_dbfs: root mean square, in dBFS.
            peak_dbfs: largest sample, in dBFS.
            clipped: whether a sample is at full scale.
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
        """Return the reading at that time."""
        self._decay(now)
        return Reading(self._rms, self._peak, self._hold, self._clipped, self._condition(now))

    def acknowledge(self) -> None:
        """Clear the clip mark."""
        self._clipped = False
        self._clipped_at = None

    @property
    def at_rest(self) -> bool:
        """Whether every level has fallen to the bottom of the scale."""
        return self._hold <= BOTTOM_DBFS and self._peak <= BOTTOM_DBFS and self._rms <= BOTTOM_DBFS

    def _decay(self, now: float) -> None:
        """Let the levels fall since the last reading."""
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
        if self.may_be_silent:
            return Condition.NONE
        if now - (self._signal_at or self._first_at) >= self._deaf_s:
            return Condition.WRONG_DEVICE
        if now - (self._signal_at or self._first_at) >= self._silent_s:
            return Condition.NO_SIGNAL
        if now - (self._loud_at or self._first_at) >= self._quiet_s:
            return Condition.QUIET
        return Condition.NONE


class TrackLevel(NamedTuple):
    """Level of a track: now, and in the last minutes."""

    needles: Ballistics
    history: History
