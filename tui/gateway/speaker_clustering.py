"""Who is who: cluster the turns of a connection by voice while it goes on. Pure.

A turn goes to the most similar speaker, or to a new one if none is similar. The number of speakers and of turns that
are kept is bounded, so a turn costs the same after hours.
"""

from collections import deque

import msgspec
import numpy as np

from tui.gateway.speaker_profiles import SpeakerProfiles, Vectors, unit

MAX_SPEAKERS = 10
"""Most speakers of a session: the service's limit."""
SAME = 0.47
"""Similarity of some seconds of speech to a speaker from which it is theirs."""
SAME_SHORT = 0.3
"""The same for speech that is too short to start a speaker: it is given to one if it is at all similar."""
ENOUGH = 3
"""Windows of speech that are enough to start a speaker for certain; fewer have to differ more."""
FEW = 0.12
"""How much more speech of a single window has to differ than that of `ENOUGH`."""
KEPT_TURNS = 300
"""Turns whose labels may still be revised."""
ROUNDS = 4
"""Most rounds of a revision; it seldom takes more than two."""


class _Turn(msgspec.Struct):
    """A labelled turn."""

    order: int
    mean: Vectors
    weight: float
    speaker: int | None


class SpeakerClusters:
    """The turns of a connection and their speakers.

    Args:
        profiles: the speakers, which other connections of the session may share.
        max_speakers: most speakers; further voices get the most similar one's label.
    """

    def __init__(self, profiles: SpeakerProfiles, max_speakers: int = MAX_SPEAKERS) -> None:
        self.profiles = profiles
        self._max_speakers = max_speakers
        self._turns: deque[_Turn] = deque(maxlen=KEPT_TURNS)

    def __len__(self) -> int:
        """Return the number of turns that may still be revised."""
        return len(self._turns)

    def assign(self, order: int, vectors: Vectors, *, whole: bool) -> int | None:
        """Return the speaker of a turn; `None` if the speech is too short to tell.

        Args:
            order: the turn's number.
            vectors: the embeddings of its windows, at least one.
            whole: whether there is at least one window of full length; less speech starts no speaker.
        """
        mean, weight = unit(vectors.sum(axis=0)), float(len(vectors))
        speaker, similarity = self.profiles.nearest(mean)
        if not whole:
            speaker = speaker if similarity >= SAME_SHORT else None
        elif (speaker is None or similarity < same(len(vectors))) and len(self.profiles) < self._max_speakers:
            speaker = self.profiles.start(vectors.sum(axis=0), weight)
        elif speaker is not None:
            self.profiles.add(speaker, vectors.sum(axis=0), weight)
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

    def _merge(self) -> bool:
        """Merge the two most similar speakers if they are one person; return whether they were."""
        merged = self.profiles.merge()
        if merged is None:
            return False
        older, newer = merged
        for turn in self._turns:
            if turn.speaker == newer:
                turn.speaker = older
        return True

    def _reassign(self) -> bool:
        """Give each turn to the most similar speaker; return whether one moved."""
        if not self._turns or not len(self.profiles):
            return False
        similar = self.profiles.similarity(np.stack([turn.mean for turn in self._turns]), self.profiles.means)
        moved = False
        for turn, row in zip(self._turns, similar, strict=True):
            speaker = int(np.argmax(row))
            if speaker == turn.speaker or row[speaker] < SAME_SHORT:
                continue
            total = turn.mean * np.float32(turn.weight)
            if turn.speaker is not None and turn.weight and not self.profiles.remove(turn.speaker, total, turn.weight):
                continue
            self.profiles.add(speaker, total, turn.weight)
            turn.speaker, moved = speaker, True
        return moved


def same(windows: int) -> float:
    """Return the similarity from which speech of so many windows is a speaker's."""
    return SAME - FEW * max(0, ENOUGH - windows) / (ENOUGH - 1)
