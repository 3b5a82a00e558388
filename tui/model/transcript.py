"""The transcript of a session: words and turns."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping

import msgspec


class Word(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A word with its times."""

    text: str
    start_s: float
    """Seconds from the first sample of the session."""
    end_s: float
    """Seconds from the first sample of the session."""
    confidence: float = 1.0
    """From 0 to 1, as reported by the endpoint."""
    stable: bool = True
    """Whether the word will not change any more (`word_is_final` of the endpoint)."""
    speaker: str | None = None
    """The endpoint's label of the speaker; `None` if it gave none."""


class Turn(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The speech of one person up to a pause; a partial turn is still growing."""

    number: int
    """Counted from 1 within the session, across connections."""
    text: str
    final: bool
    """Whether the turn has ended; the text of a partial may still change."""
    start_s: float
    """Seconds from the first sample of the session."""
    end_s: float
    """Seconds from the first sample of the session."""
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    """The endpoint's label of the speaker; `None` if it gave none."""
    stable: int = 0
    """Number of leading words of a partial that will not change; set only where `words` is omitted."""
    track: str = ""
    """Name of the track; empty if the session has one without a name."""

    @property
    def label(self) -> str:
        """The speaker, or else the track; empty if neither is known."""
        return self.speaker or self.track

    @property
    def voice(self) -> str:
        """Track and speaker, for a person; empty if neither is known."""
        if self.track and self.speaker and not self.speaker.startswith(f"{self.track} "):
            return f"{self.track} {self.speaker}"
        return self.label


def without_words(turn: Turn) -> Turn:
    """Return a turn without `words`: the text is enough for display and a twentieth of the size."""
    if not turn.words:
        return turn
    stable = 0 if turn.final else next((n for n, word in enumerate(turn.words) if not word.stable), len(turn.words))
    return msgspec.structs.replace(turn, words=(), stable=stable)


class Transcript:
    """The turns of a session, ordered by number; those of several tracks are ordered by time.

    Args:
        turns: the initial turns.
        storage: an empty mapping that stores the turns by number; `None` uses a dict.
    """

    def __init__(self, turns: Iterable[Turn] = (), storage: MutableMapping[int, Turn] | None = None) -> None:
        self._turns: MutableMapping[int, Turn] = {} if storage is None else storage
        self._turns.update((turn.number, turn) for turn in sorted(turns, key=lambda t: t.number))
        self._last = max(self._turns, default=0)
        self._tracks = {turn.track for turn in self._turns.values()}
        self.version = 0
        """Number of changes of final turns so far."""

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Turn]:
        turns = self._turns.values()
        return iter(turns if len(self._tracks) < 2 else sorted(turns, key=lambda turn: (turn.start_s, turn.number)))

    def newest_first(self) -> Iterator[Turn]:
        """Yield the turns in reverse order."""
        if len(self._tracks) < 2:
            return map(self._turns.__getitem__, list(self._turns)[::-1])
        return reversed(list(self))

    def get(self, number: int) -> Turn | None:
        """Return the turn with that number, or `None`."""
        return self._turns.get(number)

    def upsert(self, turn: Turn) -> bool:
        """Add a turn or replace the one with the same number; return whether anything changed.

        A partial never replaces a final.
        """
        old = self._turns.get(turn.number)
        if old == turn or (old is not None and old.final and not turn.final):
            return False
        self._turns[turn.number] = turn
        self._tracks.add(turn.track)
        self.version += turn.final
        if old is None and turn.number < self._last:
            for number in sorted(number for number in self._turns if number > turn.number):
                self._turns[number] = self._turns.pop(number)
        self._last = max(self._last, turn.number)
        return True

    def newest(self) -> Iterator[Turn]:
        """Yield the turns, the highest number first."""
        for number in range(self._last, 0, -1):
            turn = self._turns.get(number)
            if turn is not None:
                yield turn

    def name_track(self, name: str) -> None:
        """Give the turns of a track without a name a name."""
        for number, turn in list(self._turns.items()):
            if not turn.track:
                self._turns[number] = msgspec.structs.replace(turn, track=name)
        self.version += 1
        self._tracks = {turn.track for turn in self._turns.values()}

    def remove(self, number: int) -> bool:
        """Remove a discarded turn; return whether it was present."""
        return self._turns.pop(number, None) is not None

    @property
    def finals(self) -> list[Turn]:
        """The final turns."""
        return [turn for turn in self if turn.final]


def with_speaker_name(turn: Turn, names: Mapping[str, str]) -> Turn:
    """Return a turn with the name of its speaker in place of the label, where a name is known."""
    return msgspec.structs.replace(turn, speaker=names.get(turn.speaker or "", turn.speaker))


def transcript_lines(turns: Iterable[Turn]) -> list[str]:
    """Return turns, one line each, as inserted into a prompt for the whole session."""
    return [" ".join((f"{turn.voice}: {turn.text}" if turn.voice else turn.text).split()) for turn in turns]
