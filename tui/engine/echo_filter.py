"""Echo filter: keeps what the microphone recorded from the loudspeakers out of the microphone's turns."""

import math
from collections.abc import Callable, Sequence
from enum import Enum
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tui.audio.echo import EchoPath, find_path, matched_words, own_words, sure_words
from tui.audio.recording import Recording
from tui.engine.track_audio import TrackAudio
from tui.model.session_state import SessionState
from tui.model.transcript import Turn, Word

if TYPE_CHECKING:
    from tui.audio.echo import Samples

BEFORE_S = 0.3
"""Seconds of audio before a turn that are compared, too."""
MAX_PATH_S = 8.0
"""Most seconds of a turn that the search for an echo's delay reads, which takes some milliseconds."""
AROUND_S = 1.5
"""Seconds around a turn in which words of another track may be the same."""
MAX_TURN_S = 60.0
"""Seconds before a turn after which no turn of another track with a higher number ends: none lasts as long."""
OUT_OF_STEP_S = -0.15
"""Least delay of an echo of what the machine plays: the loopback may be later than the microphone."""
MIN_LAG_S = 0.005
"""Least delay of an echo between two microphones."""
MAX_HOLD_S = 6.0
"""Longest time that a final turn is held, in seconds, because the other track's words may show that it is an echo."""
NO_WORDS_S = 3.0
"""The same while the other track has no words at that time: it may play music."""
SHOWN_SHARE = 0.6
"""Share of a partial's words, if another track has them, from which the partial is not shown."""


class Verdict(Enum):
    """Decision that cannot be made yet."""

    PENDING = "pending"
    """The other track's words of that time are still to come."""


class _TurnPath(msgspec.Struct, frozen=True):
    """How a turn contains another track."""

    echo: EchoPath
    doubtful_until_s: float | None
    """End of the last word that may be an echo; `None` if all are too loud to be one."""


