"""The turns of one connection: partials of the open turn, one careful decode of a finished one."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from tui.gateway.endpointing import FRAME, Ended, Endpointer, Endpointing, Paused, Started
from tui.gateway.hallucination import SENTENCE_ENDS
from tui.gateway.metrics import Metrics
from tui.gateway.open_turn import OpenTurn, SpeculativeFinal, final_words
from tui.gateway.pcm import RATE, SampleWindow
from tui.gateway.recogniser import Clip, Transcription
from tui.gateway.scheduler import Job, Scheduler
from tui.gateway.vad import VoiceDetector
from tui.stream.messages import Silence, SpeechStarted, WireTurn

PARTIAL_INTERVAL = RATE * 55 // 100
"""Samples between two partials of a turn, if the machine keeps up."""
CONTEXT = RATE * 5
"""Samples before a turn that are decoded with it. On read speech a turn alone has twice the errors of a batch decode,
with 3 s of context a few more, with 5 s none more; the previous turn's text as a prompt would pass on its errors."""
SILENCE_INTERVAL = RATE
MAX_BACKLOG = RATE * 310
"""Most samples that may wait for their final text; beyond that the session stops receiving."""

TurnMessage = SpeechStarted | WireTurn | Silence


class TurnRecogniser:
    """Detects and transcribes the turns of one connection.

    Args:
        scheduler: runs the recogniser.
        detector: detects speech.
        endpointing: settings of turn detection.
        send: takes the messages for the client, in order.
        metrics: takes the counts.
        clock: returns seconds.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        detector: VoiceDetector,
        endpointing: Endpointing,
        send: Callable[[TurnMessage], None],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.languages: tuple[str, ...] = ("en",)
        """Codes of the languages that may be spoken; with several or none the model detects one."""
        self.unformatted = False
        """Whether turns are sent without capitals and punctuation."""
        self.prompt = ""
        """Text that biases the recogniser towards the client's words."""
        self.send_partials = True
        """Whether partials are sent."""
        self.send_silence = False
        """Whether stretches without speech are reported."""
        self.max_speech_probability = 0.0
        """Highest speech probability since it was last set to 0."""
        self.failure: Exception | None = None
        """Error of the recogniser; `None` while it works."""
        self._scheduler = scheduler
        self._detector = detector
        self._endpointer = Endpointer(endpointing)
        self._send = send
        self._metrics = metrics
        self._clock = clock
        self._audio = SampleWindow()
        self._framed = 0
        self._turn: OpenTurn | None = None
        self._next_order = 0
        self._last: Ended | None = None
        self.backlog = 0
        """Samples of finished turns that wait for their text."""
        self._drained = asyncio.Event()
        self._silent_from = 0

    @property
    def processed_until(self) -> int:
        """Position up to which all finals are done."""
        return self._audio.end - self.backlog

    @property
    def endpointing(self) -> Endpointing:
        """Settings of turn detection; may be set at any time."""
        return self._endpointer.settings

    @endpointing.setter
    def endpointing(self, settings: Endpointing) -> None:
        self._endpointer.settings = settings

    def feed(self, samples: npt.NDArray[np.int16]) -> None:
        """Process the next samples."""
        self._audio.append(samples)
        whole = (self._audio.end - self._framed) // FRAME
        frames = self._audio.read(self._framed, self._framed + whole * FRAME).reshape(whole, FRAME)
        self._framed += whole * FRAME
        for probability in self._detector.probabilities(frames):
            self.max_speech_probability = max(self.max_speech_probability, probability)
            for event in self._endpointer.feed(probability):
                self._handle_event(event)
        self._audio.drop(min(self._endpointer.needed, self._framed) - CONTEXT)
        self._request_partial()
        self._report_silence()

    def force_endpoint(self) -> None:
        """End the open turn now."""
        ended = self._endpointer.force()
        if ended:
            self._handle_event(ended)

    async def wait_for_capacity(self) -> None:
        """Wait until the backlog is below its limit."""
        await self._until_backlog_is(MAX_BACKLOG)

    async def finish(self) -> None:
        """End the open turn and wait until all finals are sent."""
        self.force_endpoint()
        await self._until_backlog_is(0)

    def close(self) -> None:
        """Drop waiting jobs and send no more messages; the result of a running job is ignored."""
        self._scheduler.cancel(self)
        self._send = _discard

    async def _until_backlog_is(self, most: int) -> None:
        while self.backlog > most:
            self._drained.clear()
            await self._drained.wait()

    def _handle_event(self, event: Started | Paused | Ended) -> None:
        match event:
            case Started(start=start, speech=speech, probability=probability):
                self._turn = OpenTurn(start, speech)
                self._send(SpeechStarted(speech * 1000 // RATE, round(probability, 3)))
            case Paused():
                if self._turn:
                    self._turn.due = min(self._turn.due, self._audio.end)
            case Ended():
                self._end(event)

    def _end(self, ended: Ended) -> None:
        assert self._turn is not None
        turn, self._turn = self._turn, OpenTurn(ended.end, ended.end) if ended.continues else None
        self._silent_from = ended.end
        self.backlog += ended.end - ended.start
        decided = self._clock()
        speculative = turn.speculative
        if speculative is None or speculative.speech_end != ended.speech_end or ended.continues:
            clip = self._final_clip(turn, ended.start, ended.end)
            self._scheduler.submit_final(
                self, Job(lambda: clip, partial(self._publish_final, turn, ended, decided), self._fail)
            )
        elif speculative.transcription is None:
            speculative.ended = (ended, decided)
        else:
            self._publish_final(turn, ended, decided, speculative.transcription)
        self._last = ended

    def _final_clip(self, turn: OpenTurn, start: int, end: int) -> Clip:
        """Return a turn's clip, with the audio before it as context if the previous turn ended shortly before."""
        context = 0
        if self._last is not None and not self._last.continues and start - self._last.end <= CONTEXT:
            context = min(CONTEXT, start - self._audio.start)
        partial_words = tuple(word.text for word in turn.words)
        samples = self._audio.read(start - context, end)
        return Clip(samples, True, self.languages, self.prompt, context=context, partial_words=partial_words)

    def _speculate(self, turn: OpenTurn) -> None:
        """Decode the open turn's final before its end is decided, while the recogniser is idle."""
        speculative = SpeculativeFinal(self._endpointer.speech_end)

        def whole() -> Clip | None:
            if self._turn is not turn or self._endpointer.speech_end != speculative.speech_end:
                return None
            turn.speculative = speculative
            padded = speculative.speech_end + self._endpointer.settings.padding_ms * RATE // 1000
            return self._final_clip(turn, turn.start, min(self._audio.end, padded))

        def take(transcription: Transcription) -> None:
            speculative.transcription = transcription
            if speculative.ended:
                self._publish_final(turn, *speculative.ended, transcription)

        self._scheduler.submit_partial(self, Job(whole, take, self._fail))

    def _fail(self, error: Exception) -> None:
        self.failure = error

    def _request_partial(self) -> None:
        turn = self._turn
        if turn is None or self._audio.end < turn.due or not (self.send_partials or self._endpointer.paused):
            return
        turn.due = self._audio.end + PARTIAL_INTERVAL
        end = 0

        def newest() -> Clip | None:
            nonlocal end
            if self._turn is not turn:
                return None
            end = self._audio.end
            turn.due = end + PARTIAL_INTERVAL
            turn.trim(end)
            samples = self._audio.read(turn.base, end)
            # A prefix fixes the language.
            languages = (turn.language,) if turn.language else self.languages
            return Clip(samples, False, languages, self.prompt, prefix_tokens=turn.agreement.tokens)

        self._scheduler.submit_partial(
            self, Job(newest, lambda transcription: self._publish_partial(turn, end, transcription), self._fail)
        )

    def _publish_partial(self, turn: OpenTurn, end: int, transcription: Transcription) -> None:
        if self._turn is not turn:
            return
        turn.agreement.update(transcription.words)
        if turn.agreement.settled:
            turn.language = transcription.language
        words = turn.words
        if words and self.send_partials:
            self._assign_order(turn)
            self._send(
                turn.message(
                    words,
                    self._endpointer.confidence,
                    transcription.language,
                    final=False,
                    unformatted=self.unformatted,
                )
            )
            self._metrics.count("partials_total")
        if end >= self._endpointer.speech_end:
            self._endpointer.complete = bool(words) and words[-1].text.endswith(SENTENCE_ENDS)
            if self._endpointer.paused and self._scheduler.idle:
                self._speculate(turn)

    def _publish_final(self, turn: OpenTurn, ended: Ended, decided: float, transcription: Transcription) -> None:
        words = final_words(transcription, ended)
        if words or turn.order is not None:
            self._assign_order(turn)
            self._send(turn.message(words, 1.0, transcription.language, final=True, unformatted=self.unformatted))
            self._metrics.count("turns_total")
            self._metrics.count("final_seconds_sum", self._clock() - decided)
        self.backlog -= ended.end - ended.start
        self._drained.set()

    def _assign_order(self, turn: OpenTurn) -> None:
        if turn.order is None:
            turn.order = self._next_order
            self._next_order += 1

    def _report_silence(self) -> None:
        if self._turn is not None:
            return
        if self.send_silence and self._audio.end - self._silent_from >= SILENCE_INTERVAL:
            self._send(Silence(self._silent_from * 1000 // RATE, self._audio.end * 1000 // RATE))
            self._silent_from = self._audio.end


def _discard(message: TurnMessage) -> None:
    """Ignore a message: the session is closed."""
