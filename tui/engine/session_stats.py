"""Statistics of a session at one moment, from its counters and its tracks."""

from collections.abc import Sequence

from tui.config.schema import Config
from tui.engine.live_track import LiveTrack
from tui.engine.stats_collector import StatsCollector
from tui.model.stats import Stats, TrackStats, tenths


def collect(counters: StatsCollector, tracks: Sequence[LiveTrack], *, config: Config, billed: bool) -> Stats:
    """Return the session's current statistics, without the number of viewers and the real-time factor.

    Args:
        counters: turns, gists and tokens so far.
        tracks: the tracks.
        config: the prices.
        billed: whether the engine costs money.
    """
    rate = tracks[0].recording.sample_rate
    streams = [track.stream for track in tracks]
    recordings = [track.recording for track in tracks]
    round_trip_s = max(filter(None, (stream.round_trip_s for stream in streams)), default=None)
    expires_s = min((at for stream in streams if (at := stream.expires_s) is not None), default=None)
    socket_s = sum(stream.socket_s for stream in streams)
    figures = [_track_stats(track) for track in tracks]
    return Stats(
        elapsed_s=tenths(max(recording.position for recording in recordings) / rate),
        sent_s=max(track.sent_s for track in figures),
        lag_s=max(track.lag_s for track in figures),
        turns=counters.turns,
        words=counters.words,
        words_per_minute=counters.words_per_minute,
        final_p50_ms=counters.final_ms(0.5),
        final_p95_ms=counters.final_ms(0.95),
        gists=counters.gists,
        gists_missing=counters.gists_missing,
        gist_p50_ms=counters.gist_ms(0.5),
        input_tokens=counters.input_tokens,
        output_tokens=counters.output_tokens,
        cost_usd=round(counters.cost_usd(config, socket_s=socket_s, billed=billed), 4),
        connections=sum(track.connections for track in figures),
        reconnects=sum(track.reconnects for track in figures),
        round_trip_ms=None if round_trip_s is None else round(round_trip_s * 1000),
        device=", ".join(filter(None, (track.device for track in figures))),
        overflows=sum(track.overflows for track in figures),
        recording_bytes=sum(recording.size_bytes for recording in recordings),
        unsaved_s=round(max(recording.unsaved for recording in recordings) / rate, 1),
        expires_s=None if expires_s is None else round(expires_s),
        tracks=tuple(figures) if len(figures) > 1 else (),
    )


def _track_stats(track: LiveTrack) -> TrackStats:
    stream, capture, rate = track.stream, track.capture, track.recording.sample_rate
    return TrackStats(
        name=track.name,
        elapsed_s=tenths(track.recording.position / rate),
        device=capture.device if capture else "",
        sent_s=round(stream.sent / rate, 1),
        lag_s=round(stream.behind / rate, 1),
        turns=track.stream_events.turns,
        connections=stream.opened,
        reconnects=stream.lost,
        overflows=capture.overflows if capture else 0,
        untranscribed_s=round(stream.untranscribed / rate, 1) if track.recording.closed else 0.0,
    )
