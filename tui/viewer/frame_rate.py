"""How often a terminal is given something new, by how fast it takes what it is given. Pure; the clock is passed in."""

SLOW_S = 0.25
"""Seconds that frames wait for the terminal before it counts as slow; less is a hiccup."""
EASE_S = 10.0
"""Seconds without a hiccup after which more is tried again."""
STEPS = 3
"""How often the meter's rate may be halved."""
LOW_FPS = 4
"""Frames a second of the meter on a line that is said to bear little."""
LOW_HOLD_S = 1.0
"""Seconds between two states of what is still growing, on such a line."""
EARLY_S = 0.02
"""Seconds by which a frame may come too early: the next would be late by more."""


class FrameRateController:
    """A rate for the meter and one for what is still growing: partial turns and answers.

    Args:
        fps: frames a second of the meter on a good line.
        low_bandwidth: whether the line is said to bear little, whatever it shows.
    """

    def __init__(self, fps: int, *, low_bandwidth: bool = False) -> None:
        self._most_fps = min(fps, LOW_FPS) if low_bandwidth else fps
        self._low_bandwidth = low_bandwidth
        self._step = 0
        self._behind_since: float | None = None
        self._eased_at = 0.0

    @property
    def fps(self) -> int:
        """Frames a second that the meter may have."""
        return max(1, self._most_fps >> self._step)

    @property
    def hold_s(self) -> float:
        """Seconds between two states of what is still growing; 0 shows each."""
        return LOW_HOLD_S if self._low_bandwidth else LOW_HOLD_S * self._step / STEPS

    def mark_slow(self, now: float) -> None:
        """Take note that frames wait while another one is due."""
        self._eased_at = now
        if self._behind_since is None:
            self._behind_since = now
        elif now - self._behind_since >= SLOW_S:
            self._behind_since = now
            self._step = min(self._step + 1, STEPS)

    def mark_fast(self, now: float) -> None:
        """Take note that the terminal took what it was given."""
        self._behind_since = None
        if self._step and now - self._eased_at >= EASE_S:
            self._eased_at = now
            self._step -= 1


class FrameLimiter:
    """Tells when a frame is due, whatever asks for one and however unevenly: so many a second and no more."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def due(self, now: float, fps: int) -> bool:
        """Return whether a frame may be painted now, and count it if it may.

        Args:
            now: monotonic seconds.
            fps: most frames a second.
        """
        if now + EARLY_S < self._next_at:
            return False
        # Counted from when it was due, so that one that is late makes no other late; after a rest from now.
        self._next_at = max(self._next_at + 1 / fps, now)
        return True
