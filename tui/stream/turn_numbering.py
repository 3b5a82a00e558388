"""Turn numbering over connections: maps a connection's turns, times and speakers to the session's. Pure.

A connection counts its turns and its milliseconds from 0. A session outlives its connections: a new one starts at the
end of the last final turn (the *boundary*) and transcribes the open turn again, so its first turns take the numbers of
the partials that the previous connection left open.
"""

from collections import deque
from collections.abc import Iterator
from itertools import count

from tui.model.transcript import Turn, Word
from tui.stream.events import SpeakerRevised
from tui.stream.messages import SpeakerRevision, WireTurn
from tui.stream.speaker_sets import ConnectionSpeakers, SpeakerSets


class TurnSequencer:
    """Numbers of the session's turns.

    Args:
        sample_rate: Hz of the session's clock.
        boundary: end of the last final turn of a resumed session, in samples.
        after: number of its last turn.
        numbers: yields the numbers of new turns, which the tracks of a session share; `None` counts from `after`.
    """

    def __init__(
        self, sample_rate: int, *, boundary: int = 0, after: int = 0, numbers: Iterator[int] | None = None
    ) -> None:
        self.sample_rate = sample_rate
        self.boundary = boundary
        """End of the last final turn, in samples: where a new connection starts."""
        self.speakers = SpeakerSets()
        """The speakers of its connections, which tracks may share."""
        self._numbers = numbers or count(after + 1)
        self._open: dict[int, None] = {}
        self._inherited: deque[int] = deque()

    def beside(self, boundary: int) -> "TurnSequencer":
        """Return the numbering of a further track of the session, which starts at a position in samples."""
        return TurnSequencer(self.sample_rate, boundary=boundary, numbers=self._numbers)

    @property
    def open(self) -> tuple[int, ...]:
        """Numbers of turns that have partials and no final yet, in order."""
        return tuple(self._open)

    def attach(self, speaker_set: str = "") -> "ConnectionTurns":
        """Return the numbering of a new connection, which starts at the boundary and replaces all older ones.

        Args:
            speaker_set: as `SpeakerSets.attach` takes it.
        """
        self._inherited = deque(self._open)
        return ConnectionTurns(self, self.boundary, self.speakers.attach(speaker_set))

    def drop_inherited(self) -> tuple[int, ...]:
        """Discard partials of the previous connection that the current one did not transcribe; return their numbers."""
        gone = tuple(self._inherited)
        for number in gone:
            self._open.pop(number, None)
        self._inherited.clear()
        return gone

    def _assign(self) -> int:
        if self._inherited:
            return self._inherited.popleft()
        return next(self._numbers)

    def _release(self, number: int) -> None:
        self._open.pop(number, None)
        self._inherited.appendleft(number)


class ConnectionTurns:
    """Turns of one connection."""

    def __init__(self, turns: TurnSequencer, base: int, speakers: ConnectionSpeakers) -> None:
        self._turns = turns
        self.speakers = speakers
        """The session's labels of its speakers."""
        self._numbers: dict[int, int] = {}
        self._finals: set[int] = set()
        self.base = base
        """Position of the connection's first sample."""
        self.accepts_new = True
        """Whether new turns count; after another connection took over, only its final turns may still change."""

    def receive(self, wire: WireTurn, sent: int) -> Turn | int | None:
        """Return the session's turn for a message, the number of a turn that ended without words, or `None`.

        Args:
            wire: the connection's turn.
            sent: position up to which audio was sent over this connection; no turn can end beyond it.
        """
        order, text = wire.turn_order, wire.transcript.strip()
        if order in self._finals:
            return self._turn(wire, text, sent) if wire.end_of_turn and text else None
        if not self.accepts_new:
            return None
        if not text:
            return self._drop(order) if wire.end_of_turn else None
        if order not in self._numbers:
            self._numbers[order] = self._turns._assign()
        turn = self._turn(wire, text, sent)
        if turn.final:
            self._finals.add(order)
            self._turns._open.pop(turn.number, None)
            settled = min(round(turn.end_s * self._turns.sample_rate), sent)
            self._turns.boundary = max(self._turns.boundary, settled)
        else:
            self._turns._open[turn.number] = None
        return turn

    def number(self, order: int) -> int | None:
        """Return the session's number of a final turn of this connection, or `None`."""
        return self._numbers[order] if order in self._finals else None

    def revise(self, message: SpeakerRevision) -> list[SpeakerRevised]:
        """Return the new labels of final turns in a message."""
        label = self.speakers.label
        return [
            SpeakerRevised(number, label(each.speaker_label), tuple(label(word.speaker) for word in each.words))
            for each in message.revisions
            if (number := self.number(each.turn_order)) is not None
        ]

    def _drop(self, order: int) -> int | None:
        number = self._numbers.pop(order, None)
        if number is not None:
            self._turns._release(number)
        return number

    def _turn(self, wire: WireTurn, text: str, sent: int) -> Turn:
        rate = self._turns.sample_rate
        base_s, sent_s = self.base / rate, sent / rate

        def clock(ms: int) -> float:
            return round(min(max(base_s, base_s + ms / 1000), sent_s), 3)

        words = tuple(
            Word(
                text=word.text,
                start_s=clock(word.start),
                end_s=clock(word.end),
                confidence=round(word.confidence, 3),
                stable=word.word_is_final or wire.end_of_turn,
                speaker=self.speakers.label(word.speaker),
            )
            for word in wire.words
        )
        return Turn(
            number=self._numbers[wire.turn_order],
            text=text,
            final=wire.end_of_turn,
            start_s=words[0].start_s if words else round(self._turns.boundary / rate, 3),
            end_s=max(word.end_s for word in words) if words else round(sent_s, 3),
            words=words,
            speaker=self.speakers.label(wire.speaker_label)
            or next((word.speaker for word in words if word.speaker), None),
        )
