"""Frame rates that adapt to the speed of the terminal. Pure; the clock is passed in."""

from collections.abc import Iterator

SLOW_S = 0.25
"""Seconds of waiting frames after which the terminal counts as slow."""
RECOVERY_S = 10.0
"""Seconds without waiting frames after which the rate is raised by one step."""
STEPS = 3
"""Maximum number of times that the meter's rate is halved."""
LOW_FPS = 4
"""Maximum frames per second of the meter with `low_bandwidth`."""
LOW_HOLD_S = 1.0
"""Seconds between two updates of growing entries with `low_bandwidth`."""
EARLY_S = 0.02
"""Seconds by which a frame may be early: waiting for the next level would delay it by more."""


class FrameRateController:
    """Controller of the rates of the meter and of growing entries: partial turns and streaming gists.

    Args:
        fps: maximum frames per second of the meter.
        low_bandwidth: whether to start with low rates and never exceed them.
    """

    def __init__(self, fps: int, *, low_bandwidth: bool = False) -> None:
        self._max_fps = min(fps, LOW_FPS) if low_bandwidth else fps
        self._low_bandwidth = low_bandwidth
        self._step = 0
        self._behind_since: float | None = None
        self._last_change_at = 0.0

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        yield "fps", self.fps
        yield "hold_s", self.hold_s

    @property
    def fps(self) -> int:
        """Maximum frames per second of the meter now."""
        return max(1, self._max_fps >> self._step)

    @property
    def hold_s(self) -> float:
        """Seconds between two updates of growing entries; 0 to show each update."""
        return LOW_HOLD_S if self._low_bandwidth else LOW_HOLD_S * self._step / STEPS

    def mark_slow(self, now: float) -> None:
        """Record that frames were waiting for the terminal when another one was due.

        Args:
            now: monotonic seconds.
        """
        self._last_change_at = now
        if self._behind_since is None:
            self._behind_since = now
        elif now - self._behind_since >= SLOW_S:
            self._behind_since = now
            self._step = min(self._step + 1, STEPS)

    def mark_fast(self, now: float) -> None:
        """Record that the terminal kept up.

        Args:
            now: monotonic seconds.
        """
        self._behind_since = None
        if self._step and now - self._last_change_at >= RECOVERY_S:
            self._last_change_at = now
            self._step -= 1


class FrameLimiter:
    """Limiter of frames per second for uneven requests."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def due(self, now: float, fps: int) -> bool:
        """Return whether a frame may be painted now, and count it if so.

        Args:
            now: monotonic seconds.
            fps: maximum frames per second.
        """
        if now + EARLY_S < self._next_at:
            return False
        # Counted from the due time, so that a late frame does not delay the next one; after a pause from now.
        self._next_at = max(self._next_at + 1 / fps, now)
        return True
