"""LocalAgreement-2: a partial's words are settled once two transcriptions in a row agree on them. Pure.

Source: LocalAgreement-2 of Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition", 2020.
"""

from collections.abc import Sequence

from msgspec.structs import replace

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

        The last word is never settled: it may not be over. A recogniser without tokens transcribes settled words again;
        they are recognised by their time and left as they are.
        """
        if self.settled and not self.tokens:
            settled = self.words[: self.settled]
            words = (*settled, *(word for word in words if word.start_s + word.end_s > 2 * settled[-1].end_s))
        if len(words) < self.settled:
            return
        agreed = self.settled
        longest = min(len(words), len(self.words)) - 1
        while agreed < longest and _same(words[agreed], self.words[agreed]):
            agreed += 1
        self.words = (*self.words[: self.settled], *words[self.settled :])
        self.settled = agreed

    def pop(self, count: int) -> tuple[RecognisedWord, ...]:
        """Remove and return the first `count` settled words; times of the others count from their end."""
        gone, left = self.words[:count], self.words[count:]
        end_s = gone[-1].end_s if gone else 0.0
        self.words = tuple(replace(word, start_s=word.start_s - end_s, end_s=word.end_s - end_s) for word in left)
        self.settled -= count
        return gone


def _same(word: RecognisedWord, other: RecognisedWord) -> bool:
    return word.tokens == other.tokens and word.text == other.text
