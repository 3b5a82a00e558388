"""Detect the start and end of turns from speech probabilities. Pure: no audio, no clock."""

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
    """Uninterrupted speech that starts a turn, and all speech in a pause that ends the pause; a click is shorter."""
    min_turn_silence_ms: int = 608
    """Silence that ends a complete turn."""
    max_turn_silence_ms: int = 1280
    """Silence that ends any turn (the vendor's default)."""
    checks_ms: tuple[int, ...] = (160,)
    """Silences, in ascending order, after which the turn is checked for completeness. Each check but the last may leave
    it undecided."""
    padding_ms: int = 320
    """Audio kept before and after the speech: a weak consonant is below the threshold."""


BY_SOUND = Endpointing(min_turn_silence_ms=512, checks_ms=(64, 192, 320))
"""With a model that judges by the sound whether a speaker has finished: surer, and asked as soon as speech stops. It
often recognises an end only with some silence after it."""


class Started(msgspec.Struct, frozen=True):
    """Speech started."""

    start: int
    """First sample of the turn, padding included."""
    speech: int
    """First sample of speech."""
    probability: float


class Paused(msgspec.Struct, frozen=True):
    """The speaker paused or has finished: `Endpointer.decide` has to be called or, except for the last, `recheck`."""

    last: bool = True
    """Whether it is the last check of the pause."""


class Resumed(msgspec.Struct, frozen=True):
    """The speaker continued after a pause."""


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
    """Whether the next turn starts at `end`: this one was too long, or somebody else goes on, and it has been split."""

    def split(self, position: int) -> "tuple[Ended, Ended]":
        """Return the turn as two, which meet at a position."""
        first = Ended(self.start, position, self.speech, min(self.speech_end, position), continues=True)
        return first, Ended(position, self.end, position, max(self.speech_end, position))


Event = Started | Paused | Resumed | Ended


class Endpointer:
    """The turn detector of one session."""

    def __init__(self, settings: Endpointing, position: int = 0) -> None:
        self.settings = settings
        """May be replaced at any time; takes effect with the next frame."""
        self._position = position
        self._floor = position
        self._onset: list[float] = []
        self._start: int | None = None
        self._speech = position
        self._speech_end = position
        self._paused = False
        self._checks = 0
        """Checks of the current pause that are over or under way."""
        self._in_pause = 0
        """Samples of speech in the current pause."""
        self._completeness: float | None = 0.0

    @property
    def start(self) -> int | None:
        """First sample of the open turn, padding included; `None` between turns."""
        return self._start

    @property
    def speech_end(self) -> int:
        """Sample after the last frame of speech of the open turn, or of the last one."""
        return self._speech_end

    @property
    def position(self) -> int:
        """Sample after the last frame."""
        return self._position

    @property
    def paused(self) -> bool:
        """Whether the open turn is in a pause."""
        return self._start is not None and self._paused

    @property
    def pausing(self) -> bool:
        """Whether the open turn's speaker has just stopped, and the pause is not decided yet."""
        return self._start is not None and self._silence_ms > 0 and (not self._paused or self.undecided)

    @property
    def undecided(self) -> bool:
        """Whether it is not known yet how complete the turn is up to the current pause."""
        return self.paused and self._completeness is None

    def decide(self, completeness: float) -> None:
        """Set how complete the turn is up to the current pause: at 1 the shortest silence ends it, at 0 the longest."""
        self._completeness = completeness

    def recheck(self) -> None:
        """Leave undecided how complete the turn is; if the pause lasts, there is another `Paused`."""
        self._paused, self._completeness = False, 0.0

    def depends_on_decision(self, probability: float) -> bool:
        """Return whether the next frame may only be fed after `decide` or `recheck`.

        It ends the pause, or would end the turn, or is the one at which the turn would be checked again.
        """
        if not self.undecided:
            return False
        if self.is_speech(probability):
            return self._resumes(self._in_pause + FRAME)
        decided_by_ms = min([self._min_silence_ms, *self.settings.checks_ms[self._checks :]])
        return self._silence_ms + FRAME_MS >= decided_by_ms

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

    def split(self, end: int) -> Ended:
        """End the open turn at a position behind, and start the next one there."""
        assert self._start is not None
        ended = Ended(self._start, end, self._speech, min(self._speech_end, end), continues=True)
        self._start = self._speech = self._floor = end
        self._speech_end = max(self._speech_end, end)
        return ended

    @property
    def _max_silence_ms(self) -> int:
        return max(self.settings.max_turn_silence_ms, FRAME_MS)

    @property
    def _min_silence_ms(self) -> int:
        return min(self.settings.min_turn_silence_ms, self._max_silence_ms)

    @property
    def _silence_needed_ms(self) -> int:
        shorter = (self._completeness or 0.0) * (self._max_silence_ms - self._min_silence_ms)
        return self._max_silence_ms - round(shorter)

    def is_speech(self, probability: float) -> bool:
        """Return whether a frame continues speech."""
        return probability >= self.settings.vad_threshold - self.settings.hysteresis

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
        self._speaks()
        started = Started(self._start, self._speech, sum(self._onset) / len(self._onset))
        self._onset.clear()
        return [started]

    def _await_silence(self, probability: float) -> list[Event]:
        if self.is_speech(probability):
            return self._continue_speech()
        if self._silence_ms >= self._silence_needed_ms:
            return [self._end(min(self._position, self._speech_end + self.settings.padding_ms * 16))]
        due = self.settings.checks_ms[self._checks :]
        if not self._paused and due and self._silence_ms >= due[0]:
            self._checks += 1
            self._paused, self._completeness = True, None
            return [Paused(last=len(due) == 1)]
        return []

    def _continue_speech(self) -> list[Event]:
        """Process a frame of speech in the open turn. A pause goes on over a click, or a breath, that is shorter."""
        resumed = self._paused
        if self._checks:
            self._in_pause += FRAME
            if not self._resumes(self._in_pause):
                return []
        self._speech_end = self._position
        self._speaks()
        return [Resumed()] if resumed else []

    def _resumes(self, speech: int) -> bool:
        """Return whether so many samples of speech end a pause."""
        return speech // 16 >= self.settings.min_speech_ms

    def _speaks(self) -> None:
        self._paused, self._completeness, self._checks, self._in_pause = False, 0.0, 0, 0

    def _end(self, end: int) -> Ended:
        assert self._start is not None
        ended = Ended(self._start, end, self._speech, self._speech_end)
        self._start = None
        self._floor = end
        return ended
