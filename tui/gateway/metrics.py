"""What the gateway counts, as Prometheus reads it."""

from collections import Counter
from collections.abc import Iterator, Mapping

PREFIX = "livegist_gateway_"
KINDS: Mapping[str, tuple[str, str]] = {
    "sessions_total": ("counter", "Sessions that were opened."),
    "refusals_total": ("counter", "Clients sent away, by close code."),
    "audio_seconds_total": ("counter", "Seconds of sound that were received."),
    "partials_total": ("counter", "Partial turns that were told."),
    "turns_total": ("counter", "Finished turns that were told."),
    "final_seconds_sum": ("counter", "Seconds from the decision that a turn is over to its text."),
    "answers_total": ("counter", "Answers about turns and to chats, by outcome."),
    "answer_seconds_sum": ("counter", "Seconds spent on answers."),
    "recogniser_busy_seconds_total": ("counter", "Seconds the speech model has worked."),
    "recogniser_heard_seconds_total": ("counter", "Seconds of sound the speech model has heard, partials included."),
    "sessions": ("gauge", "Sessions that are open."),
    "finals_waiting": ("gauge", "Finished turns that wait for the speech model."),
    "backlog_seconds": ("gauge", "Seconds of sound of finished turns without a text."),
    "realtime_factor": ("gauge", "Seconds of sound heard in a second of work."),
}
"""Kind and meaning, by name."""
LABELLED = frozenset({"refusals_total", "answers_total"})
"""Counts with a label; all others are told from the beginning, so that a rate knows where they began."""


class Metrics:
    """Counts by name and label."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter(
            {(name, ""): 0 for name, (kind, _) in KINDS.items() if kind == "counter" and name not in LABELLED}
        )

    def count(self, name: str, amount: float = 1, label: str = "") -> None:
        """Add to a count; `label` is such as `code="3006"`."""
        assert name in KINDS
        self._counts[name, label] += amount  # type: ignore[assignment]

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return everything in the text format (version 0.0.4), with the gauges' values of this moment."""
        return "".join(self._lines(gauges))

    def _lines(self, gauges: Mapping[str, float]) -> Iterator[str]:
        for name, (kind, meaning) in KINDS.items():
            yield f"# HELP {PREFIX}{name} {meaning}\n# TYPE {PREFIX}{name} {kind}\n"
            if name in gauges:
                yield f"{PREFIX}{name} {gauges[name]:g}\n"
            for (counted, label), amount in sorted(self._counts.items()):
                if counted == name and name not in gauges:
                    yield f"{PREFIX}{name}{f'{{{label}}}' if label else ''} {amount:.10g}\n"
