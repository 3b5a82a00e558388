"""What an empty turns pane says: where things stand and what to do next. Pure."""

from tui.model.events import State
from tui.presentation.view_model import ViewModel
from tui.text import one_line
from tui.viewer.styled_text import Span

SETUP_HINTS = (
    ("livegist login", "with a key of the vendor"),
    ("livegist --engine local", "this machine; extra [local]"),
    ("livegist demo", "just watch; extra [local]"),
)
"""How to begin; what needs an extra says so, for without it `pip install '.[local]'` comes first."""


def empty_text(picture: ViewModel, *, cut: bool) -> list[Span]:
    """Return the words for a session without turns."""
    if cut:
        return [Span("The engine cannot be heard. Its recording and everything in it stay on disk.", "muted")]
    if not picture.synced:
        return [Span("Starting the engine…", "muted")]
    match picture.state:
        case State.CONNECTING:
            endpoint = one_line(picture.session.endpoint, 80) if picture.session else "the endpoint"
            return [Span(f"Connecting to {endpoint}… What you say now is recorded and sent once it answers.", "muted")]
        case State.LIVE | State.RECONNECTING:
            return [Span("Listening. Speak, and your words appear here."), Span("\nspace mutes, x stops.", "muted")]
        case State.DRAINING:
            return [Span("Waiting for what is still to come…", "muted")]
        case State.FAILED:
            return [
                Span("✗ The session could not go on.\n", "bad strong"),
                Span("Above stands why and what helps; "),
                Span("s", "accent strong"),
                Span(" tries again."),
                Span("\n\nNothing set up yet? "),
                Span("q", "accent strong"),
                Span(" leaves; three ways to begin:"),
                *_ways(),
                Span("\n\nlivegist doctor", "strong"),
                Span("  looks at microphone, keys and network.", "muted"),
            ]
    ended = "Nothing was said in this session. " if picture.state is State.ENDED else ""
    return [
        Span(f"{ended}Press "),
        Span("s", "accent strong"),
        Span(" to start listening: turns appear here as they are spoken, their gists beside them."),
        *_offer_recovery(len(picture.untranscribed)),
        Span("\n\nNothing set up yet? "),
        Span("q", "accent strong"),
        Span(" leaves; three ways to begin:"),
        *_ways(),
        Span("\n\nAll keys: "),
        Span("?", "accent strong"),
    ]


def _ways() -> list[Span]:
    return [
        Span(text, ink) for name, about in SETUP_HINTS for text, ink in ((f"\n{name:<25}", "strong"), (about, "muted"))
    ]


def _offer_recovery(sessions: int) -> list[Span]:
    """Return the offer to transcribe what was recorded and never heard."""
    if not sessions:
        return []
    which = "A session was" if sessions == 1 else f"{sessions} sessions were"
    return [
        Span(f"\n\n{which} recorded but not transcribed to the end: ", "warn"),
        Span("t", "accent strong"),
        Span(" sends the rest." if sessions == 1 else " sends the rest of the newest."),
    ]
