"""What the replicas share: the sums of their metrics, and the temporary tokens, each of which opens one session."""

from tui.cluster.metric_totals import MetricTotals
from tui.gateway.metrics import Counts
from tui.gateway.tokens import Grant, InvalidTokenError, Tokens


class SharedState:
    """A deployment of one replica. Ray starts it again if it ends; sums then start from zero, and tokens are void."""

    def __init__(self) -> None:
        self._totals = MetricTotals()
        self._tokens = Tokens()

    async def report(self, replica: str, role: str, gains: Counts, gauges: dict[str, float]) -> None:
        """Add a replica's report, as `MetricTotals.add` does."""
        self._totals.add(replica, role, gains, gauges)

    async def metrics_text(self) -> str:
        """Return the sums in Prometheus text format."""
        return self._totals.text()

    async def occupancy(self) -> tuple[int, int]:
        """Return the open sessions of all replicas, and how many they accept."""
        return self._totals.occupancy()

    async def issue(self, expires_s: float, session_s: float | None) -> str:
        """Return a token, as `Tokens.issue` does."""
        return self._tokens.issue(expires_s, session_s)

    async def redeem(self, token: str) -> Grant | str:
        """Return a token's rights, or why it opens no session."""
        try:
            return self._tokens.redeem(token)
        except InvalidTokenError as error:
            return str(error)
