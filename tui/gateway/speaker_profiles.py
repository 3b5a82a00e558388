"""The voices of a session's speakers, each the mean of the embeddings of what they said. Pure.

Similarities are cosines, scaled such that different voices are about 0 on average and one voice is nearly 1. The
connections of one session share the profiles, so a speaker keeps the label when a connection is renewed, and has the
same one on every track.
"""

import uuid
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

MAX_WEIGHT = 400.0
"""Windows that a speaker's mean remembers: the newest count more, since a voice changes over hours."""
MERGED = 0.62
"""Similarity of two speakers from which they are one person."""
KNOWN = 0.62
"""Similarity of a speaker to a known voice from which it is that voice."""
KNOWN_AFTER = 3.0
"""Windows of a speaker after which it is compared with the known voices."""

Vectors = npt.NDArray[np.float32]
REMEMBERED_AFTER = 6.0
"""Windows of a speaker that are enough to remember the voice: some 4 s of speech."""


class KnownVoice(msgspec.Struct, frozen=True):
    """A voice from an earlier session."""

    name: str
    vector: Vectors
    """Of length 1."""


class SpeakerProfiles:
    """The speakers of a session.

    Args:
        unrelated: the cosine of two embeddings of different voices, on average.
        known: voices whose names are reported when they speak.
    """

    def __init__(self, unrelated: float, known: Sequence[KnownVoice] = ()) -> None:
        self.id = uuid.uuid4().hex
        """Tells a client whether the labels of two connections stand for the same speakers."""
        self._unrelated = unrelated
        self._known = tuple(known)
        self._sums: list[Vectors] = []
        self._weights: list[float] = []
        self._names: dict[int, str] = {}

    def __len__(self) -> int:
        """Return the number of speakers, merged ones included."""
        return len(self._weights)

    @property
    def weights(self) -> tuple[float, ...]:
        """Windows that each speaker's mean stands for; 0 for one who was merged into another."""
        return tuple(self._weights)

    @property
    def means(self) -> Vectors:
        """A vector of length 1 for each speaker, 0 for a merged one; (0, 0) if there are none."""
        return np.stack([unit(total) for total in self._sums]) if self._sums else np.zeros((0, 0), np.float32)

    def similarity(self, vectors: Vectors, others: Vectors) -> Vectors:
        """Return the scaled cosines of vectors of length 1, (n, d) and (m, d), as (n, m)."""
        return np.asarray((vectors @ others.T - self._unrelated) / (1 - self._unrelated), np.float32)

    def nearest(self, vector: Vectors) -> tuple[int | None, float]:
        """Return the most similar speaker and the similarity; `None` and -1 if there are no speakers."""
        means = self.means
        if not len(means):
            return None, -1.0
        similar = self.similarity(vector[np.newaxis], means)[0]
        best = int(np.argmax(similar))
        return best, float(similar[best])

    def start(self, total: Vectors, weight: float) -> int:
        """Return a new speaker, with the sum of the embeddings of some speech and their number."""
        self._sums.append(total)
        self._weights.append(weight)
        return len(self) - 1

    def add(self, speaker: int, total: Vectors, weight: float) -> None:
        """Add speech to a speaker: the sum of its embeddings, and their number."""
        self._sums[speaker] = self._sums[speaker] + total
        self._weights[speaker] += weight
        if self._weights[speaker] > MAX_WEIGHT:
            self._sums[speaker] = self._sums[speaker] * np.float32(MAX_WEIGHT / self._weights[speaker])
            self._weights[speaker] = MAX_WEIGHT

    def remove(self, speaker: int, total: Vectors, weight: float) -> bool:
        """Take speech from a speaker; return whether the speaker has more than that, else nothing is taken."""
        if self._weights[speaker] <= weight:
            return False
        self._sums[speaker] = self._sums[speaker] - total
        self._weights[speaker] -= weight
        return True

    def vector(self, speaker: int) -> Vectors | None:
        """Return a speaker's mean; `None` if too little was said for a voice to be remembered."""
        if not 0 <= speaker < len(self) or self._weights[speaker] < REMEMBERED_AFTER:
            return None
        return unit(self._sums[speaker])

    def name(self, speaker: int, name: str) -> None:
        """Note that a speaker has a name, which is not reported."""
        self._names[speaker] = name

    def merge(self) -> tuple[int, int] | None:
        """Merge the two most similar speakers if they are one person; return the older one and the other."""
        active = [speaker for speaker, weight in enumerate(self._weights) if weight]
        if len(active) < 2:
            return None
        means = self.means[active]
        similar = self.similarity(means, means)
        similar[np.tril_indices(len(active))] = -1
        first, second = np.unravel_index(int(np.argmax(similar)), similar.shape)
        if similar[first, second] < MERGED:
            return None
        older, newer = active[first], active[second]
        self.add(older, self._sums[newer], self._weights[newer])
        self._sums[newer], self._weights[newer] = np.zeros_like(self._sums[newer]), 0.0
        return older, newer

    def recognise(self, speaker: int) -> str | None:
        """Return the name of the known voice that this speaker has; `None` if there is none, or it was returned."""
        if speaker in self._names or not self._known or self._weights[speaker] < KNOWN_AFTER:
            return None
        free = [voice for voice in self._known if voice.name not in self._names.values()]
        if not free:
            return None
        mean = unit(self._sums[speaker])[np.newaxis]
        similar = self.similarity(mean, np.stack([voice.vector for voice in free]))[0]
        best = int(np.argmax(similar))
        if similar[best] < KNOWN:
            return None
        self._names[speaker] = free[best].name
        return free[best].name


def unit(vector: Vectors) -> Vectors:
    """Return a vector with length 1."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def label(speaker: int) -> str:
    """Return a speaker's label: A, B and so on."""
    return chr(ord("A") + speaker)
