"""Number of sessions to hold at an endpoint: what it says, or what it accepts. Pure."""

MAX_SESSIONS = 64
"""Largest number, whatever the endpoint says: each session is an engine in this process."""
FIRST_SESSIONS = 3
"""Number at first at an endpoint that does not say how many it has room for."""


class SessionLimit:
    """Limit that follows what an endpoint says, and adapts to refusals if it says nothing.

    Without a word of the endpoint, the limit grows by one once as many sources as it allows have been transcribed, and
    falls to the number of accepted sessions when one is refused: additive increase, as TCP does, and a decrease to what
    was seen to work.

    Args:
        first: the limit at first.
        most: the largest limit.
    """

    def __init__(self, first: int = FIRST_SESSIONS, most: int = MAX_SESSIONS) -> None:
        self._most = most
        self._value = float(min(first, most))
        self._reported = False
        """Whether the endpoint has said what it has room for, so that nothing has to be found out."""

    @property
    def value(self) -> int:
        """Number of sessions to hold, at least 1."""
        return int(self._value)

    def set_room(self, held: int, sessions: int, most: int) -> None:
        """Follow what a gateway says.

        Args:
            held: sessions that this client holds; some of them may still be in opening, and not among `sessions`.
            sessions: open sessions of all clients.
            most: number of sessions that the gateway accepts.
        """
        self._reported = True
        self._value = float(max(1, min(max(0, most - sessions) + min(held, sessions), self._most)))

    def note_refusal(self, accepted: int) -> None:
        """Reduce the limit, because the endpoint has refused a session while it held so many others."""
        self._value = float(max(1, min(accepted, self.value)))

    def note_success(self) -> None:
        """Raise the limit a little, because a source was transcribed; not above what the endpoint says."""
        if not self._reported:
            self._value = min(float(self._most), self._value + 1 / self.value)
