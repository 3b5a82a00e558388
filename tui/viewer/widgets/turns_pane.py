"""Pane of turns: the transcript, with speakers, times and bookmarks."""

from collections.abc import Sequence
from typing import ClassVar

from tui.model.transcript import Turn
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line, sanitize
from tui.viewer.highlights import Rule, apply_rules
from tui.viewer.styled_text import Line, Span, truncate, width, wrap
from tui.viewer.widgets.pane import Pane

BOOKMARK = "★"
UNSTABLE = "unstable"
"""Style of words of a partial that may still change."""
COPY_LIMIT = 1_000_000
"""Maximum number of characters of one turn that are copied; real turns are shorter."""
WIDE_FROM = 40
"""Columns of the pane from which times and speaker names are shown."""
MAX_NAME_CELLS = 16
"""Maximum width of a speaker's name."""
TIME_CELLS = 8
"""Cells of the time, up to `9:59:59`, and a space."""


class TurnsPane(Pane):
    """Turns in the order of their numbers. A partial has a sign, and its words that may still change are in italics."""

    NAME: ClassVar[str] = "Turns"
    STYLES: ClassVar[frozenset[str]] = (
        Pane.STYLES | {UNSTABLE, "good", "warn", "bad", "em"} | {f"speaker-{n}" for n in range(1, 7)}
    )

    def __init__(self, view_model: ViewModel, *, rules: Sequence[Rule] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._view_model = view_model
        self._rules = rules
        self._speakers: dict[str, int] = {}
        self.empty_text: list[Span] = []
        """Text to show while there are no turns."""

    def set_empty_text(self, text: list[Span]) -> None:
        """Set the text to show while there are no turns."""
        if text != self.empty_text:
            self.empty_text = text
            self.touch()

    def empty(self, columns: int) -> list[Line]:
        """Return the text to show while there are no turns."""
        return [(), *((Span("  "), *line) for line in wrap(self.empty_text, columns - 4))]

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return a turn: time, sign, speaker if the endpoint labels it, words; then the note of its bookmark."""
        turn = self._view_model.transcript.get(key)
        if turn is None:
            return [()]
        time = f"{clock(turn.start_s):>{TIME_CELLS - 1}} " if columns >= WIDE_FROM else ""
        note = self._view_model.bookmarks.get(key)
        sign = "… " if not turn.final else "  " if note is None else f"{BOOKMARK} "
        prefix = [Span(time, "muted"), Span(sign, "accent")]
        if turn.speaker is not None:
            name, style = self._speaker(turn.speaker, full_name=columns >= WIDE_FROM)
            prefix.append(Span(f"{name} ", f"{style} strong"))
        indent = width(prefix)
        lines = wrap(apply_rules(turn_spans(turn), self._rules), columns - indent - 1)
        if note:
            lines += wrap([Span(one_line(note), "accent em")], columns - indent - 1)
        blank = Span(" " * indent)
        return [(*prefix, *line) if at == 0 else (blank, *line) for at, line in enumerate(lines)]

    def estimate(self, key: int, columns: int) -> int:
        """Return an estimate of a turn's height in lines."""
        turn = self._view_model.transcript.get(key)
        return 1 if turn is None else 1 + len(turn.text) // max(1, columns - TIME_CELLS - 6)

    def plain(self, key: int) -> str:
        """Return a turn as one line: time, speaker, words, bookmark."""
        turn = self._view_model.transcript.get(key)
        if turn is None:
            return ""
        name = self._view_model.speakers.get(turn.speaker or "", turn.speaker)
        speaker = f"{one_line(name, 40)}: " if name else ""
        note = self._view_model.bookmarks.get(key)
        bookmark = "" if note is None else f"  {BOOKMARK} {one_line(note)}".rstrip()
        return f"{clock(turn.start_s)} {speaker}{one_line(turn.text, COPY_LIMIT)}{bookmark}"

    def bookmarked(self, key: int) -> bool:
        """Return whether the turn has a bookmark."""
        return key in self._view_model.bookmarks

    def _speaker(self, label: str, *, full_name: bool) -> tuple[str, str]:
        """Return a speaker's name, or else the label, and a style by the order in which speakers appear."""
        number = self._speakers.setdefault(label, len(self._speakers))
        style = f"speaker-{number % 6 + 1}"
        name = one_line(self._view_model.speakers.get(label, ""))
        if full_name and name:
            return "".join(span.text for span in truncate((Span(name),), MAX_NAME_CELLS)), style
        short = one_line(label, 12)
        return short if 0 < len(short) <= 12 else "?", style


def turn_spans(turn: Turn) -> list[Span]:
    """Return a turn's words; those that may still change have the style `UNSTABLE`."""
    text = " ".join(sanitize(turn.text).split())
    if turn.final or not text:
        return [Span(text)]
    words = text.split(" ")
    stable, unstable = " ".join(words[: turn.stable]), " ".join(words[turn.stable :])
    if not stable:
        return [Span(unstable, UNSTABLE)]
    return [Span(stable), Span(f" {unstable}", UNSTABLE)] if unstable else [Span(stable)]
