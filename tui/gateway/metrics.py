"""The gateway's metrics in Prometheus text format."""

from collections import Counter
from collections.abc import Iterator, Mapping

PREFIX = "livegist_gateway_"
KINDS: Mapping[str, tuple[str, str]] = {
    "sessions_total": ("counter", "Sessions opened."),
    "refusals_total": ("counter", "Clients refused, by close code."),
    "ignored_parameters_total": ("counter", "Parameters of clients that have no effect, by name."),
    "audio_seconds_total": ("counter", "Seconds of audio received."),
    "partials_total": ("counter", "Partial turns sent."),
    "turns_total": ("counter", "Final turns sent."),
    "settled_partials_changed_total": (
        "counter",
        "Final turns that differ from the settled words of their partials by more than punctuation.",
    ),
    "finals_decoded_again_total": ("counter", "Decodes beyond the first of a final text, for speech without words."),
    "decodes_rejected_total": ("counter", "Outputs of the speech model that were discarded, by reason."),
    "speech_without_words_seconds_total": ("counter", "Seconds of detected speech without words after all decodes."),
    "final_seconds_sum": ("counter", "Seconds from the arrival of the audio that ends a turn to its text."),
    "answers_total": ("counter", "Answers to turns and chats, by outcome."),
    "answer_seconds_sum": ("counter", "Seconds spent on answers."),
    "recogniser_busy_seconds_total": ("counter", "Seconds that the recogniser was busy."),
    "recogniser_audio_seconds_total": ("counter", "Seconds of audio transcribed, partials included."),
    "sessions": ("gauge", "Open sessions."),
    "max_sessions": ("gauge", "Sessions that are accepted at the same time."),
    "finals_waiting": ("gauge", "Final texts that are queued or being decoded."),
    "backlog_seconds": ("gauge", "Seconds of audio that wait for their final text."),
    "realtime_factor": ("gauge", "Seconds of audio transcribed per second of work."),
    "replicas": ("gauge", "Replicas on a cluster, by role."),
}
"""Type and help text, by name."""
LABELLED = frozenset({"refusals_total", "ignored_parameters_total", "answers_total", "decodes_rejected_total"})
"""Counters with a label; all others are exported from the start, so that a rate has a first value."""


Counts = Mapping[tuple[str, str], float]
"""Values of counters, by name and label; the label is empty, or for example `code="3006"`."""


class Metrics:
    """Counters by name and label."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter(
            {(name, ""): 0 for name, (kind, _) in KINDS.items() if kind == "counter" and name not in LABELLED}
        )
        """Their values."""

    def count(self, name: str, amount: float = 1, label: str = "") -> None:
        """Add to a counter; `label` is, for example, `code="3006"`."""
        assert name in KINDS
        self.counts[name, label] += amount  # type: ignore[assignment]


def exposition(counts: Counts, gauges: Mapping[str, float]) -> str:
    """Return metrics in Prometheus text format 0.0.4; `gauges` are current values, and go before counters."""
    return "".join(_lines(counts, gauges))


def _lines(counts: Counts, gauges: Mapping[str, float]) -> Iterator[str]:
    for name, (kind, meaning) in KINDS.items():
        yield f"# HELP {PREFIX}{name} {meaning}\n# TYPE {PREFIX}{name} {kind}\n"
        if name in gauges:
            yield f"{PREFIX}{name} {gauges[name]:g}\n"
        for (counted, label), amount in sorted(counts.items()):
            if counted == name and name not in gauges:
                yield f"{PREFIX}{name}{f'{{{label}}}' if label else ''} {amount:.10g}\n"
