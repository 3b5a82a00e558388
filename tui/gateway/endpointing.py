"""Detect the start and end of turns from speech probabilities. Pure: no audio, no clock."""

from collections import deque

import msgspec

FRAME = 512
"""Samples of a frame: 32 ms at 16 kHz, the only length that Silero VAD takes."""
FRAME_MS = 32


class Endpointing(msgspec.Struct, frozen=True):
    """Settings of turn detection."""

    vad_threshold: float = 0.5
    """Probability from which a frame is speech."""
    hysteresis: float = 0.15
    """How far below the threshold a frame still continues speech (Silero's own margin)."""
    min_speech_ms: int = 96
    """Uninterrupted speech that starts a turn; a click is shorter."""
    min_turn_silence_ms: int = 608
    """Silence that ends a turn whose text is a complete sentence."""
    max_turn_silence_ms: int = 1280
    """Silence that ends any turn (the vendor's default)."""
    pause_ms: int = 224
    """Silence after which the turn is checked for completeness."""
    padding_ms: int = 320
    """Audio kept before and after the speech: a weak consonant is below the threshold."""
    max_turn_ms: int = 24_000
    """Longest turn; Whisper takes at most 30 s."""
    split_ms: int = 8_000
    """Stretch at the end of an overlong turn in which it may be split."""


class Started(msgspec.Struct, frozen=True):
    """Speech started."""

    start: int
    """First sample of the turn, padding included."""
    speech: int
    """First sample of speech."""
    probability: float


class Paused(msgspec.Struct, frozen=True):
    """The speaker paused or has finished."""


class Ended(msgspec.Struct, frozen=True):
    """A turn ended."""

    start: int
    """First sample of the turn, padding included."""
    end: int
    """Sample after the turn's last, padding included."""
    speech: int
    """First sample of speech."""
    speech_end: int
    """Sample after the last frame of speech."""
    continues: bool = False
    """Whether the next turn starts at `end`: this one was too long and has been split."""


Event = Started | Paused | Ended


class Endpointer:
    """The turn detector of one session."""

    def __init__(self, settings: Endpointing, position: int = 0) -> None:
        self.settings = settings
        """May be replaced at any time; takes effect with the next frame."""
        self.complete = False
        """Whether the text up to the current silence is a complete sentence; speech resets it."""
        self._position = position
        self._floor = position
        self._onset: list[float] = []
        self._start: int | None = None
        self._speech = position
        self._speech_end = position
        self._paused = False
        self._recent: deque[float] = deque()

    @property
    def start(self) -> int | None:
        """First sample of the open turn, padding included; `None` between turns."""
        return self._start

    @property
    def speech_end(self) -> int:
        """Sample after the last frame of speech of the open turn, or of the last one."""
        return self._speech_end

    @property
    def paused(self) -> bool:
        """Whether the open turn is in a pause."""
        return self._start is not None and self._paused

    @property
    def needed(self) -> int:
        """The oldest sample that a turn may still need."""
        if self._start is not None:
            return self._start
        reach = (self.settings.padding_ms + self.settings.min_speech_ms + FRAME_MS) * 16
        return max(self._floor, self._position - reach)

    @property
    def confidence(self) -> float:
        """Share of the silence that would end the open turn, 0 to 1."""
        if self._start is None:
            return 0.0
        return min(1.0, self._silence_ms / self._silence_needed_ms)

    def feed(self, probability: float) -> list[Event]:
        """Process the next frame's speech probability; return the resulting events."""
        self._position += FRAME
        if self._start is None:
            return self._await_speech(probability)
        return self._await_silence(probability)

    def force(self) -> Ended | None:
        """End the open turn now; return `None` if there is none."""
        if self._start is None:
            return None
        return self._end(min(self._position, self._speech_end + self.settings.padding_ms * 16))

    @property
    def _silence_ms(self) -> int:
        return (self._position - self._speech_end) // 16

    @property
    def _silence_needed_ms(self) -> int:
        longest = max(self.settings.max_turn_silence_ms, FRAME_MS)
        return min(self.settings.min_turn_silence_ms, longest) if self.complete else longest

    def _await_speech(self, probability: float) -> list[Event]:
        if probability < self.settings.vad_threshold:
            self._onset.clear()
            return []
        self._onset.append(probability)
        if len(self._onset) * FRAME_MS < self.settings.min_speech_ms:
            return []
        self._speech = self._position - len(self._onset) * FRAME
        self._start = max(self._floor, self._speech - self.settings.padding_ms * 16)
        self._speech_end = self._position
        self._paused = self.complete = False
        self._recent.clear()
        started = Started(self._start, self._speech, sum(self._onset) / len(self._onset))
        self._onset.clear()
        return [started]

    def _await_silence(self, probability: float) -> list[Event]:
        assert self._start is not None
        self._recent.append(probability)
        if len(self._recent) * FRAME_MS > self.settings.split_ms:
            self._recent.popleft()
        if probability >= self.settings.vad_threshold - self.settings.hysteresis:
            self._speech_end = self._position
            self._paused = self.complete = False
        elif self._silence_ms >= self._silence_needed_ms:
            return [self._end(min(self._position, self._speech_end + self.settings.padding_ms * 16))]
        events: list[Event] = []
        if not self._paused and self._silence_ms >= self.settings.pause_ms:
            self._paused = True
            events.append(Paused())
        if self._position - self._start >= self.settings.max_turn_ms * 16:
            events.append(self._split())
        return events

    def _end(self, end: int) -> Ended:
        assert self._start is not None
        ended = Ended(self._start, end, self._speech, self._speech_end)
        self._start = None
        self._floor = end
        return ended

    def _split(self) -> Ended:
        """Split an overlong turn where speech was least likely."""
        assert self._start is not None
        recent = list(self._recent)
        smooth = [sum(recent[at - 1 : at + 2]) for at in range(1, len(recent) - 1)] or [0.0]
        quietest = min(range(len(smooth)), key=smooth.__getitem__) + 1
        cut = self._position - (len(recent) - quietest) * FRAME + FRAME // 2
        ended = Ended(self._start, cut, self._speech, min(self._speech_end, cut), continues=True)
        self._start = self._speech = self._floor = cut
        self._speech_end = max(self._speech_end, cut)
        return ended
