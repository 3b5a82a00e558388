"""What a session whose recording has ended waits for, how long, and what ending the wait keeps. Pure."""

from tui.model.events import State
from tui.presentation.view_model import ViewModel
from tui.text import clock

WAIT_TICKS = 2
"""Statistics, one a second, after which a viewer says what a session that finishes waits for."""
NOTABLE_S = 1.0
"""Seconds of untranscribed audio that are worth a word."""


def untranscribed_s(view_model: ViewModel) -> float:
    """Return the seconds of the recording after the last final turn, of the track with most of them."""
    stats = view_model.stats
    if stats.tracks:
        return max(track.untranscribed_s for track in stats.tracks)
    return max(0.0, stats.elapsed_s - max((turn.end_s for turn in view_model.transcript.finals), default=0.0))


def wait_details(view_model: ViewModel, end: str = "x") -> str:
    """Return how long a session still waits at most, what is not transcribed yet, and what ends the wait.

    Args:
        view_model: the session.
        end: key or command that ends the wait.
    """
    parts = [time_left(view_model)]
    if (rest_s := untranscribed_s(view_model)) >= NOTABLE_S:
        parts.append(f"{_length(rest_s)} not transcribed yet")
    if not view_model.watching:
        parts.append(f"{end} ends the wait")
    return " · ".join(filter(None, parts))


def time_left(view_model: ViewModel) -> str:
    """Return how long a session still waits at most; empty without a limit."""
    left_s = view_model.stats.wait_left_s
    return "" if left_s is None else f"up to {_length(left_s)} more"


def consequence(view_model: ViewModel, recover: str = "t") -> str:
    """Return what is kept and what is lost if the wait is ended now.

    Args:
        view_model: the session.
        recover: key or command that transcribes the rest later.
    """
    rest_s, session = untranscribed_s(view_model), view_model.session
    if rest_s < NOTABLE_S:
        return "The transcript is complete; gists may be missing."
    if session is None or not session.path:
        return f"The last {_length(rest_s)} are lost: this is a private session."
    return f"The last {_length(rest_s)} stay in the recording, not transcribed: {recover} transcribes them later."


def rest_to_recover(view_model: ViewModel) -> str:
    """Return what of an ended session is not transcribed, and the command that transcribes it; empty for nothing."""
    rest_s, session = view_model.stats.untranscribed_s, view_model.session
    if session is None or not session.path or rest_s < NOTABLE_S:
        return ""
    where = f" on {view_model.host}" if view_model.host else ""
    return f"{_length(rest_s)} are not transcribed. Run{where}: livegist recover {session.id}"


def _length(length_s: float) -> str:
    return f"{length_s:.0f} s" if length_s < 60 else clock(length_s)


def is_finishing(view_model: ViewModel) -> bool:
    """Return whether the recording of a session has ended and the session has not; a replay records nothing."""
    return view_model.state is State.DRAINING and not view_model.replay_speed
