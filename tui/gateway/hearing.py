"""One connection's sound made into turns: what is open is heard again and again, what is over once and well."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from tui.gateway.doubts import SENTENCE_ENDS
from tui.gateway.endpointing import FRAME, Ended, Endpointer, Endpointing, Paused, Started
from tui.gateway.metrics import Metrics
from tui.gateway.pcm import RATE, Tape
from tui.gateway.recogniser import Clip, Heard
from tui.gateway.scheduler import Scheduler, Wish
from tui.gateway.turns import Guess, OpenTurn, final_words
from tui.gateway.vad import VoiceDetector
from tui.stream.protocol import Silence, SpeechStarted, WireTurn

PARTIAL_EVERY = RATE * 55 // 100
"""Samples between two hearings of an open turn, if the machine keeps up."""
LEAD = RATE * 5
"""Samples before a turn that are heard with it. On read speech a turn alone has twice the errors of a batch decode of
all turns, with 3 s before it a few more, with 5 s none more, and the text of the turn before would hand errors on."""
SILENCE_EVERY = RATE
LONGEST_BACKLOG = RATE * 310
"""Samples of finished turns that may wait; a client that sends more waits too."""

Told = SpeechStarted | WireTurn | Silence


class Hearing:
    """The turns of one connection.

    Args:
        scheduler: hears clips.
        detector: tells speech from the rest.
        endpointing: where turns begin and end.
        tell: takes what the client is to be told, in order.
        metrics: counts.
        clock: seconds.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        detector: VoiceDetector,
        endpointing: Endpointing,
        tell: Callable[[Told], None],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.languages: tuple[str, ...] = ("en",)
        """Codes of the languages that may be spoken; of several, or none, the model tells which."""
        self.plain = False
        """Whether turns are told without capitals and punctuation."""
        self.hints = ""
        """What leans the recogniser to the client's words."""
        self.partials = True
        """Whether open turns are told."""
        self.silences = False
        """Whether stretches without speech are told."""
        self.loudest = 0.0
        """Highest probability of speech since it was last set to 0."""
        self.failure: Exception | None = None
        """Why the model cannot hear this connection; `None` as long as it can."""
        self._scheduler = scheduler
        self._detector = detector
        self._endpointer = Endpointer(endpointing)
        self._tell = tell
        self._metrics = metrics
        self._clock = clock
        self._tape = Tape()
        self._framed = 0
        self._turn: OpenTurn | None = None
        self._orders = 0
        self._last: Ended | None = None
        self.backlog = 0
        """Samples of finished turns without a text."""
        self._eased = asyncio.Event()
        self._silent_from = 0

    @property
    def understood(self) -> int:
        """Position up to which nothing waits to be heard for good."""
        return self._tape.end - self.backlog

    @property
    def endpointing(self) -> Endpointing:
        """Where turns begin and end; may be set at any time."""
        return self._endpointer.settings

    @endpointing.setter
    def endpointing(self, settings: Endpointing) -> None:
        self._endpointer.settings = settings

    def take(self, samples: npt.NDArray[np.int16]) -> None:
        """Add samples and do what they settle."""
        self._tape.append(samples)
        whole = (self._tape.end - self._framed) // FRAME
        frames = self._tape.read(self._framed, self._framed + whole * FRAME).reshape(whole, FRAME)
        self._framed += whole * FRAME
        for probability in self._detector.probabilities(frames):
            self.loudest = max(self.loudest, probability)
            for event in self._endpointer.feed(probability):
                self._follow(event)
        self._tape.drop(min(self._endpointer.needed, self._framed) - LEAD)
        self._ask_partial()
        self._tell_silence()

    def force(self) -> None:
        """End the open turn now."""
        ended = self._endpointer.force()
        if ended:
            self._follow(ended)

    async def keep_up(self) -> None:
        """Wait until there is room for more sound."""
        await self._until_backlog_is(LONGEST_BACKLOG)

    async def finish(self) -> None:
        """End the open turn and wait until every turn has been told."""
        self.force()
        await self._until_backlog_is(0)

    def close(self) -> None:
        """Forget what is still to be heard, and tell nothing more: what is being heard just now comes to nothing."""
        self._scheduler.forget(self)
        self._tell = _to_nobody

    async def _until_backlog_is(self, most: int) -> None:
        while self.backlog > most:
            self._eased.clear()
            await self._eased.wait()

    def _follow(self, event: Started | Paused | Ended) -> None:
        match event:
            case Started(start=start, speech=speech, probability=probability):
                self._turn = OpenTurn(start, speech)
                self._tell(SpeechStarted(speech * 1000 // RATE, round(probability, 3)))
            case Paused():
                if self._turn:
                    self._turn.due = min(self._turn.due, self._tape.end)
            case Ended():
                self._end(event)

    def _end(self, ended: Ended) -> None:
        assert self._turn is not None
        turn, self._turn = self._turn, OpenTurn(ended.end, ended.end) if ended.continues else None
        self._silent_from = ended.end
        self.backlog += ended.end - ended.start
        decided = self._clock()
        guess = turn.guess
        if guess is None or guess.speech_end != ended.speech_end or ended.continues:
            clip = self._final_clip(turn, ended.start, ended.end)
            self._scheduler.hear(self, Wish(lambda: clip, partial(self._tell_final, turn, ended, decided), self._fail))
        elif guess.heard is None:
            guess.ended = (ended, decided)
        else:
            self._tell_final(turn, ended, decided, guess.heard)
        self._last = ended

    def _final_clip(self, turn: OpenTurn, start: int, end: int) -> Clip:
        """Return a turn with what was said before it, unless it runs on from there or that is long ago."""
        lead = 0
        if self._last is not None and not self._last.continues and start - self._last.end <= LEAD:
            lead = min(LEAD, start - self._tape.start)
        partly = tuple(word.text for word in turn.words)
        samples = self._tape.read(start - lead, end)
        return Clip(samples, True, self.languages, self.hints, lead=lead, partly=partly)

    def _guess(self, turn: OpenTurn) -> None:
        """Hear the open turn for good before its end is decided, if the machine has nothing better to do."""
        guess = Guess(self._endpointer.speech_end)

        def whole() -> Clip | None:
            if self._turn is not turn or self._endpointer.speech_end != guess.speech_end:
                return None
            turn.guess = guess
            padded = guess.speech_end + self._endpointer.settings.padding_ms * RATE // 1000
            return self._final_clip(turn, turn.start, min(self._tape.end, padded))

        def take(heard: Heard) -> None:
            guess.heard = heard
            if guess.ended:
                self._tell_final(turn, *guess.ended, heard)

        self._scheduler.peek(self, Wish(whole, take, self._fail))

    def _fail(self, error: Exception) -> None:
        self.failure = error

    def _ask_partial(self) -> None:
        turn = self._turn
        if turn is None or self._tape.end < turn.due or not (self.partials or self._endpointer.paused):
            return
        turn.due = self._tape.end + PARTIAL_EVERY
        end = 0

        def newest() -> Clip | None:
            nonlocal end
            if self._turn is not turn:
                return None
            end = self._tape.end
            turn.due = end + PARTIAL_EVERY
            turn.shorten(end)
            samples = self._tape.read(turn.base, end)
            # Settled words are in one language, and so is what goes on from them.
            languages = (turn.language,) if turn.language else self.languages
            return Clip(samples, False, languages, self.hints, stable=turn.agreement.tokens)

        self._scheduler.peek(self, Wish(newest, lambda heard: self._tell_partial(turn, end, heard), self._fail))

    def _tell_partial(self, turn: OpenTurn, end: int, heard: Heard) -> None:
        if self._turn is not turn:
            return
        turn.agreement.hear(heard.words)
        if turn.agreement.settled:
            turn.language = heard.language
        words = turn.words
        if words and self.partials:
            self._number(turn)
            self._tell(turn.told(words, self._endpointer.confidence, heard.language, final=False, plain=self.plain))
            self._metrics.count("partials_total")
        if end >= self._endpointer.speech_end:
            self._endpointer.complete = bool(words) and words[-1].text.endswith(SENTENCE_ENDS)
            if self._endpointer.paused and self._scheduler.calm:
                self._guess(turn)

    def _tell_final(self, turn: OpenTurn, ended: Ended, decided: float, heard: Heard) -> None:
        words = final_words(heard, ended)
        if words or turn.order is not None:
            self._number(turn)
            self._tell(turn.told(words, 1.0, heard.language, final=True, plain=self.plain))
            self._metrics.count("turns_total")
            self._metrics.count("final_seconds_sum", self._clock() - decided)
        self.backlog -= ended.end - ended.start
        self._eased.set()

    def _number(self, turn: OpenTurn) -> None:
        if turn.order is None:
            turn.order = self._orders
            self._orders += 1

    def _tell_silence(self) -> None:
        if self._turn is not None:
            return
        if self.silences and self._tape.end - self._silent_from >= SILENCE_EVERY:
            self._tell(Silence(self._silent_from * 1000 // RATE, self._tape.end * 1000 // RATE))
            self._silent_from = self._tape.end


def _to_nobody(told: Told) -> None:
    """Take what nobody waits for any more."""
