"""Statistics of a session at one moment, from its counters and its tracks."""

from collections.abc import Callable, Sequence

from tui.config.schema import Config
from tui.engine.live_track import LiveTrack
from tui.engine.stats_collector import StatsCollector
from tui.model.stats import Stats, TrackStats, tenths

JOURNAL_INTERVAL_S = 30.0
"""Seconds between two statistics in the journal, which outlive an engine that is killed."""


class StatsReporter:
    """Makes the statistics of one session.

    Args:
        counters: turns, gists and tokens so far.
        before: statistics of the stored session that is continued; empty for a new one.
        config: the prices.
        billed: whether the engine costs money.
        clock: monotonic seconds.
    """

    def __init__(
        self, counters: StatsCollector, before: Stats, config: Config, *, billed: bool, clock: Callable[[], float]
    ) -> None:
        self._counters = counters
        self._before = before
        self._config = config
        self._billed = billed
        self._clock = clock
        self._journaled_at = clock()

    def is_due(self) -> bool:
        """Return whether statistics are to be written to the journal now; count that they are."""
        now = self._clock()
        if now - self._journaled_at < JOURNAL_INTERVAL_S:
            return False
        self._journaled_at = now
        return True

    def report(self, tracks: Sequence[LiveTrack], viewers: int) -> Stats:
        """Return the current statistics.

        Args:
            tracks: the tracks.
            viewers: number of viewers.
        """
        rate = tracks[0].recording.sample_rate
        streams = [track.stream for track in tracks]
        recordings = [track.recording for track in tracks]
        round_trip_s = max(filter(None, (stream.round_trip_s for stream in streams)), default=None)
        expires_s = min((at for stream in streams if (at := stream.expires_s) is not None), default=None)
        connected_s = self._before.connected_s + sum(stream.socket_s for stream in streams)
        wait_left_s = max((left for stream in streams if (left := stream.wait_left_s) is not None), default=None)
        factors = (track.stream_events.realtime_factor for track in tracks)
        figures = [_track_stats(track) for track in tracks]
        devices = zip((figure.device for figure in figures), tracks, strict=True)
        lost = [(track.name, track.source_lost) for track in figures if track.source_lost]
        return Stats(
            elapsed_s=tenths(max(recording.position for recording in recordings) / rate),
            sent_s=max(track.sent_s for track in figures),
            lag_s=max(track.lag_s for track in figures),
            turns=self._counters.turns,
            words=self._counters.words,
            words_per_minute=self._counters.words_per_minute,
            final_p50_ms=self._counters.final_ms(0.5),
            final_p95_ms=self._counters.final_ms(0.95),
            gists=self._counters.gists,
            gists_missing=self._counters.gists_missing,
            gist_p50_ms=self._counters.gist_ms(0.5),
            input_tokens=self._counters.input_tokens,
            output_tokens=self._counters.output_tokens,
            cost_usd=round(self._counters.cost_usd(self._config, socket_s=connected_s, billed=self._billed), 4),
            connected_s=round(connected_s, 1),
            connections=self._before.connections + sum(track.connections for track in figures),
            reconnects=self._before.reconnects + sum(track.reconnects for track in figures),
            round_trip_ms=None if round_trip_s is None else round(round_trip_s * 1000),
            device=", ".join(device for device, track in devices if device and not track.stopped_alone),
            source_lost=" ".join(f"{name}: {reason}" if name else reason for name, reason in lost),
            overflows=self._before.overflows + sum(track.overflows for track in figures),
            recording_bytes=sum(recording.size_bytes for recording in recordings),
            unsaved_s=round(max(recording.unsaved for recording in recordings) / rate, 1),
            viewers=viewers,
            realtime_factor=max(filter(None, factors), default=None),
            expires_s=None if expires_s is None else round(expires_s),
            wait_left_s=None if wait_left_s is None else round(wait_left_s),
            tracks=tuple(figures) if len(figures) > 1 else (),
        )


def _track_stats(track: LiveTrack) -> TrackStats:
    stream, capture, rate = track.stream, track.capture, track.recording.sample_rate
    return TrackStats(
        name=track.name,
        elapsed_s=tenths(track.recording.position / rate),
        device=capture.device if capture else "",
        source_lost=capture.lost if capture is not None and not track.recording.closed else "",
        sent_s=round(stream.sent / rate, 1),
        lag_s=round(stream.behind / rate, 1),
        turns=track.stream_events.turns,
        connections=stream.opened,
        reconnects=stream.lost,
        overflows=capture.overflows if capture else 0,
        untranscribed_s=round(stream.untranscribed / rate, 1) if track.recording.closed else 0.0,
    )
