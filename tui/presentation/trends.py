"""Trends of a session: talk time by speaker, words a minute by turn, latency by gist. Pure."""

from collections.abc import Iterable, Sequence

from tui.model.gists import Gist, GistStatus
from tui.model.transcript import Turn
from tui.text import one_line

BARS = "▁▂▃▄▅▆▇█"
"""Signs of a sparkline, from low to high."""


def sparkline(values: Sequence[float]) -> str:
    """Return a sparkline from zero to the highest value."""
    top = max(values, default=0.0)
    return "".join(BARS[min(7, int(8 * value / top))] if top > 0 else BARS[0] for value in values)


def talk_times(turns: Iterable[Turn]) -> list[tuple[str, float]]:
    """Return the seconds of speech of each labelled speaker, or else track, most first."""
    seconds: dict[str, float] = {}
    for turn in turns:
        if turn.label:
            seconds[turn.label] = seconds.get(turn.label, 0.0) + max(0.0, turn.end_s - turn.start_s)
    return sorted(seconds.items(), key=lambda item: -item[1])


def talking_shares(turns: Iterable[Turn]) -> list[str]:
    """Return the share of each speaker, or track, of the talking time, most first, such as `A 62 %`."""
    times = talk_times(turns)
    whole = sum(talked_s for _, talked_s in times) or 1.0
    return [f"{one_line(name, 16)} {100 * talked_s / whole:.0f} %" for name, talked_s in times]


def speaking_rates(turns: Iterable[Turn]) -> list[float]:
    """Return the words a minute of each turn that has a length."""
    return [60 * len(turn.text.split()) / (turn.end_s - turn.start_s) for turn in turns if turn.end_s > turn.start_s]


def gist_latencies(gists: Iterable[Gist]) -> list[float]:
    """Return the latency of each complete gist, in s."""
    return [gist.latency_s for gist in gists if gist.status is GistStatus.DONE and gist.latency_s]
