"""The turns pane."""

from collections.abc import Sequence
from typing import ClassVar

from tui.model.transcript import Turn
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line, sanitize
from tui.viewer.highlights import Rule, styled
from tui.viewer.styled_text import Line, Span, truncate, width, wrap
from tui.viewer.widgets.pane import Pane

MARK = "★"
UNSTABLE = "unstable"
COPY_LIMIT = 1_000_000
"""Most characters of one turn that are copied: all of any real one."""
NAMED_FROM = 40
"""Columns from which there is room for times and names."""
NAME_MOST = 16
"""Most cells of a speaker's name."""
STAMP = 8
"""Cells of the time, up to `9:59:59`, and a space."""


class TurnsPane(Pane):
    """The turns as they are spoken; a partial is marked, and its words that may still change look it."""

    NAME: ClassVar[str] = "Turns"
    STYLES: ClassVar[frozenset[str]] = (
        Pane.STYLES | {UNSTABLE, "good", "warn", "bad", "em"} | {f"speaker-{n}" for n in range(1, 7)}
    )

    def __init__(self, picture: ViewModel, *, rules: Sequence[Rule] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture = picture
        self._rules = rules
        self._speakers: dict[str, int] = {}
        self.invitation: list[Span] = []
        """What to say while there are no turns."""

    def set_empty_text(self, invitation: list[Span]) -> None:
        """Say something else while there are no turns."""
        if invitation != self.invitation:
            self.invitation = invitation
            self.touch()

    def empty(self, columns: int) -> list[Line]:
        """Return the invitation."""
        return [(), *((Span("  "), *line) for line in wrap(self.invitation, columns - 4))]

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return a turn: its time, its mark, its speaker if the endpoint says who, its words, the mark's note."""
        turn = self._picture.transcript.get(key)
        if turn is None:
            return [()]
        stamp = f"{clock(turn.start_s):>{STAMP - 1}} " if columns >= NAMED_FROM else ""
        note = self._picture.bookmarks.get(key)
        sign = "… " if not turn.final else "  " if note is None else f"{MARK} "
        prefix = [Span(stamp, "muted"), Span(sign, "accent")]
        if turn.speaker is not None:
            name, ink = self._speaker(turn.speaker, named=columns >= NAMED_FROM)
            prefix.append(Span(f"{name} ", f"{ink} strong"))
        indent = width(prefix)
        lines = wrap(styled(turn_spans(turn), self._rules), columns - indent - 1)
        if note:
            lines += wrap([Span(one_line(note), "accent em")], columns - indent - 1)
        blank = Span(" " * indent)
        return [(*prefix, *line) if at == 0 else (blank, *line) for at, line in enumerate(lines)]

    def guess(self, key: int, columns: int) -> int:
        """Return about how many lines a turn takes."""
        turn = self._picture.transcript.get(key)
        return 1 if turn is None else 1 + len(turn.text) // max(1, columns - STAMP - 6)

    def plain(self, key: int) -> str:
        """Return a turn as one line: time, speaker, words."""
        turn = self._picture.transcript.get(key)
        if turn is None:
            return ""
        name = self._picture.speakers.get(turn.speaker or "", turn.speaker)
        speaker = f"{one_line(name, 40)}: " if name else ""
        note = self._picture.bookmarks.get(key)
        mark = "" if note is None else f"  {MARK} {one_line(note)}".rstrip()
        return f"{clock(turn.start_s)} {speaker}{one_line(turn.text, COPY_LIMIT)}{mark}"

    def marked(self, key: int) -> bool:
        """Return whether the turn is marked."""
        return key in self._picture.bookmarks

    def _speaker(self, label: str, *, named: bool) -> tuple[str, str]:
        """Return a speaker's name, or letter or short label, and colour, in the order in which they first spoke."""
        number = self._speakers.setdefault(label, len(self._speakers))
        ink = f"speaker-{number % 6 + 1}"
        name = one_line(self._picture.speakers.get(label, ""))
        if named and name:
            return "".join(span.text for span in truncate((Span(name),), NAME_MOST)), ink
        said = one_line(label, 12)
        return said if 0 < len(said) <= 12 else "?", ink


def turn_spans(turn: Turn) -> list[Span]:
    """Return a turn's words, those that may still change in another ink."""
    text = " ".join(sanitize(turn.text).split())
    if turn.final or not text:
        return [Span(text)]
    words = text.split(" ")
    sure, unsure = " ".join(words[: turn.stable]), " ".join(words[turn.stable :])
    if not sure:
        return [Span(unsure, UNSTABLE)]
    return [Span(sure), Span(f" {unsure}", UNSTABLE)] if unsure else [Span(sure)]
