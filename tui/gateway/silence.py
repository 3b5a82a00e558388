"""Find the stretches without speech that are reported to a client. Pure."""

from tui.gateway.pcm import RATE
from tui.stream.messages import Silence

INTERVAL = RATE
"""Samples without speech after which silence is reported."""
MIN_LENGTH = RATE // 2
"""Samples without speech that are reported when speech follows: a shorter pause belongs to fluent speech."""


class SilenceReports:
    """The silences of one connection, each reported once and in order."""

    def __init__(self) -> None:
        self._start = 0

    def advance(self, position: int) -> Silence | None:
        """Return the silence up to a position if it is long enough, else `None`."""
        return self._until(position) if position - self._start >= INTERVAL else None

    def end(self, speech: int, position: int) -> Silence | None:
        """Return the silence before the sample `speech`, if it is long enough; the next starts at `position`."""
        found = self._until(speech) if speech - self._start >= MIN_LENGTH else None
        self._start = position
        return found

    def _until(self, end: int) -> Silence:
        found = Silence(self._start * 1000 // RATE, end * 1000 // RATE)
        self._start = end
        return found
