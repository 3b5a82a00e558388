"""Commands that start and mute a session, as its state requires. Pure."""

from collections.abc import Mapping

from tui.model.commands import Command, ContinueSession, Mute, Option, Pause, Start
from tui.presentation.view_model import ViewModel


def start_command(view_model: ViewModel, options: Mapping[str, Option]) -> Command:
    """Return the command that starts a session, or continues the one whose engine was killed.

    Args:
        view_model: the engine.
        options: settings of the session.
    """
    return ContinueSession() if view_model.stopped_at else Start(dict(options))


def is_silent(view_model: ViewModel) -> bool:
    """Return whether the session is muted, or the replay is paused."""
    return view_model.paused if view_model.replay_speed else view_model.muted


def mute_command(view_model: ViewModel, *, silent: bool) -> Command:
    """Return the command that mutes or unmutes a session, or that pauses or resumes a replay."""
    return Pause(silent) if view_model.replay_speed else Mute(silent)