class EchoFilter:
    """Decides which words of a turn are an echo of another track.

    Args:
        state: state of the session.
        turn: returns a turn with its words.
    """

    def __init__(self, state: SessionState, turn: Callable[[int], Turn | None]) -> None:
        self._tracks: list[TrackAudio] = []
        self._state = state
        self._turn = turn
        self._coupled: set[tuple[str, str]] = set()
        """Pairs of tracks of which the first recorded the second."""
        self._paths: dict[tuple[int, str], _TurnPath | None] = {}
        """Paths by the number of a turn that is pending, and by the other track."""
        self._pending: dict[int, Turn] = {}
        """Final turns that are pending, by number: for turns of other tracks they are what was said."""

    def add(self, track: TrackAudio) -> None:
        """Compare the turns of a track with those of the others, too."""
        self._tracks.append(track)

    def hides_partial(self, turn: Turn) -> bool:
        """Return whether a partial is an echo: by its text alone, once the track recorded the other one."""
        for name in self._others(turn.track):
            if (turn.track, name) in self._coupled and turn.words:
                matched = matched_words(turn.words, _words(self._near(name, turn)))
                if len(matched) >= SHOWN_SHARE * len(turn.words):
                    return True
        return False

    def judge(self, turn: Turn, *, held_s: float) -> Turn | Verdict | None:
        """Return a final turn without the words that are an echo; `None` if all are.

        Args:
            turn: the turn, with its words.
            held_s: seconds since it arrived; infinity to decide now, by the words that have arrived so far.
        """
        self._pending[turn.number] = turn
        for name in self._others(turn.track) if turn.words else ():
            path = self._path(turn, name)
            if path is None or path.doubtful_until_s is None:
                continue
            others = self._near(name, turn)
            words = _words(others)
            may_wait = held_s < (MAX_HOLD_S if words else NO_WORDS_S)
            covered = max((word.end_s for word in words), default=0.0) >= path.doubtful_until_s - AROUND_S / 2
            if may_wait and not covered:
                return Verdict.PENDING
            own = self._own(turn, words, name, path.echo)
            if own is None:
                if may_wait and not all(other.final for other in others):
                    return Verdict.PENDING
                continue
            self._coupled.add((turn.track, name))
            if not own:
                self._forget(turn)
                return None
            turn = _only(turn, own)
        self._forget(turn)
        return turn

    def _others(self, track: str) -> list[str]:
        """Return the names of the tracks that a track may have recorded."""
        return [] if self._is_played(track) else [other.name for other in self._tracks if other.name != track]

    def _is_played(self, name: str) -> bool:
        """Return whether a track records what the machine plays."""
        return any(track.name == name and track.plays for track in self._state.tracks)

    def _recording(self, name: str) -> Recording:
        return next(track.recording for track in self._tracks if track.name == name)

    def _path(self, turn: Turn, name: str) -> "_TurnPath | None":
        if (turn.number, name) not in self._paths:
            self._paths[turn.number, name] = self._find_path(turn, name)
        return self._paths[turn.number, name]

    def _find_path(self, turn: Turn, name: str) -> "_TurnPath | None":
        start_s = self._loudest_s(turn, name)
        end_s = min(turn.end_s, start_s + MAX_PATH_S)
        rate = self._recording(name).sample_rate
        echo = find_path(
            self._samples(turn.track, start_s, end_s),
            self._samples(name, start_s, end_s),
            rate,
            min_lag_s=OUT_OF_STEP_S if self._is_played(name) else MIN_LAG_S,
        )
        if echo is None:
            return None
        start_s = max(0.0, turn.start_s - BEFORE_S - AROUND_S)
        captured, played = self._samples(turn.track, start_s, turn.end_s), self._samples(name, start_s, turn.end_s)
        sure = sure_words(turn.words, captured, played, echo, sample_rate=rate, start_s=start_s)
        doubtful = [word.end_s for at, word in enumerate(turn.words) if at not in sure]
        return _TurnPath(echo, max(doubtful, default=None))

    def _loudest_s(self, turn: Turn, name: str) -> float:
        """Return the start of the `MAX_PATH_S` of a turn in which another track is loudest, in seconds."""
        start_s = max(0.0, turn.start_s - BEFORE_S)
        starts = [start_s + at for at in range(1 + max(0, math.ceil(turn.end_s - start_s - MAX_PATH_S)))]
        if len(starts) == 1:
            return start_s
        return max(starts, key=lambda at: float((self._samples(name, at, at + MAX_PATH_S) ** 2).sum()))

    def _own(self, turn: Turn, others: Sequence[Word], name: str, path: EchoPath) -> list[int] | None:
        start_s = max(0.0, turn.start_s - BEFORE_S - AROUND_S)
        return own_words(
            turn.words,
            others,
            self._samples(turn.track, start_s, turn.end_s),
            self._samples(name, start_s, turn.end_s),
            path,
            sample_rate=self._recording(name).sample_rate,
            start_s=start_s,
        )

    def _samples(self, name: str, start_s: float, end_s: float) -> "Samples":
        """Return the audio of a track from -1 to 1; silence where there is none."""
        import numpy as np

        recording = self._recording(name)
        first = max(0, round(start_s * recording.sample_rate))
        count = max(1, round(end_s * recording.sample_rate) - first)
        pcm = recording.read(first, count).ljust(2 * count, b"\0")
        return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)

    def _near(self, name: str, turn: Turn) -> list[Turn]:
        """Return the turns of another track around a turn, with their words."""
        since_s = turn.start_s - MAX_TURN_S
        recent = takewhile(lambda other: other.end_s >= since_s, self._state.transcript.newest())
        known = [other for other in recent if other.number not in self._pending]
        return [
            self._turn(other.number) or other if other.number not in self._pending else other
            for other in (*known, *self._pending.values())
            if other.track == name and other.end_s >= turn.start_s - AROUND_S and other.start_s <= turn.end_s + AROUND_S
        ]

    def _forget(self, turn: Turn) -> None:
        self._pending.pop(turn.number, None)
        for key in [key for key in self._paths if key[0] == turn.number]:
            del self._paths[key]


def _words(turns: Sequence[Turn]) -> list[Word]:
    """Return the words of turns in the order of time."""
    return sorted((word for turn in turns for word in turn.words), key=lambda word: word.start_s)


def _only(turn: Turn, own: Sequence[int]) -> Turn:
    """Return a turn with some of its words only."""
    words = tuple(turn.words[at] for at in own)
    written = turn.text.split()
    texts = [written[at] for at in own] if len(written) == len(turn.words) else [word.text for word in words]
    return replace(
        turn, text=" ".join(texts), words=words, start_s=words[0].start_s, end_s=max(word.end_s for word in words)
    )
