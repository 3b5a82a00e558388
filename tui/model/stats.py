"""Statistics of a session: counters, percentiles, cost."""

import math
from collections.abc import Sequence

import msgspec

SILENCE_HINT = "Silence is recorded; recording continues by itself once a device is available."
"""What happens while a source is lost, for a person."""


class TrackStats(msgspec.Struct, frozen=True, omit_defaults=True, rename={"untranscribed_s": "unheard_s"}):
    """Statistics of one track; see `Stats`."""

    name: str
    elapsed_s: float = 0.0
    device: str = ""
    source_lost: str = ""
    sent_s: float = 0.0
    lag_s: float = 0.0
    turns: int = 0
    connections: int = 0
    reconnects: int = 0
    overflows: int = 0
    untranscribed_s: float = 0.0


class Stats(msgspec.Struct, frozen=True, omit_defaults=True, rename={"untranscribed_s": "unheard_s"}):
    """Statistics of a session at one moment. `None` means that there is no measurement yet."""

    elapsed_s: float = 0.0
    """Seconds of audio since the first sample."""
    sent_s: float = 0.0
    """Seconds of audio sent to the endpoint; audio sent again after a reconnect counts once."""
    lag_s: float = 0.0
    """Seconds of audio that are recorded and not sent yet."""
    turns: int = 0
    """Number of final turns."""
    words: int = 0
    """Number of words in final turns."""
    words_per_minute: float = 0.0
    """Words per minute of speech in final turns."""
    final_p50_ms: float | None = None
    """Median time from the end of speech to the final turn."""
    final_p95_ms: float | None = None
    gists: int = 0
    """Number of gists that arrived."""
    gists_missing: int = 0
    """Number of gists that timed out or failed."""
    gist_p50_ms: float | None = None
    """Median time from a final turn to its gist."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    """Estimate: connection hours and millions of tokens, at the configured rates."""
    connected_s: float = 0.0
    """Seconds of open connections, added over all of them."""
    connections: int = 0
    """Number of connections opened so far, including those for a change of prompt."""
    reconnects: int = 0
    """Number of connections opened because the previous one was lost."""
    round_trip_ms: float | None = None
    """Round-trip time of the last ping."""
    realtime_factor: float | None = None
    """Processing time of the endpoint per second of audio, if it reports it (`Heartbeat.realtime_factor`)."""
    device: str = ""
    """Name of the input device."""
    source_lost: str = ""
    """Why silence is recorded in place of a source, until it is available again; empty while each delivers audio."""
    overflows: int = 0
    """Number of times the sound system lost samples."""
    recording_bytes: int = 0
    unsaved_s: float = 0.0
    """Seconds of the recording that are not written to the disk."""
    expires_s: float | None = None
    """Seconds until the endpoint closes the connection."""
    viewers: int = 0
    """Number of attached viewers."""
    untranscribed_s: float = 0.0
    """Seconds at the end of an ended session that were recorded and never transcribed."""
    wait_left_s: float | None = None
    """Longest wait, in seconds, for the endpoint after recording has ended; `None` without a limit, or a wait."""
    tracks: tuple[TrackStats, ...] = ()
    """The figures of each track; empty if there is one without a name."""


def tenths(seconds: float) -> float:
    """Return a length in tenths of a second, cut and not rounded, so that whole seconds of it agree everywhere."""
    return math.floor(seconds * 10 + 1e-6) / 10


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile of the values, `share` from 0 to 1; `None` if there are no values."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
