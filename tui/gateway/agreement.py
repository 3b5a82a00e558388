"""Which of the words heard so far will stay: those that two hearings in a row agree on. Pure.

Source: LocalAgreement-2 of Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition", 2020.
"""

from collections.abc import Sequence

from tui.gateway.recogniser import HeardWord


class Agreement:
    """The settled words of one open turn. They are given back to the recogniser, which goes on from them."""

    def __init__(self) -> None:
        self.words: tuple[HeardWord, ...] = ()
        """What was heard last: first the settled words, then those that may change."""
        self.settled = 0
        """How many of the words are settled."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The settled words as the recogniser writes them."""
        return tuple(token for word in self.words[: self.settled] for token in word.tokens)

    def hear(self, words: Sequence[HeardWord]) -> None:
        """Take what was heard now; a hearing that lost settled words is not believed.

        The last word is never settled: its sound may not be over.
        """
        if len(words) < self.settled:
            return
        agreed = self.settled
        longest = min(len(words), len(self.words)) - 1
        while agreed < longest and words[agreed].tokens == self.words[agreed].tokens:
            agreed += 1
        self.words = (*self.words[: self.settled], *words[self.settled :])
        self.settled = agreed

    def cut(self, count: int) -> tuple[HeardWord, ...]:
        """Take out and return the first `count` settled words."""
        gone = self.words[:count]
        self.words = self.words[count:]
        self.settled -= count
        return gone
