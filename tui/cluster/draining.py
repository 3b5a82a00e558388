"""Whether the health of a replica is still checked. Pure."""

import time
from collections.abc import Callable

CHECK_S = 1.0
"""Interval in which Ray checks an ingress replica."""
OVERDUE_S = 5 * CHECK_S
"""Seconds without a check after which one is overdue; a busy controller is late, too."""


class CheckTimes:
    """Notes checks.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.last = float("inf")
        """When the last check was; infinite before the first, which may take as long as it wants."""

    @property
    def now(self) -> float:
        """The time on the same clock."""
        return self._clock()

    def note(self) -> None:
        """Note that a check is made now."""
        self.last = self._clock()

    @property
    def overdue(self) -> bool:
        """Whether checks have stopped."""
        return self._clock() - self.last > OVERDUE_S
