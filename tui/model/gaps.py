"""Gaps in a recording: times that no engine recorded and that silence fills."""

from datetime import datetime

import msgspec


class Gap(msgspec.Struct, frozen=True):
    """Silence in place of audio that was not recorded, because the engine was killed."""

    start_s: float
    """Seconds from the first sample of the session."""
    length_s: float
    stopped_at: str
    """ISO 8601 time at which recording stopped."""
    continued_at: str
    """ISO 8601 time at which it continued."""

    def __str__(self) -> str:
        """Return the clock times and the length of the gap."""
        stopped, continued = datetime.fromisoformat(self.stopped_at), datetime.fromisoformat(self.continued_at)
        return f"not recorded: {stopped:%H:%M:%S} to {continued:%H:%M:%S} ({self.length_s:.1f} s)"
