"""Text of an empty turns pane: the state of the session and what to do next. Pure."""

from tui.model.events import State
from tui.model.stats import SILENCE_HINT
from tui.presentation.lost_source import lost_tracks
from tui.presentation.view_model import ViewModel
from tui.text import one_line
from tui.viewer.styled_text import Span

SETUP_HINTS = (
    ("livegist login", "cloud engine, with an API key"),
    ("livegist --engine local", "this machine; extra [local]"),
    ("livegist demo", "recorded meeting; extra [local]"),
)
"""Commands that begin; those that need an extra name it."""


def empty_text(view_model: ViewModel, *, disconnected: bool, set_up: bool) -> list[Span]:
    """Return the text for a session without turns.

    Args:
        view_model: the session.
        disconnected: whether the connection to the engine is lost.
        set_up: whether a session can start; if not, the text says what to install or store.
    """
    if view_model.watching and view_model.synced and not (disconnected or view_model.state.active):
        return [Span("No session is running. Turns appear here once one runs.", "muted")]
    if disconnected:
        where = f" on {one_line(view_model.host, 60)}" if view_model.host else ""
        return [Span(f"Not connected to the engine{where}. Stored sessions stay on its disk.", "muted")]
    if not view_model.synced:
        return [Span("Starting the engine…", "muted")]
    match view_model.state:
        case State.CONNECTING if view_model.reason:
            return [Span(one_line(view_model.reason, 200), "muted")]
        case State.CONNECTING:
            endpoint = one_line(view_model.endpoint, 80) or "the endpoint"
            return [
                Span(f"Connecting to {endpoint}… Speech is recorded now and sent once the connection is open.", "muted")
            ]
        case State.RECONNECTING:
            lost = "The connection is lost" if view_model.stats.connections else "There is no connection yet"
            return [
                Span(f"{lost}. Speech is recorded now and sent when it is open.", "muted"),
                Span("\nspace mute, x stop", "muted"),
            ]
        case State.LIVE if view_model.replay_speed:
            return [Span("Turns appear here as the recording is replayed."), Span("\nspace pause, ← → seek", "muted")]
        case State.LIVE if lost_tracks(view_model):
            return [Span(SILENCE_HINT, "muted"), Span("\nD device, x stop", "muted")]
        case State.LIVE:
            return [Span("Recording. Speak: turns appear here."), Span("\nspace mute, x stop", "muted")]
        case State.DRAINING:
            return [Span(one_line(view_model.reason, 200) or "Waiting for the last turns.", "muted")]
        case State.FAILED:
            return [
                Span("✗ The session failed.\n", "bad strong"),
                Span("See the error above. Press "),
                Span("s", "accent strong"),
                Span(" to retry."),
                *([] if set_up else _offer_setup()),
                Span("\n\nlivegist doctor", "strong"),
                Span("  checks microphone, keys and network", "muted"),
            ]
    ended = "The session has no turns. " if view_model.state is State.ENDED else ""
    return [
        Span(f"{ended}Press "),
        Span("s", "accent strong"),
        Span(" to start a session: turns appear here, their gists beside them."),
        *_offer_recovery(len(view_model.untranscribed)),
        *([] if set_up else _offer_setup()),
        Span("\n\nAll keys: "),
        Span("?", "accent strong"),
    ]


def _offer_setup() -> list[Span]:
    """Return the commands to run if nothing is set up yet."""
    commands = [
        Span(text, style)
        for name, about in SETUP_HINTS
        for text, style in ((f"\n{name:<25}", "strong"), (about, "muted"))
    ]
    return [
        Span("\n\nNot set up yet? Press "),
        Span("q", "accent strong"),
        Span(" to quit, then run one of:"),
        *commands,
    ]


def _offer_recovery(sessions: int) -> list[Span]:
    """Return the offer to transcribe the rest of stored sessions.

    Args:
        sessions: how many were not transcribed to their end.
    """
    if not sessions:
        return []
    which = "A session is" if sessions == 1 else f"{sessions} sessions are"
    return [
        Span(f"\n\n{which} not transcribed to the end. Press ", "warn"),
        Span("t", "accent strong"),
        Span(" to transcribe the rest." if sessions == 1 else " to transcribe the rest of the newest."),
    ]
