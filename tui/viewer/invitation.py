"""What an empty turns pane says: where things stand and what to do next. Pure."""

from tui.model.events import State
from tui.viewer.inert import one_line
from tui.viewer.lines import Span
from tui.viewer.picture import Picture

WAYS = (
    ("livegist demo", "a meeting to watch: no key, no microphone"),
    ("livegist login", "keep a key for the vendor's service"),
    ("livegist --engine local", "this machine listens, nothing leaves it"),
)
"""How to begin, shortest first."""


def invitation(picture: Picture, *, cut: bool) -> list[Span]:
    """Return the words for a session without turns."""
    if cut:
        return [Span("The engine cannot be heard. Its recording and everything in it stay on disk.", "muted")]
    if not picture.known:
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
                Span("Above stands why and what helps. Then press "),
                Span("s", "accent strong"),
                Span(" to try again."),
                Span("\n\nlivegist doctor  looks at microphone, keys and network.", "muted"),
            ]
    ended = "Nothing was said in this session. " if picture.state is State.ENDED else ""
    return [
        Span(f"{ended}Press "),
        Span("s", "accent strong"),
        Span(" to start listening: turns appear here as they are spoken, their gists beside them."),
        *_unheard(len(picture.unheard)),
        Span("\n\nNothing set up yet? Leave with "),
        Span("q", "accent strong"),
        Span(" and begin in one of three ways:"),
        *(
            Span(text, ink)
            for name, about in WAYS
            for text, ink in ((f"\n{name}\n", "strong"), (f"  {about}", "muted"))
        ),
        Span("\n\nAll keys: "),
        Span("?", "accent strong"),
    ]


def _unheard(sessions: int) -> list[Span]:
    """Return the offer to transcribe what was recorded and never heard."""
    if not sessions:
        return []
    which = "A session was" if sessions == 1 else f"{sessions} sessions were"
    return [
        Span(f"\n\n{which} recorded but not transcribed to the end: ", "warn"),
        Span("t", "accent strong"),
        Span(" sends the rest." if sessions == 1 else " sends the rest of the newest."),
    ]
