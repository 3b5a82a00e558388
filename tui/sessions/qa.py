"""Questions about stored sessions: the messages for the model, and the turns that its answer cites. Pure."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from tui.llm.protocol import Message
from tui.model.prompts import TRANSCRIPT, Prompt
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.sessions.metadata import SessionMetadata
from tui.text import clock, file_text

NUMBERS = r"((?:\d{1,6}\s*[,–-]\s*)*\d{1,6})(?![\d:])"
"""Matches `12`, `3, 5` or `7–9`, but not a time such as `03:21` after it."""
MIN_QUOTE_CHARACTERS = 20
"""Minimum length of a turn whose verbatim text in an answer counts as a citation."""


class SessionExcerpt(msgspec.Struct, frozen=True):
    """The turns of a session that a question is about."""

    id: str
    name: str
    started_at: str
    turns: tuple[Turn, ...]

    @property
    def title(self) -> str:
        """The session's name in answers."""
        return file_text(self.name) or self.id


class Quote(msgspec.Struct, frozen=True):
    """A turn that an answer cites."""

    session: str
    """Id of the session."""
    title: str
    turn: int
    start_s: float
    text: str


def excerpt(id: str, state: SessionState, metadata: SessionMetadata) -> SessionExcerpt:
    """Return the excerpt of a session."""
    started_at = state.session.started_at if state.session else ""
    return SessionExcerpt(id, metadata.name, started_at, tuple(state.finals))


def format_excerpts(excerpts: Sequence[SessionExcerpt]) -> list[str]:
    """Return the turns with number and time, one line each, and with the session's title if there are several."""
    lines: list[str] = []
    for session in excerpts:
        if len(excerpts) > 1:
            lines.append(f"Session {session.title}, {session.started_at[:16].replace('T', ' ')}:")
        lines += [_line(session, turn, several=len(excerpts) > 1) for turn in session.turns]
    return lines


def question_messages(question: str, transcript: str) -> list[Message]:
    """Return the messages that ask a question about a transcript."""
    return [
        Message(
            "user",
            "Answer this question from what was said, and from nothing else. After each statement name the turn it "
            "rests on as its line does, such as [turn 12, 03:21]. If it was not said, say so.\n\n"
            f"{question}\n\nTranscript:\n{transcript}",
        )
    ]


def merge_answers_messages(question: str, answers: str) -> list[Message]:
    """Return the messages that merge the answers about the chunks of a transcript into one."""
    return [
        Message(
            "user",
            "Make one answer to this question of the answers below, each of which was given from a part of what was "
            "said, in order. Keep the turns they name. A part that says nothing of it counts for nothing.\n\n"
            f"{question}\n\nTranscript:\n{answers}",
        )
    ]


def merge_parts_messages(prompt: Prompt, answers: str) -> list[Message]:
    """Return the messages that merge a prompt's answers about the chunks of a session into one."""
    task = prompt.session.replace(TRANSCRIPT, answers)
    return [Message("user", f"What follows as the transcript is what you said of its parts, in order.\n\n{task}")]


def cited_turns(answer: str, excerpts: Sequence[SessionExcerpt]) -> list[Quote]:
    """Return the existing turns that an answer names or quotes verbatim, in order of time."""
    found: list[Quote] = []
    answer_text = " ".join(file_text(answer).split()).casefold()
    for session in excerpts:
        numbers = _cited_numbers(answer, session, several=len(excerpts) > 1)
        for turn in session.turns:
            text = " ".join(file_text(turn.text).split())
            quoted = len(text) >= MIN_QUOTE_CHARACTERS and text.casefold() in answer_text
            if turn.number in numbers or quoted:
                said = f"{file_text(turn.track)}: {text}" if turn.track else text
                found.append(Quote(session.id, session.title, turn.number, turn.start_s, said))
    return found


def unknown_turns(answer: str, excerpts: Sequence[SessionExcerpt]) -> list[int]:
    """Return the numbers of turns that an answer names and that do not exist."""
    existing = {turn.number for session in excerpts for turn in session.turns}
    return sorted(set(_numbers(re.findall(rf"\bturns?\s+{NUMBERS}", answer, re.I))) - existing)


def quote_line(quote: Quote, *, several: bool) -> str:
    """Return a quoted turn for a person."""
    where = f"{quote.title}, turn {quote.turn}" if several else f"turn {quote.turn}"
    return f"[{where}, {clock(quote.start_s, padded=True)}] {quote.text}"


def _line(session: SessionExcerpt, turn: Turn, *, several: bool) -> str:
    where = f"{session.title}, turn {turn.number}" if several else f"turn {turn.number}"
    speaker = f"{turn.voice}: " if turn.voice else ""
    return f"[{where}, {clock(turn.start_s, padded=True)}] {file_text(speaker + turn.text)}"


def _cited_numbers(answer: str, session: SessionExcerpt, *, several: bool) -> set[int]:
    """Return the turn numbers that an answer cites; with several sessions, only those after the session's title."""
    before = re.escape(session.title) + r",?\s+" if several else ""
    return set(_numbers(re.findall(rf"{before}\bturns?\s+{NUMBERS}", answer, re.IGNORECASE)))


def _numbers(found: Iterable[str]) -> Iterable[int]:
    """Yield the numbers in `12`, `3, 5` and `7–9`."""
    for text in found:
        for first, last in re.findall(r"(\d+)(?:\s*[–-]\s*(\d+))?", text):
            yield from range(int(first), min(int(last or first), int(first) + 50) + 1)
