"""How a session is doing: counters, percentiles, cost."""

import math
from collections.abc import Sequence

import msgspec


class Stats(msgspec.Struct, frozen=True, omit_defaults=True, rename={"untranscribed_s": "unheard_s"}):
    """A session's figures at one moment. `None` means that there is nothing to measure yet."""

    elapsed_s: float = 0.0
    """Seconds since the first sample, on the audio's own clock."""
    sent_s: float = 0.0
    """Seconds of audio sent to the endpoint; what was sent again after a reconnect counts once."""
    lag_s: float = 0.0
    """Seconds by which the sender is behind the microphone."""
    turns: int = 0
    """Final turns."""
    words: int = 0
    """Words in final turns."""
    words_per_minute: float = 0.0
    """Words a minute of speech, final turns only."""
    final_p50_ms: float | None = None
    """Median time from the end of speech to the final turn."""
    final_p95_ms: float | None = None
    gists: int = 0
    """Answers that arrived."""
    gists_missing: int = 0
    """Answers that timed out or failed."""
    gist_p50_ms: float | None = None
    """Median time from a final turn to its gist."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    """Estimate: open sockets by the hour and tokens by the million, at the configured rates."""
    connections: int = 0
    """Connections opened so far, swaps of the prompt included."""
    reconnects: int = 0
    """Connections opened because one was lost."""
    round_trip_ms: float | None = None
    """Of the last ping."""
    realtime_factor: float | None = None
    """How fast the endpoint works, if it says so (`Heartbeat.realtime_factor`)."""
    device: str = ""
    """What is recorded from."""
    overflows: int = 0
    """Times the sound system lost samples before we got them."""
    recording_bytes: int = 0
    unsaved_s: float = 0.0
    """Seconds of the recording that the disk has not taken."""
    expires_s: float | None = None
    """Seconds until the endpoint ends the connection."""
    viewers: int = 0
    untranscribed_s: float = 0.0
    """Seconds at the end of a session that is over that were recorded and never transcribed."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the least value that `share` (0 to 1) of the values do not exceed (nearest rank); `None` of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
