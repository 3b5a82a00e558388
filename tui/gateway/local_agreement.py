"""LocalAgreement-2: a partial's words are settled once two transcriptions in a row agree on them. Pure.

Source: LocalAgreement-2 of Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition", 2020.
"""

from collections.abc import Sequence

from tui.gateway.recogniser import RecognisedWord


class LocalAgreement:
    """The words of one open turn. Settled ones are given to the recogniser as a prefix."""

    def __init__(self) -> None:
        self.words: tuple[RecognisedWord, ...] = ()
        """The newest words: settled ones first, then those that may change."""
        self.settled = 0
        """How many of the words are settled."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The settled words as the recogniser's tokens."""
        return tuple(token for word in self.words[: self.settled] for token in word.tokens)

    def update(self, words: Sequence[RecognisedWord]) -> None:
        """Take the newest transcription; ignore one that lost settled words.

        The last word is never settled: it may not be over.
        """
        if len(words) < self.settled:
            return
        agreed = self.settled
        longest = min(len(words), len(self.words)) - 1
        while agreed < longest and words[agreed].tokens == self.words[agreed].tokens:
            agreed += 1
        self.words = (*self.words[: self.settled], *words[self.settled :])
        self.settled = agreed

    def pop(self, count: int) -> tuple[RecognisedWord, ...]:
        """Remove and return the first `count` settled words."""
        gone = self.words[:count]
        self.words = self.words[count:]
        self.settled -= count
        return gone
