"""The turns of one connection: where they end, their partials and their final texts.

Everything but the partials is decided in audio time. The same audio therefore gives the same turns and words at any
pace and load: a decision that rests on a decode waits for it, and the audio behind it waits meanwhile.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tui.gateway.endpointing import FRAME, Ended, Endpointer, Event, Paused, Resumed, Started
from tui.gateway.final_decoding import FinalText
from tui.gateway.final_requests import CONTEXT, FinalRequests, report_decoding
from tui.gateway.metrics import Metrics
from tui.gateway.open_turn import OpenTurn
from tui.gateway.pcm import RATE, SampleWindow
from tui.gateway.recogniser import Clip, RecognisedWord, Transcription
from tui.gateway.scheduler import FinalJob, PartialJob, Scheduler, Work
from tui.gateway.silence import SilenceReports
from tui.gateway.turn_model import TurnModel, completeness, sounds_finished
from tui.gateway.turn_publisher import TurnMessage, TurnPublisher
from tui.gateway.turn_settings import Force, Queued, TurnSettings
from tui.gateway.vad import VoiceDetector

if TYPE_CHECKING:
    # Without speaker labels, nothing of them is imported.
    from tui.gateway.speaker_labels import SpeakerLabels, VoiceChange
    from tui.gateway.turn_voices import TurnVoices

PARTIAL_INTERVAL = RATE * 55 // 100
"""Samples between two partials of a turn, if the machine keeps up."""
MAX_PIECE = RATE * 12
"""Samples of speech without a pause after which a piece of the final text is decoded."""
MIN_PIECE = RATE * 9
"""Samples at a pause from which a part of them becomes final."""
SPLIT_AFTER = RATE * 12
"""Samples of finished pieces after which a turn is split; with what is not yet final it has at most 24 s."""
NEVER = sys.maxsize
"""Position of a partial that is not due."""
MAX_BACKLOG = RATE * 310
"""Most samples that may wait for a decision; beyond that the session stops receiving."""


class TurnRecogniser:
    """Detects and transcribes the turns of one connection.

    Args:
        scheduler: runs the recogniser.
        detector: detects speech.
        settings: may be changed by `configure`.
        send: takes the messages for the client, in order.
        metrics: takes the counts.
        turn_model: judges whether a turn is complete; `None` to go by the punctuation of its text.
        labels: labels the speakers; `None` for no labels.
        clock: returns seconds.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        detector: VoiceDetector,
        settings: TurnSettings,
        send: Callable[[TurnMessage], None],
        metrics: Metrics,
        turn_model: TurnModel | None = None,
        labels: "SpeakerLabels | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_speech_probability = 0.0
        """Highest speech probability since it was last set to 0."""
        self.failure: Exception | None = None
        """Error of the recogniser; `None` while it works."""
        self._scheduler = scheduler
        self._detector = detector
        self._settings = settings
        self._endpointer = Endpointer(settings.endpointing)
        self._publisher = TurnPublisher(send, metrics, settings, labels)
        self._metrics = metrics
        self._labels = labels
        self._clock = clock
        self._audio = SampleWindow()
        self._finals = FinalRequests(self._audio)
        self._turn_model = turn_model
        self._framed = 0
        self._queue: deque[Queued] = deque()
        self._arrived_at = 0.0
        self._turn: OpenTurn | None = None
        self._decoding = False
        self._ending: Ended | None = None
        self._drained = asyncio.Event()
        self._silence = SilenceReports()
        self._closed = False

    @property
    def backlog(self) -> int:
        """Samples that wait for a decision or for their final text."""
        frames = sum(1 for queued in self._queue if isinstance(queued.item, float))
        return frames * FRAME + (self._ending.end - self._ending.start if self._ending else 0)

    @property
    def in_turn(self) -> bool:
        """Whether a turn is open, or may be after a decision that waits."""
        return self._turn is not None or self._ending is not None or bool(self._queue)

    @property
    def processed_until(self) -> int:
        """Position up to which all decisions are made and all finals are done."""
        return self._audio.end - self.backlog

    def configure(self, settings: TurnSettings) -> None:
        """Change the settings from the next sample on."""
        self._enqueue(settings)

    def feed(self, samples: npt.NDArray[np.int16]) -> None:
        """Process the next samples."""
        self._audio.append(samples)
        count = (self._audio.end - self._framed) // FRAME
        frames = self._audio.read(self._framed, self._framed + count * FRAME).reshape(count, FRAME)
        self._framed += count * FRAME
        for probability in self._detector.probabilities(frames):
            self.max_speech_probability = max(self.max_speech_probability, probability)
            self._queue.append(Queued(probability, self._clock()))
        self._advance()

    def force_endpoint(self) -> None:
        """End the open turn at the last sample."""
        self._enqueue(Force())

    async def wait_for_capacity(self) -> None:
        """Wait until the backlog is below its limit."""
        await self._until_backlog_is(MAX_BACKLOG)

    async def finish(self) -> None:
        """End the open turn and wait until all finals are sent."""
        self.force_endpoint()
        await self._until_backlog_is(0)
        self._publisher.revise(self._endpointer.position, last=True)

    def close(self) -> None:
        """Drop waiting jobs and send no more messages; the result of a running job is ignored."""
        self._scheduler.cancel(self)
        self._closed = True
        self._publisher.close()
        self._queue.clear()

    async def _until_backlog_is(self, most: int) -> None:
        while self.backlog > most or (self._queue and not most):
            self._drained.clear()
            await self._drained.wait()

    def _enqueue(self, item: TurnSettings | Force) -> None:
        self._queue.append(Queued(item, self._clock()))
        self._advance()

    def _advance(self) -> None:
        """Process what is queued, up to the first item that has to wait for a decode."""
        while self._queue and not self._has_to_wait(self._queue[0].item):
            queued = self._queue.popleft()
            self._arrived_at = queued.arrived_at
            match queued.item:
                case float():
                    self._feed_frame(queued.item)
                case TurnSettings():
                    self._settings = self._publisher.settings = queued.item
                    self._endpointer.settings = queued.item.endpointing
                case Force():
                    ended = self._endpointer.force()
                    if ended:
                        self._end(ended)
        self._audio.drop(min(self._endpointer.needed, self._endpointer.position) - CONTEXT)
        self._request_partial()
        self._drained.set()

    def _has_to_wait(self, item: float | TurnSettings | Force) -> bool:
        """Return whether an item depends on a decode that is not done. A pause goes on while it is decoded."""
        labelling = self._labels is not None and self._labels.busy
        if labelling or not self._decoding:
            return labelling
        return not (
            isinstance(item, float) and self._endpointer.undecided and not self._endpointer.depends_on_decision(item)
        )

    def _feed_frame(self, probability: float) -> None:
        position = self._endpointer.position
        if self._endpointer.is_speech(probability):
            self._finals.add_speech(position, position + FRAME)
            if self._turn is not None:
                self._publisher.silence(self._silence.end(position, position + FRAME))
                if self._labels:
                    self._labels.add_speech(position, position + FRAME)
        for event in self._endpointer.feed(probability):
            self._handle_event(event)
        self._publisher.silence(self._silence.advance(self._endpointer.position))
        turn, position = self._turn, self._endpointer.position
        idle = not self._decoding and not self._endpointer.paused
        if turn and idle and self._labels and self._labels.is_due(position):
            self._labels.check(self._audio, position, partial(self._voices_checked, turn))
        elif turn and idle and position - turn.done_until >= MAX_PIECE:
            self._decode(turn, position, self._piece_decoded, in_speech=True)

    def _handle_event(self, event: Event) -> None:
        match event:
            case Started(start=start, speech=speech, probability=probability):
                self._turn = OpenTurn(start, speech, probability)
                self._publisher.silence(self._silence.end(speech, self._endpointer.position))
                if self._labels:
                    self._labels.start(speech, self._endpointer.position)
            case Paused():
                assert self._turn is not None
                self._turn.due = min(self._turn.due, self._endpointer.position)
                self._check_pause(self._turn, self._endpointer.position, last=event.last)
            case Resumed():
                assert self._turn is not None
                self._turn.rest = None
                self._split_if_long(self._turn)
            case Ended():
                self._end(event)

    def _decode(
        self,
        turn: OpenTurn,
        end: int,
        on_result: Callable[[OpenTurn, int, FinalText], None],
        *,
        in_speech: bool = False,
    ) -> None:
        """Decode the final text of a turn from where it is done to a position."""
        work = self._finals.work(turn, end, self._settings.languages, self._settings.prompt, in_speech=in_speech)
        self._submit(work, partial(self._decoded, turn, end, on_result))

    def _submit(self, work: Work, on_result: Callable[[Any], None]) -> None:
        """Run work on which decisions rest."""
        self._decoding = True
        self._scheduler.submit_final(self, FinalJob(lambda: None if self._closed else work, on_result, self._fail))

    def _decoded(
        self, turn: OpenTurn, end: int, on_result: Callable[[OpenTurn, int, FinalText], None], text: FinalText
    ) -> None:
        self._decoding = False
        report_decoding(self._metrics, text)
        if text.words:
            turn.final_language = text.language
            turn.note_language_confidence(text.language_confidence)
        on_result(turn, end, text)
        self._advance()

    def _check_pause(self, turn: OpenTurn, end: int, *, last: bool) -> None:
        """Decode a pause; with a turn model, only once the speaker sounds finished or the pause lasts."""
        if self._turn_model and not last:
            self._submit(self._finals.judgement(self._turn_model, turn, end), partial(self._judged, turn, end))
        else:
            self._decode(turn, end, self._pause_decoded)

    def _judged(self, turn: OpenTurn, end: int, finished: float) -> None:
        self._decoding = False
        turn.finished = finished
        if sounds_finished(finished):
            self._decode(turn, end, self._pause_decoded)
        else:
            self._endpointer.recheck()
            self._advance()

    def _piece_decoded(self, turn: OpenTurn, end: int, text: FinalText) -> None:
        self._finish_piece(turn, end, text.words)
        self._split_if_long(turn)

    def _pause_decoded(self, turn: OpenTurn, end: int, text: FinalText) -> None:
        turn.rest = turn.previous = text.words
        self._endpointer.decide(completeness(turn.is_sentence, turn.finished))
        if end - turn.done_until >= MIN_PIECE:
            self._finish_piece(turn, end, text.words)

    def _finish_piece(self, turn: OpenTurn, end: int, words: tuple[RecognisedWord, ...]) -> None:
        self._finals.remember(turn.finish_piece(words, self._finals.speech, end))

    def _split_if_long(self, turn: OpenTurn) -> None:
        """End a turn at the end of its finished pieces if they are long; what follows is the next turn."""
        if turn.done_until - turn.start >= SPLIT_AFTER:
            self._split(turn, self._labels.split(turn.done_until) if self._labels else None)

    def _split(self, turn: OpenTurn, voices: "TurnVoices | None") -> None:
        """End a turn where its final text is done; what follows is the next turn."""
        ended = self._endpointer.split(turn.done_until)
        turn.rest = None
        self._turn = OpenTurn(ended.end, ended.end)
        self._turn.previous = turn.previous
        self._publish_final(turn, ended, voices)

    def _voices_checked(self, turn: OpenTurn, change: "VoiceChange | None") -> None:
        if change is None:
            self._advance()
        elif not self._closed:
            self._decode(turn, self._endpointer.position, partial(self._change_decoded, change), in_speech=True)

    def _change_decoded(self, change: "VoiceChange", turn: OpenTurn, end: int, text: FinalText) -> None:
        """End a turn where somebody else begins to speak."""
        self._finals.remember(turn.finish_at(text.words, self._finals.speech, change.position))
        if turn.done:
            self._split(turn, change.voices)

    def _end(self, ended: Ended) -> None:
        assert self._turn is not None
        turn, self._turn = self._turn, None
        if turn.rest is None:
            self._ending = ended
            self._decode(turn, ended.end, partial(self._end_decoded, ended))
        else:
            self._finals.remember(turn.rest)
            self._conclude(turn, ended)

    def _end_decoded(self, ended: Ended, turn: OpenTurn, end: int, text: FinalText) -> None:
        turn.rest = text.words
        self._ending = None
        self._finals.remember(turn.rest)
        self._conclude(turn, ended)

    def _conclude(self, turn: OpenTurn, ended: Ended) -> None:
        """Publish a turn that has ended, once it is known who speaks."""
        if self._labels is None:
            self._publish_final(turn, ended, None)
        else:
            self._ending = ended
            on_result = partial(self._voices_finished, self._labels, turn, ended)
            self._labels.finish(self._audio, self._endpointer.position, on_result)

    def _voices_finished(
        self, labels: "SpeakerLabels", turn: OpenTurn, ended: Ended, changes: "tuple[VoiceChange, ...]"
    ) -> None:
        """Publish a turn that has ended, as one turn for each voice."""
        self._ending = None
        for change in changes:
            rest = turn.split_at(self._finals.speech, change.position)
            first, ended = ended.split(rest.start)
            self._publish_final(turn, first, change.voices)
            turn = rest
        self._publish_final(turn, ended, labels.voices)
        self._advance()

    def _publish_final(self, turn: OpenTurn, ended: Ended, voices: "TurnVoices | None") -> None:
        seconds = self._clock() - self._arrived_at
        self._publisher.final(turn, ended, voices, self._endpointer.position, seconds)

    def _fail(self, error: Exception) -> None:
        self.failure = error

    def _request_partial(self) -> None:
        turn = self._turn
        if self._closed or turn is None or self._endpointer.position < turn.due or not self._settings.partials:
            return
        if self._endpointer.pausing:
            # The pause is decoded next; a partial would delay that.
            return
        turn.due = self._endpointer.position + PARTIAL_INTERVAL

        def newest() -> Clip | None:
            if self._turn is not turn:
                return None
            end = self._endpointer.position
            turn.due = end + PARTIAL_INTERVAL if self._settings.continuous_partials else NEVER
            return turn.partial_clip(self._audio, end, self._settings)

        self._scheduler.submit_partial(self, PartialJob(newest, partial(self._partial_decoded, turn), self._fail))

    def _partial_decoded(self, turn: OpenTurn, transcription: Transcription) -> None:
        if self._turn is turn:
            sent = self._publisher.partial(turn, transcription, self._endpointer.confidence)
            if not sent:
                turn.due = min(turn.due, self._endpointer.position + PARTIAL_INTERVAL)
