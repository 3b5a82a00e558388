"""Words, turns and the transcript they make."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping

import msgspec


class Word(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A word with its place on the session's clock."""

    text: str
    start_s: float
    """Seconds from the first sample of the session."""
    end_s: float
    """Seconds from the first sample of the session."""
    confidence: float = 1.0
    """0 to 1, as the endpoint gives it."""
    stable: bool = True
    """Whether the endpoint says that this word will not change (`word_is_final`)."""
    speaker: str | None = None
    """The endpoint's label of the speaker; `None` if it gave none."""


class Turn(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one person said until they paused, or has said so far."""

    number: int
    """The session's own count, from 1, linear over connections."""
    text: str
    final: bool
    """Whether the turn has ended; only a final turn keeps its text."""
    start_s: float
    """Seconds from the first sample of the session."""
    end_s: float
    """Seconds from the first sample of the session."""
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    """The endpoint's label of the speaker; `None` if it gave none."""
    stable: int = 0
    """How many words of a partial, from its first on, will not change; told where `words` are left out."""


def without_words(turn: Turn) -> Turn:
    """Return a turn without its words: its text says all that is shown, at a twentieth of the size."""
    if not turn.words:
        return turn
    stable = 0 if turn.final else next((n for n, word in enumerate(turn.words) if not word.stable), len(turn.words))
    return msgspec.structs.replace(turn, words=(), stable=stable)


class Transcript:
    """The turns of a session in order of their numbers.

    Args:
        turns: the first of them.
        kept: keeps them by their numbers, empty yet; `None` keeps them as they are.
    """

    def __init__(self, turns: Iterable[Turn] = (), storage: MutableMapping[int, Turn] | None = None) -> None:
        self._turns: MutableMapping[int, Turn] = {} if storage is None else storage
        self._turns.update((turn.number, turn) for turn in sorted(turns, key=lambda t: t.number))
        self._last = max(self._turns, default=0)

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(self._turns.values())

    def get(self, number: int) -> Turn | None:
        """Return the turn with that number, or `None`."""
        return self._turns.get(number)

    def upsert(self, turn: Turn) -> bool:
        """Put `turn` in place of the one with its number, or add it; return whether anything changed.

        A partial never takes the place of a final.
        """
        old = self._turns.get(turn.number)
        if old == turn or (old is not None and old.final and not turn.final):
            return False
        self._turns[turn.number] = turn
        if old is None and turn.number < self._last:
            for number in sorted(number for number in self._turns if number > turn.number):
                self._turns[number] = self._turns.pop(number)
        self._last = max(self._last, turn.number)
        return True

    def remove(self, number: int) -> bool:
        """Take out a turn that turned out to be nothing; return whether it was there."""
        return self._turns.pop(number, None) is not None

    def with_speaker_names(self, names: Mapping[str, str]) -> "Transcript":
        """Return the transcript with the speakers' names in place of their labels, as far as they have names."""
        return Transcript(
            msgspec.structs.replace(turn, speaker=names.get(turn.speaker or "", turn.speaker)) for turn in self
        )

    @property
    def finals(self) -> list[Turn]:
        """The turns that have ended."""
        return [turn for turn in self._turns.values() if turn.final]

    @property
    def text(self) -> str:
        """The final turns, a line each, as a whole-session prompt gets them."""
        return "\n".join(f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text for turn in self.finals)
