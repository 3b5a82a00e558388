"""One connection's sound made into turns: what is open is heard again and again, what is over once and well."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import msgspec
import numpy as np
import numpy.typing as npt

from tui.gateway.agreement import Agreement
from tui.gateway.endpointing import FRAME, Ended, Endpointer, Endpointing, Paused, Started
from tui.gateway.metrics import Metrics
from tui.gateway.pcm import RATE, Tape
from tui.gateway.recogniser import Clip, Heard, HeardWord
from tui.gateway.scheduler import Scheduler, Wish
from tui.gateway.vad import VoiceDetector
from tui.stream.protocol import Silence, SpeechStarted, WireTurn, WireWord

FIRST_PARTIAL = RATE * 4 // 10
"""Samples of speech before it is worth hearing; a word is hardly shorter."""
PARTIAL_EVERY = RATE * 45 // 100
"""Samples between two hearings of an open turn, if the machine keeps up."""
LONGEST_PARTIAL = RATE * 12
"""Samples of an open turn that are heard again; settled words before them are left as they are."""
KEPT_PARTIAL = RATE * 5
"""Samples that stay to be heard again when settled words are left."""
LEAD = RATE * 5
"""Samples before a turn that are heard with it. On read speech a turn alone has twice the errors of a batch decode of
all turns, with 3 s before it a few more, with 5 s none more, and the text of the turn before would hand errors on."""
SILENCE_EVERY = RATE
LONGEST_BACKLOG = RATE * 310
"""Samples of finished turns that may wait; a client that sends more waits too."""
SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")

Told = SpeechStarted | WireTurn | Silence


class OpenTurn:
    """A turn that somebody is speaking."""

    def __init__(self, start: int, speech: int) -> None:
        self.start = start
        self.base = start
        """Position from which it is heard again."""
        self.kept: tuple[WireWord, ...] = ()
        """Settled words from before `base`."""
        self.agreement = Agreement()
        self.due = speech + FIRST_PARTIAL
        """Position from which it is worth hearing again."""
        self.order: int | None = None
        """Its number, given when something is first told of it."""


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
        self.language = "en"
        """Code of the language spoken; empty lets the model tell."""
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
    def position(self) -> int:
        """Samples taken so far."""
        return self._tape.end

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
        lead = self._lead(ended)
        clip = Clip(self._tape.read(ended.start - lead, ended.end), True, self.language, self.hints, lead=lead)
        decided = self._clock()
        take = partial(self._tell_final, turn, ended, decided)
        self._scheduler.hear(self, Wish(lambda: clip, take, self._fail))
        self._last = ended

    def _lead(self, turn: Ended) -> int:
        """Return how many samples before a turn help to hear it: the end of the turn before, unless it runs on."""
        if self._last is None or self._last.continues or turn.start - self._last.end > LEAD:
            return 0
        return min(LEAD, turn.start - self._tape.start)

    def _fail(self, error: Exception) -> None:
        self.failure = error

    def _ask_partial(self) -> None:
        turn = self._turn
        if turn is None or self._tape.end < turn.due:
            return
        turn.due = self._tape.end + PARTIAL_EVERY
        end = 0

        def newest() -> Clip | None:
            nonlocal end
            if self._turn is not turn:
                return None
            end = self._tape.end
            turn.due = end + PARTIAL_EVERY
            self._shorten(turn)
            samples = self._tape.read(turn.base, end)
            return Clip(samples, False, self.language, self.hints, turn.agreement.tokens)

        self._scheduler.peek(self, Wish(newest, lambda heard: self._tell_partial(turn, end, heard), self._fail))

    def _shorten(self, turn: OpenTurn) -> None:
        """Leave settled words behind when an open turn grows long, so that hearing it again stays cheap."""
        if self._tape.end - turn.base < LONGEST_PARTIAL:
            return
        settled = turn.agreement.words[: turn.agreement.settled]
        latest_s = (self._tape.end - turn.base - KEPT_PARTIAL) / RATE
        count = sum(1 for word in settled if word.end_s <= latest_s)
        if count:
            gone = turn.agreement.cut(count)
            turn.kept += tuple(_wire(word, turn.base, settled=True) for word in gone)
            turn.base += int(gone[-1].end_s * RATE)

    def _tell_partial(self, turn: OpenTurn, end: int, heard: Heard) -> None:
        if self._turn is not turn:
            return
        turn.agreement.hear(heard.words)
        words = (*turn.kept, *_wires(turn.agreement, turn.base))
        if end >= self._endpointer.speech_end:
            self._endpointer.complete = bool(words) and words[-1].text.endswith(SENTENCE_ENDS)
        if words and self.partials:
            self._tell(self._message(turn, words, self._endpointer.confidence, final=False, language=heard.language))
            self._metrics.count("partials_total")

    def _tell_final(self, turn: OpenTurn, ended: Ended, decided: float, heard: Heard) -> None:
        words = _bounded([_wire(word, ended.start, settled=True) for word in heard.words], ended)
        if words or turn.order is not None:
            self._tell(self._message(turn, words, 1.0, final=True, language=heard.language))
            self._metrics.count("turns_total")
            self._metrics.count("final_seconds_sum", self._clock() - decided)
        self.backlog -= ended.end - ended.start
        self._eased.set()

    def _message(
        self, turn: OpenTurn, words: tuple[WireWord, ...], confidence: float, *, final: bool, language: str
    ) -> WireTurn:
        if turn.order is None:
            turn.order = self._orders
            self._orders += 1
        text = " ".join(word.text for word in words)
        return WireTurn(
            turn_order=turn.order,
            transcript=text,
            end_of_turn=final,
            turn_is_formatted=final,
            end_of_turn_confidence=round(confidence, 3),
            words=words,
            utterance=text if final else None,
            language_code=language,
        )

    def _tell_silence(self) -> None:
        if self._turn is not None:
            return
        if self.silences and self._tape.end - self._silent_from >= SILENCE_EVERY:
            self._tell(Silence(self._silent_from * 1000 // RATE, self._tape.end * 1000 // RATE))
            self._silent_from = self._tape.end


def _wires(agreement: Agreement, base: int) -> list[WireWord]:
    return [_wire(word, base, settled=at < agreement.settled) for at, word in enumerate(agreement.words)]


def _wire(word: HeardWord, base: int, *, settled: bool) -> WireWord:
    """Return a word as it is told; `base` is the clip's first sample."""
    return WireWord(
        text=word.text,
        start=base * 1000 // RATE + round(word.start_s * 1000),
        end=base * 1000 // RATE + round(word.end_s * 1000),
        confidence=round(word.confidence, 3),
        word_is_final=settled,
    )


def _bounded(words: list[WireWord], turn: Ended) -> tuple[WireWord, ...]:
    """Return a turn's words between the beginning and the end of its speech, which the detector knows better.

    A client that comes back goes on from the last word's end: a word that seems to end early would be heard twice.
    """
    if not words:
        return ()
    begin, end = turn.speech * 1000 // RATE, turn.speech_end * 1000 // RATE
    words[0] = msgspec.structs.replace(words[0], start=min(max(words[0].start, begin), words[0].end))
    words[-1] = msgspec.structs.replace(words[-1], end=max(end, words[-1].start))
    return tuple(words)
