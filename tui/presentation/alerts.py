"""Alert below the header: what is wrong with a session or its engine, and what to do. Pure."""

from tui.model.events import State
from tui.model.stats import SILENCE_HINT
from tui.presentation.finishing import is_finishing, wait_details
from tui.presentation.formatting import recording_stopped
from tui.presentation.lost_source import lost_tracks
from tui.presentation.view_model import ViewModel


def alert_about(view_model: ViewModel) -> tuple[str, str, str]:
    """Return style, reason and hint of the alert; an empty reason for none."""
    if view_model.was_stopped and not view_model.disconnected:
        return "alarm", recording_stopped(view_model.stopped_at), view_model.reason
    if view_model.disconnected:
        return connection_lost_alert(view_model)
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


def connection_lost_alert(view_model: ViewModel) -> tuple[str, str, str]:
    """Return style, reason and hint of the alert about a lost connection to the engine."""
    host, reason, hint = view_model.host, view_model.lost_reason, view_model.lost_hint
    if host and not view_model.synced and reason:
        return "bad", reason, f"Trying again… {hint}".strip()
    if host:
        continues = "The session there continues." if view_model.state.active else ""
        return "bad", f"Line to {host} lost.", " ".join(filter(None, (reason, continues, "Reconnecting…")))
    if not reason:
        return "bad", "Connection to the engine lost.", "Reconnecting…"
    if view_model.lost_at:
        return "alarm", recording_stopped(view_model.lost_at, ends=False), f"{reason} {hint}".strip()
    keys = "" if view_model.watching else "Press s to start a session, q to quit."
    return "bad", reason, f"{hint} {keys}".strip()
