"""Counters of a session: turns, words, gists, latency percentiles and the estimated cost."""

from collections import deque

from tui.config.schema import Config
from tui.model.gists import Gist, GistStatus
from tui.model.stats import percentile
from tui.model.transcript import Turn

MAX_SAMPLES = 500
"""Number of newest latencies that percentiles are computed over, which bounds the memory of a long session."""


class StatsCollector:
    """Counts turns, words, gists and tokens of one session; no clock and no I/O."""

    def __init__(self) -> None:
        self._final_ms: deque[float] = deque(maxlen=MAX_SAMPLES)
        self._gist_ms: deque[float] = deque(maxlen=MAX_SAMPLES)
        self.turns = 0
        """Final turns."""
        self.words = 0
        self.speech_s = 0.0
        self.gists = 0
        self.gists_missing = 0
        self.input_tokens = 0
        self.output_tokens = 0

    @property
    def words_per_minute(self) -> float:
        """Words per minute of speech; 0 below one second of speech."""
        return round(self.words / self.speech_s * 60, 1) if self.speech_s >= 1 else 0.0

    def add_final(self, turn: Turn, after_ms: float | None = None, *, before: Turn | None = None) -> None:
        """Count a final turn.

        Args:
            turn: the turn.
            after_ms: milliseconds from the end of its speech until it arrived; `None` if unknown.
            before: the turn as it was counted before; its counts are replaced.
        """
        if before is not None:
            self._add(before, -1)
        elif after_ms is not None:
            self._final_ms.append(after_ms)
        self._add(turn, 1)

    def _add(self, turn: Turn, times: int) -> None:
        self.turns += times
        self.words += times * len(turn.text.split())
        self.speech_s += times * max(0.0, turn.end_s - turn.start_s)

    def add_answer(self, gist: Gist) -> None:
        """Count a gist that is done, failed or timed out."""
        if gist.status is not GistStatus.DONE:
            self.gists_missing += 1
            return
        self.gists += 1
        self.input_tokens += gist.input_tokens
        self.output_tokens += gist.output_tokens
        if gist.turn is not None:
            self._gist_ms.append(gist.latency_s * 1000)

    def remove_missing(self) -> None:
        """Take back one missing gist, because it is requested again or has arrived late."""
        self.gists_missing -= 1

    def final_ms(self, share: float) -> float | None:
        """Return a percentile, in milliseconds, of the time from the end of speech to the final turn."""
        return _whole(percentile(self._final_ms, share))

    def gist_ms(self, share: float) -> float | None:
        """Return a percentile, in milliseconds, of the time from a final turn to its gist."""
        return _whole(percentile(self._gist_ms, share))

    def cost_usd(self, config: Config, *, socket_s: float, billed: bool) -> float:
        """Return the session's estimated cost in USD: open sockets by the hour, tokens by the million.

        Args:
            config: the prices.
            socket_s: seconds of open sockets, added over all connections.
            billed: whether the engine costs money; the local engine does not.
        """
        if not billed:
            return 0.0
        hourly = config.hourly_rates.get(config.speech_model, 0.0)
        tokens = self.input_tokens * config.input_rate + self.output_tokens * config.output_rate
        return round(socket_s / 3600 * hourly + tokens / 1e6, 6)


def _whole(value: float | None) -> float | None:
    return None if value is None else round(value)
