"""Sources that are lost while a session records: silence takes the place of their audio. Pure."""

from tui.model.events import State
from tui.presentation.view_model import ViewModel


def lost_tracks(view_model: ViewModel) -> tuple[str, ...]:
    """Return the names of the tracks whose source is lost; none unless a session records."""
    stats, state = view_model.stats, view_model.state
    if not (stats.source_lost and state.active) or state is State.DRAINING or view_model.replay_speed:
        return ()
    return tuple(track.name for track in stats.tracks if track.source_lost) or ("",)
