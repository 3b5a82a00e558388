"""Who is who: cluster the voices of a session while it goes on. Pure.

Each speaker is the mean of the embeddings of what they said. A turn goes to the most similar speaker, or to a new one
if none is similar. The number of speakers and of turns that are kept is bounded, so a turn costs the same after hours.

Similarities are cosines, scaled such that different voices are about 0 on average and one voice is nearly 1.
"""

from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

MAX_SPEAKERS = 10
"""Most speakers of a session: the service's limit."""
SAME = 0.47
"""Similarity of some seconds of speech to a speaker from which it is theirs."""
SAME_SHORT = 0.3
"""The same for speech that is too short to start a speaker: it is given to one if it is at all similar."""
MERGED = 0.62
"""Similarity of two speakers from which they are one person."""
ENOUGH = 3
"""Windows of speech that are enough to start a speaker for certain; fewer have to differ more."""
FEW = 0.12
"""How much more speech of a single window has to differ than that of `ENOUGH`."""
MAX_WEIGHT = 400.0
"""Windows that a speaker's mean remembers: the newest count more, since a voice changes over hours."""
KEPT_TURNS = 300
"""Turns whose labels may still be revised."""
ROUNDS = 4
"""Most rounds of a revision; it seldom takes more than two."""

Vectors = npt.NDArray[np.float32]


class _Turn(msgspec.Struct):
    """A labelled turn."""

    order: int
    mean: Vectors
    weight: float
    speaker: int | None


class SpeakerClusters:
    """The speakers of a session.

    Args:
        unrelated: the cosine of two embeddings of different voices, on average.
        max_speakers: most speakers; further voices get the most similar one's label.
    """

    def __init__(self, unrelated: float, max_speakers: int = MAX_SPEAKERS) -> None:
        self._unrelated = unrelated
        self._max_speakers = max_speakers
        self._sums: list[Vectors] = []
        self._weights: list[float] = []
        self._turns: deque[_Turn] = deque(maxlen=KEPT_TURNS)

    def __len__(self) -> int:
        """Return the number of speakers."""
        return len(self._sums)

    def similarity(self, vectors: Vectors, others: Vectors) -> Vectors:
        """Return the scaled cosines of vectors of length 1, (n, d) and (m, d), as (n, m)."""
        return np.asarray((vectors @ others.T - self._unrelated) / (1 - self._unrelated), np.float32)

    @property
    def means(self) -> Vectors:
        """A vector of length 1 for each speaker; (0, 0) if there are none."""
        return np.stack([unit(total) for total in self._sums]) if self._sums else np.zeros((0, 0), np.float32)

    def nearest(self, vector: Vectors) -> tuple[int | None, float]:
        """Return the most similar speaker and the similarity; `None` and -1 if there are no speakers."""
        if not self._sums:
            return None, -1.0
        similar = self.similarity(vector[np.newaxis], self.means)[0]
        best = int(np.argmax(similar))
        return best, float(similar[best])

    def assign(self, order: int, vectors: Vectors, *, whole: bool) -> int | None:
        """Return the speaker of a turn; `None` if the speech is too short to tell.

        Args:
            order: the turn's number.
            vectors: the embeddings of its windows, at least one.
            whole: whether there is at least one window of full length; less speech starts no speaker.
        """
        mean, weight = unit(vectors.sum(axis=0)), float(len(vectors))
        speaker, similarity = self.nearest(mean)
        if not whole:
            speaker = speaker if similarity >= SAME_SHORT else None
        elif (speaker is None or similarity < same(len(vectors))) and len(self) < self._max_speakers:
            speaker = len(self)
            self._sums.append(np.zeros_like(mean))
            self._weights.append(0.0)
        if whole and speaker is not None:
            self._add(speaker, vectors.sum(axis=0), weight)
        self._turns.append(_Turn(order, mean, weight if whole else 0.0, speaker))
        return speaker

    def revise(self) -> dict[int, int]:
        """Look at all turns again; return the speakers of those that get another one, by turn.

        Speakers that turn out to be one person are merged under the older label; then each turn goes to the speaker
        that is most similar now.
        """
        before = {turn.order: turn.speaker for turn in self._turns}
        for _ in range(ROUNDS):
            moved = self._merge()
            moved |= self._reassign()
            if not moved:
                break
        return {
            turn.order: turn.speaker
            for turn in self._turns
            if turn.speaker is not None and turn.speaker != before[turn.order]
        }

    def _add(self, speaker: int, total: Vectors, weight: float) -> None:
        self._sums[speaker] = self._sums[speaker] + total
        self._weights[speaker] += weight
        if self._weights[speaker] > MAX_WEIGHT:
            self._sums[speaker] = self._sums[speaker] * np.float32(MAX_WEIGHT / self._weights[speaker])
            self._weights[speaker] = MAX_WEIGHT

    def _merge(self) -> bool:
        """Merge the two most similar speakers if they are one person; return whether they were."""
        active = [speaker for speaker, weight in enumerate(self._weights) if weight]
        if len(active) < 2:
            return False
        similar = self.similarity(self.means[active], self.means[active])
        similar[np.tril_indices(len(active))] = -1
        first, second = np.unravel_index(int(np.argmax(similar)), similar.shape)
        if similar[first, second] < MERGED:
            return False
        older, newer = active[first], active[second]
        self._add(older, self._sums[newer], self._weights[newer])
        self._sums[newer], self._weights[newer] = np.zeros_like(self._sums[newer]), 0.0
        for turn in self._turns:
            if turn.speaker == newer:
                turn.speaker = older
        return True

    def _reassign(self) -> bool:
        """Give each turn to the most similar speaker; return whether one moved."""
        if not self._sums:
            return False
        moved = False
        for turn in self._turns:
            speaker, similarity = self.nearest(turn.mean)
            if speaker is None or speaker == turn.speaker or similarity < SAME_SHORT:
                continue
            total = turn.mean * np.float32(turn.weight)
            if turn.speaker is not None and turn.weight:
                left = self._weights[turn.speaker] - turn.weight
                if left <= 0:
                    continue
                self._sums[turn.speaker] = self._sums[turn.speaker] - total
                self._weights[turn.speaker] = left
            self._add(speaker, total, turn.weight)
            turn.speaker, moved = speaker, True
        return moved


def same(windows: int) -> float:
    """Return the similarity from which speech of so many windows is a speaker's."""
    return SAME - FEW * max(0, ENOUGH - windows) / (ENOUGH - 1)


def unit(vector: Vectors) -> Vectors:
    """Return a vector with length 1."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def label(speaker: int) -> str:
    """Return a speaker's label: A, B and so on."""
    return chr(ord("A") + speaker)


def labels(speakers: Sequence[int | None]) -> list[str | None]:
    """Return the label of each speaker."""
    return [None if speaker is None else label(speaker) for speaker in speakers]
