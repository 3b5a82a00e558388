"""The voices of one open turn: windows of its speech, and where the speaker changes. Pure.

Only frames with speech count: pauses are left out, so a window always holds 1.6 s of speech. Places in the turn are
rows of features, 10 ms each.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from tui.gateway.speaker_clustering import SAME
from tui.gateway.speaker_features import RATE, STEP
from tui.gateway.speaker_model import WINDOW
from tui.gateway.speaker_profiles import SpeakerProfiles, Vectors, unit

HOP = 40
"""Rows between two windows."""
SHORTEST = 40
"""Rows of speech below which there is no embedding."""
RECENT = 3
"""Windows that show a new speaker."""
LEAD = 0.2
"""How much more similar recent speech has to be to another speaker than to the turn's."""
LEAD_LAST = 0.27
"""The same for the last window alone, at the end of a turn."""
FAR = 0.40
"""Similarity to the turn's speaker below which recent speech is a new voice."""
FAR_LAST = 0.33
"""The same for the last window alone, at the end of a turn."""
PAUSE = RATE * 15 // 100
"""Samples without speech that are a likely place for a change."""
NEAR = 60
"""Rows around the estimate in which such a pause is looked for."""


class Window(msgspec.Struct, frozen=True):
    """A stretch of rows to embed."""

    start: int
    end: int

    @property
    def middle(self) -> float:
        """The row in its middle."""
        return (self.start + self.end) / 2


class TurnVoices:
    """The speech of one turn. A turn is at most 24 s long, so this is bounded.

    Args:
        start: the turn's first sample.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self._rows: list[npt.NDArray[np.float32]] = []
        self._positions: list[int] = []
        self._windows: list[Window] = []
        self._vectors: list[Vectors] = []

    def __len__(self) -> int:
        """Return the rows of speech."""
        return len(self._rows)

    @property
    def vectors(self) -> Vectors:
        """The embeddings so far, (n, d)."""
        return np.stack(self._vectors) if self._vectors else np.zeros((0, 0), np.float32)

    @property
    def whole(self) -> bool:
        """Whether there is a window of full length."""
        return any(window.end - window.start == WINDOW for window in self._windows)

    def add_row(self, position: int, row: npt.NDArray[np.float32]) -> None:
        """Add 10 ms of speech.

        Args:
            position: its first sample.
            row: its features.
        """
        self._positions.append(position)
        self._rows.append(row)

    def due(self, *, ended: bool = False) -> list[Window]:
        """Return the windows that have no embedding yet.

        Args:
            ended: whether no speech follows; the last window then ends with the speech, and may be shorter.
        """
        start = self._windows[-1].start + HOP if self._windows else 0
        found = [Window(at, at + WINDOW) for at in range(start, len(self) - WINDOW + 1, HOP)]
        last = found[-1].end if found else self._windows[-1].end if self._windows else 0
        if ended and len(self) >= SHORTEST and len(self) - last >= HOP // 2:
            found.append(Window(max(0, len(self) - WINDOW), len(self)))
        return found

    def features(self, window: Window) -> npt.NDArray[np.float32]:
        """Return the features of a window."""
        return np.stack(self._rows[window.start : window.end])

    def add(self, windows: list[Window], vectors: Vectors) -> None:
        """Add the embeddings of windows."""
        self._windows += windows
        self._vectors += list(vectors)

    def change(self, profiles: SpeakerProfiles, *, ended: bool = False) -> int | None:
        """Return the sample from which somebody else speaks; `None` if nobody does.

        Args:
            profiles: the speakers so far.
            ended: whether no speech follows.
        """
        for count, lead, far in ((RECENT, LEAD, FAR), *([(1, LEAD_LAST, FAR_LAST)] if ended else ())):
            row = self._change(profiles, count, lead, far)
            if row is not None:
                return self._position(row)
        return None

    def after(self, position: int) -> "TurnVoices":
        """Return the speech from a sample on as that of a turn of its own, without embeddings."""
        rest = TurnVoices(position)
        for at, row in zip(self._positions, self._rows, strict=True):
            if at >= position:
                rest.add_row(at, row)
        return rest

    def before(self, position: int) -> "TurnVoices":
        """Return the speech before a sample, with the windows that end there or before."""
        rest = TurnVoices(self.start)
        for at, row in zip(self._positions, self._rows, strict=True):
            if at < position:
                rest.add_row(at, row)
        for window, vector in zip(self._windows, self._vectors, strict=True):
            if window.end <= len(rest):
                rest.add([window], vector[np.newaxis])
        return rest

    def _change(self, profiles: SpeakerProfiles, count: int, lead: float, far: float) -> float | None:
        """Return the row where the last `count` windows' speaker begins, if it is not the turn's."""
        first = len(self._windows) - count
        early = [at for at in range(first) if self._windows[at].end <= self._windows[first].start + HOP]
        if not early:
            return None
        vectors = self.vectors
        recent, own = unit(vectors[first:].sum(axis=0)), unit(vectors[early].sum(axis=0))
        speaker, similarity = profiles.nearest(own)
        reference = profiles.means[speaker] if speaker is not None and similarity >= SAME else own
        similar = float(profiles.similarity(recent[np.newaxis], reference[np.newaxis])[0, 0])
        other, other_similar = profiles.nearest(recent)
        if other is not None and other_similar >= SAME and other_similar - similar >= lead:
            return self._crossing(profiles, reference, profiles.means[other], first)
        if similar < far and other_similar < SAME:
            return self._crossing(profiles, reference, recent, first)
        return None

    def _crossing(self, profiles: SpeakerProfiles, one: Vectors, other: Vectors, first: int) -> float:
        """Return the row where speech changes from one voice to another: half-way between their similarities."""
        sides = profiles.similarity(self.vectors, np.stack([one, other]))
        leads = sides[:, 1] - sides[:, 0]
        middles = [window.middle for window in self._windows]
        low, high = float(np.min(leads[: first + 1])), float(np.max(leads[first:]))
        half = (low + high) / 2
        at = len(leads) - 1
        while at > 0 and leads[at - 1] >= half:
            at -= 1
        if at == 0:
            return middles[0]
        share = (half - leads[at - 1]) / max(1e-6, leads[at] - leads[at - 1])
        return float(middles[at - 1] + min(1.0, max(0.0, share)) * (middles[at] - middles[at - 1]))

    def _position(self, row: float) -> int:
        """Return the sample of a row, in the middle of the longest pause nearby if there is one."""
        at = min(len(self) - 1, max(1, round(row)))
        pauses = list(self._pauses(max(1, at - NEAR), min(len(self), at + NEAR)))
        if pauses:
            length, place = max(pauses)
            return self._positions[place] - length // 2
        return self._positions[at]

    def _pauses(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the length of each pause before one of the rows, and that row."""
        for place in range(first, last):
            length = self._positions[place] - self._positions[place - 1] - STEP
            if length >= PAUSE:
                yield length, place
