"""Sessions that were asked a question from their list, and what each has answered. Pure."""

from collections.abc import Sequence

from tui.model.gists import Gist, GistStatus
from tui.text import one_line, sanitize
from tui.viewer.styled_text import Line, Span


class AskedSessions:
    """The newest question about several sessions, and the answers, by session."""

    def __init__(self) -> None:
        self._question = ""
        self._answers: dict[str, Gist | None] = {}
        """Answer of each session that was asked, by its id; `None` before it begins."""

    def ask(self, sessions: Sequence[str], question: str) -> None:
        """Wait for the answers of sessions to a question; those to the question before are forgotten."""
        self._question, self._answers = question, dict.fromkeys(sessions)

    def take(self, session: str, gist: Gist) -> bool:
        """Keep a gist if it answers a question about a session that was asked; return whether it does."""
        answers = session in self._answers and bool(gist.question)
        if answers:
            self._answers[session] = gist
        return answers

    @property
    def summary(self) -> str:
        """How many sessions have answered, for a title; empty before a question."""
        over = sum(gist is not None and gist.status.over for gist in self._answers.values())
        return f" · {over} of {len(self._answers)} answered" if self._answers else ""

    def sign(self, session: str) -> Line:
        """Return the state of a session's answer; empty for one that was not asked."""
        if session not in self._answers:
            return ()
        gist = self._answers[session]
        if gist is None or not gist.status.over:
            return (Span("… ", "muted"),)
        return (Span("✓ ", "good strong"),) if gist.status is GistStatus.DONE else (Span("✗ ", "bad strong"),)

    def lines(self, session: str) -> list[Line]:
        """Return the question and a session's answer; empty for one that was not asked."""
        if session not in self._answers:
            return []
        gist = self._answers[session]
        # Another viewer may have asked another question since.
        asked = self._question if gist is None else gist.question
        question: Line = (Span(f"? {one_line(asked, 400)}", "accent strong"),)
        if gist is None or not gist.status.over:
            return [question, (Span("… waiting", "muted"),), ()]
        if gist.status is GistStatus.DONE:
            return [question, *((Span(line),) for line in sanitize(gist.text).strip().split("\n")), ()]
        return [question, (Span(f"✗ failed: {one_line(gist.error, 600)}", "bad"),), ()]
