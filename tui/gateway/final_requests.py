"""What the final texts of one connection are decoded from: its speech, its words so far and its audio."""

import logging
from collections.abc import Callable, Sequence

from tui.gateway.coverage import Span
from tui.gateway.final_decoding import FinalRequest, FinalText, decode_final
from tui.gateway.metrics import Metrics
from tui.gateway.open_turn import TAIL_S, OpenTurn
from tui.gateway.pcm import RATE, SampleWindow
from tui.gateway.recogniser import RecognisedWord, Recogniser
from tui.gateway.turn_model import TurnModel

CONTEXT = RATE * 10
"""Most samples before a stretch that are decoded with it. With 16 s, a final takes 0.1 s longer and its words are
hardly better; with 7 s, they are worse."""
MAX_CLIP = RATE * 30
"""Most samples that a recogniser takes at once."""
LEAD = RATE
"""Samples before speech after a long silence that are decoded with it: the detector may miss a first word."""
EARLIER_WORDS = 40
"""Words before the context that the recogniser gets as text."""
HISTORY_WORDS = 160
"""Final words that are kept: those of the context, at five words a second, and those before it."""
TURN_MODEL_WINDOW = RATE * 8
"""Samples that the end-of-turn model gets at most."""

log = logging.getLogger(__name__)


class FinalRequests:
    """Prepares the decodes of one connection.

    Args:
        audio: of the connection.
    """

    def __init__(self, audio: SampleWindow) -> None:
        self._audio = audio
        self._history: tuple[RecognisedWord, ...] = ()
        self.speech: list[Span] = []
        """Where the detector found speech, in seconds."""

    def add_speech(self, start: int, end: int) -> None:
        """Note that a frame is speech; forget speech that is no longer kept as audio."""
        start_s, end_s = start / RATE, end / RATE
        if self.speech and self.speech[-1][1] == start_s:
            self.speech[-1] = (self.speech[-1][0], end_s)
        else:
            self.speech.append((start_s, end_s))
        while self.speech[0][1] < self._audio.start / RATE:
            del self.speech[0]

    def remember(self, words: Sequence[RecognisedWord]) -> None:
        """Keep the newest final words for the next stretch."""
        self._history = (*self._history, *words)[-HISTORY_WORDS:]

    def work(
        self,
        turn: OpenTurn,
        end: int,
        languages: tuple[str, ...],
        prompt: str,
        *,
        in_speech: bool = False,
    ) -> Callable[[Recogniser], FinalText]:
        """Return the decode of a turn from where its final text is done.

        Args:
            turn: whose text it is.
            end: sample after the stretch.
            languages: that may be spoken.
            prompt: as `Clip.prompt`.
            in_speech: whether speech continues; its last seconds are decoded again later and need no words yet.
        """
        context = min(CONTEXT, max(0, MAX_CLIP - (end - turn.done_until)))
        start = max(self._audio.start, turn.done_until - context)
        before = tuple(word for word in self._history if word.end_s > start / RATE)
        earlier = self._history[: len(self._history) - len(before)][-EARLIER_WORDS:]
        base = turn.done_until
        if not before:
            start = base = min(base, max(self._audio.start, end - MAX_CLIP, base - LEAD))
        base_s, end_s = base / RATE, end / RATE
        request = FinalRequest(
            samples=self._audio.read(start, end),
            start_s=start / RATE,
            base_s=base_s,
            speech=_clipped(self.speech, (base_s, end_s - TAIL_S if in_speech else end_s)),
            before=before,
            previous=turn.previous,
            # Text in one language would bias the detection of another.
            earlier=" ".join(word.text for word in earlier) if len(languages) == 1 else "",
            languages=(turn.final_language,) if turn.done and turn.final_language else languages,
            prompt=prompt,
        )
        return lambda recogniser: decode_final(recogniser, request)

    def judgement(self, model: TurnModel, turn: OpenTurn, end: int) -> Callable[[Recogniser], float]:
        """Return the question to the turn model how likely the speaker of a turn has finished at a sample."""
        recent = self._audio.read(max(turn.start, end - TURN_MODEL_WINDOW), end)
        return lambda _: model.probability(recent)


def report_decoding(metrics: Metrics, text: FinalText) -> None:
    """Count and log what was decoded again, rejected, or left without words."""
    metrics.count("finals_decoded_again_total", text.decoded_again)
    for reason in text.rejected:
        metrics.count("decodes_rejected_total", label=f'reason="{reason}"')
        log.warning("The speech model's output was discarded: %s.", reason)
    for start_s, end_s in text.uncovered:
        metrics.count("speech_without_words_seconds_total", end_s - start_s)
        log.warning("No words were found for the speech from %.1f s to %.1f s.", start_s, end_s)


def _clipped(spans: Sequence[Span], bounds: Span) -> tuple[Span, ...]:
    """Return the parts of spans inside bounds."""
    return tuple(
        (max(start, bounds[0]), min(end, bounds[1])) for start, end in spans if start < bounds[1] and end > bounds[0]
    )
