"""The rest of a session: the part of each track that is not transcribed. Pure."""

from collections.abc import Sequence

import msgspec

from tui.model.session_state import SessionState

MIN_UNTRANSCRIBED_S = 1.0
"""Minimum seconds of untranscribed audio for which recovery is offered."""


class TrackRest(msgspec.Struct, frozen=True):
    """A track that is not transcribed to its end."""

    number: int
    """Counted from 0."""
    name: str
    """Empty for the only track of a session, unless a person named it."""
    transcribed_s: float
    """End of its last final turn, in seconds."""


def track_names(state: SessionState) -> tuple[str, ...]:
    """Return the names of a session's tracks; one empty name for a track without a name."""
    return tuple(track.name for track in state.tracks) or ("",)


def transcribed_s(state: SessionState, name: str) -> float:
    """Return the end of the last final turn of a track, in seconds; without one, where its recording starts."""
    start_s = next((track.start_s for track in state.tracks if track.name == name), 0.0)
    return max((turn.end_s for turn in state.transcript.finals if turn.track == name), default=start_s)


def all_tracks(state: SessionState) -> list[TrackRest]:
    """Return all tracks of a session."""
    return [TrackRest(at, name, transcribed_s(state, name)) for at, name in enumerate(track_names(state))]


def untranscribed_tracks(state: SessionState) -> list[TrackRest]:
    """Return the tracks that the last statistics report as untranscribed; all if they report none."""
    rests = all_tracks(state)
    incomplete = {track.name for track in state.stats.tracks if track.untranscribed_s >= MIN_UNTRANSCRIBED_S}
    return [rest for rest in rests if rest.name in incomplete] or rests


def untranscribed_s(state: SessionState, recorded_s: Sequence[float]) -> list[float]:
    """Return the untranscribed seconds of each track.

    Args:
        state: the session.
        recorded_s: length of each recording, in seconds.
    """
    names = track_names(state)
    if state.session is not None and state.session.mixed:
        return [round(max(0.0, max(recorded_s, default=0.0) - transcribed_s(state, "")), 1)] * len(names)
    return [
        round(max(0.0, length_s - transcribed_s(state, name)), 1)
        for name, length_s in zip(names, recorded_s, strict=False)
    ]
