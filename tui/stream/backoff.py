"""Backoff: when the next attempt to connect may start. Pure; clock and jitter are passed in."""

import math
from collections.abc import Callable

from tui.stream.close_codes import CloseInfo, Retry

HEALTHY_S = 60.0
"""Seconds a connection has to last for the next loss to be retried at once again."""
BACKOFF_S = 0.5
"""Upper bound of the first wait, in seconds; doubles with each attempt."""
BACKOFF_LATER_S = 5.0
"""The same after the endpoint reported too many sessions."""
LATER_MIN_S = 1.0
"""Shortest wait after the endpoint reported too many sessions."""
BACKOFF_MAX_S = 30.0
"""Upper bound of any wait that the endpoint does not ask for, in seconds."""


class Backoff:
    """Exponential backoff with full jitter: a random wait up to a bound that doubles with each attempt.

    Args:
        clock: monotonic seconds.
        jitter: returns a number from 0 to 1.
    """

    def __init__(self, clock: Callable[[], float], jitter: Callable[[], float]) -> None:
        self._clock = clock
        self._jitter = jitter
        self._attempt = 0
        self.retry_at = -math.inf
        """Time of the next attempt, on `clock`."""
        self._not_before = -math.inf
        """Time before which the endpoint does not want an attempt, on `clock`."""

    @property
    def is_due(self) -> bool:
        """Whether the next attempt may start now."""
        return self._clock() >= self.retry_at

    def after_loss(self, close: CloseInfo, lasted_s: float) -> float:
        """Return the seconds to wait after a connection was lost.

        The first loss is retried at once; an endpoint that accepts connections and closes them again is not flooded.

        Args:
            close: why it was lost.
            lasted_s: seconds the connection lasted.
        """
        if lasted_s >= HEALTHY_S:
            self._attempt = 0
        at_once = self._attempt == 0 and close.retry is Retry.YES
        wait_s = self.after_failure(close)
        if at_once:
            self.retry_at, wait_s = -math.inf, 0.0
        return wait_s

    def after_failure(self, close: CloseInfo) -> float:
        """Return the seconds to wait after an attempt failed: never less than the endpoint asks for."""
        first_s, min_s = (BACKOFF_LATER_S, LATER_MIN_S) if close.retry is Retry.LATER else (BACKOFF_S, 0.0)
        min_s = max(min_s, close.retry_after_s)
        wait_s = max(min_s, self._jitter() * min(BACKOFF_MAX_S, first_s * 2.0 ** min(self._attempt, 16)))
        self._attempt += 1
        now = self._clock()
        self.retry_at, self._not_before = now + wait_s, now + min_s
        return wait_s

    def reset(self) -> None:
        """Allow the next attempt as early as the endpoint does, and start over with short waits."""
        self._attempt, self.retry_at = 0, self._not_before
