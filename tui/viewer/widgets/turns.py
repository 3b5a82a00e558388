"""The turns pane."""

from typing import ClassVar

from tui.model.transcript import Turn
from tui.viewer.inert import inert, one_line
from tui.viewer.lines import Line, Span, wrap
from tui.viewer.picture import Picture
from tui.viewer.widgets.pane import Pane
from tui.viewer.words import clock

UNSTABLE = "unstable"
COPY_LIMIT = 1_000_000
"""Most characters of one turn that are copied: all of any real one."""
STAMP = 8
"""Cells of the time, up to `9:59:59`, and a space."""


class Turns(Pane):
    """The turns as they are spoken; a partial is marked, and its words that may still change look it."""

    NAME: ClassVar[str] = "Turns"
    INKS: ClassVar[frozenset[str]] = Pane.INKS | {UNSTABLE, "bad", *(f"speaker-{n}" for n in range(1, 7))}

    def __init__(self, picture: Picture, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture = picture
        self._speakers: dict[str, int] = {}
        self.invitation: list[Span] = []
        """What to say while there are no turns."""

    def invite(self, invitation: list[Span]) -> None:
        """Say something else while there are no turns."""
        if invitation != self.invitation:
            self.invitation = invitation
            self.touch()

    def empty(self, columns: int) -> list[Line]:
        """Return the invitation."""
        return [(), *((Span("  "), *line) for line in wrap(self.invitation, columns - 4))]

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return a turn: its time, its speaker if the endpoint says who, its words."""
        turn = self._picture.transcript.get(key)
        if turn is None:
            return [()]
        stamp = f"{clock(turn.start_s):>{STAMP - 1}} " if columns >= 40 else ""
        prefix = [Span(stamp, "muted"), Span("  " if turn.final else "… ", "accent")]
        if turn.speaker is not None:
            letter, ink = self._speaker(turn.speaker)
            prefix.append(Span(f"{letter} ", f"{ink} strong"))
        indent = sum(len(span.text) for span in prefix)
        lines = wrap(spoken(turn), columns - indent - 1)
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
        speaker = f"{one_line(turn.speaker, 40)}: " if turn.speaker else ""
        return f"{clock(turn.start_s)} {speaker}{one_line(turn.text, COPY_LIMIT)}"

    def _speaker(self, label: str) -> tuple[str, str]:
        """Return a speaker's letter or short label, and colour, in the order in which they first spoke."""
        number = self._speakers.setdefault(label, len(self._speakers))
        said = one_line(label, 12)
        letter = said if 0 < len(said) <= 12 else "?"
        return letter, f"speaker-{number % 6 + 1}"


def spoken(turn: Turn) -> list[Span]:
    """Return a turn's words, those that may still change in another ink."""
    text = " ".join(inert(turn.text).split())
    if turn.final or not text:
        return [Span(text)]
    words = text.split(" ")
    sure, unsure = " ".join(words[: turn.stable]), " ".join(words[turn.stable :])
    if not sure:
        return [Span(unsure, UNSTABLE)]
    return [Span(sure), Span(f" {unsure}", UNSTABLE)] if unsure else [Span(sure)]
