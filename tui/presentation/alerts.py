"""Alert below the header: what is wrong with a session or its engine, and what to do. Pure."""

from tui.model.events import State
from tui.model.stats import SILENCE_HINT
from tui.presentation.finishing import is_finishing, wait_details
from tui.presentation.formatting import recording_stopped
from tui.presentation.lost_source import lost_tracks
from tui.presentation.view_model import ViewModel

STOPPED_KEYS = ("s goes on", "x ends the session")
"""What keys do about a session whose engine was killed, once another engine runs."""


def alert_about(view_model: ViewModel, *, on_wall: bool = False) -> tuple[str, str, str]:
    """Return style, reason and hint of the alert; an empty reason for none.

    Args:
        view_model: the session and its engine.
        on_wall: whether they are an open room of a wall.
    """
    if view_model.was_stopped and not view_model.disconnected:
        keys = () if view_model.watching else STOPPED_KEYS
        return "alarm", recording_stopped(view_model.stopped_at, *keys), view_model.reason
    if view_model.disconnected:
        return connection_lost_alert(view_model, on_wall=on_wall)
    if view_model.unresponsive:
        where = f" on {view_model.host}" if view_model.host else ""
        return "bad", f"The engine{where} does not respond.", "It may be stopped, or its machine is too busy."
    if lost_tracks(view_model):
        choice = "" if view_model.watching else " D chooses one."
        return "bad", view_model.stats.source_lost, f"{SILENCE_HINT}{choice}"
    if is_finishing(view_model):
        details = wait_details(view_model)
        # A key is case-sensitive.
        alone = details.startswith("x ")
        return "wait", view_model.reason, details if alone else f"{details[:1].upper()}{details[1:]}"
    match view_model.state:
        case State.FAILED:
            return "bad", view_model.reason, view_model.hint
        case State.RECONNECTING:
            return "warn", view_model.reason, view_model.hint
    return "", "", ""


def connection_lost_alert(view_model: ViewModel, *, on_wall: bool = False) -> tuple[str, str, str]:
    """Return style, reason and hint of the alert about a lost connection to the engine, as `alert_about` does."""
    host, reason, hint = view_model.host, view_model.lost_reason, view_model.lost_hint
    if host and not view_model.synced and reason:
        return "bad", reason, f"Trying again… {hint}".strip()
    if host:
        continues = "The session there continues." if view_model.state.active else ""
        return "bad", f"Line to {host} lost.", " ".join(filter(None, (reason, continues, "Reconnecting…")))
    if not reason:
        return "bad", "Connection to the engine lost.", "Reconnecting…"
    if view_model.lost_at and view_model.watching:
        return "alarm", recording_stopped(view_model.lost_at), f"{reason} {hint}".strip()
    if view_model.lost_at:
        keys = ("s goes on", "esc wall" if on_wall else "q quits")
        meaning = "s starts an engine that continues the recording; esc goes back to the wall." if on_wall else ""
        return "alarm", recording_stopped(view_model.lost_at, *keys), " ".join(filter(None, (reason, hint, meaning)))
    keys_left = f"Press s to start a session, {'esc for the wall' if on_wall else 'q to quit'}."
    return "bad", reason, f"{hint} {'' if view_model.watching else keys_left}".strip()
