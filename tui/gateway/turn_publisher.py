"""The messages of one connection's turns: their numbers, partials, finals and labels, and the counts of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.gateway.endpointing import Ended
from tui.gateway.metrics import Metrics
from tui.gateway.open_turn import OpenTurn
from tui.gateway.recogniser import Transcription
from tui.gateway.turn_settings import TurnSettings
from tui.stream.messages import Silence, SpeakerRecognised, SpeakerRevision, SpeechStarted, WireTurn

if TYPE_CHECKING:
    # Without speaker labels, nothing of them is imported.
    from tui.gateway.speaker_labels import SpeakerLabels
    from tui.gateway.turn_voices import TurnVoices

TurnMessage = SpeechStarted | WireTurn | Silence | SpeakerRevision | SpeakerRecognised


class TurnPublisher:
    """Sends the messages of one connection's turns.

    Args:
        send: takes them, in order.
        metrics: takes the counts.
        settings: how the client wants its turns.
        labels: labels the speakers; `None` for no labels.
    """

    def __init__(
        self,
        send: Callable[[TurnMessage], None],
        metrics: Metrics,
        settings: TurnSettings,
        labels: "SpeakerLabels | None",
    ) -> None:
        self.settings = settings
        """May be replaced at any time."""
        self._send = send
        self._metrics = metrics
        self._labels = labels
        self._next_order = 0
        self._closed = False

    def close(self) -> None:
        """Send no more."""
        self._closed = True
        self._send = lambda message: None

    def partial(self, turn: OpenTurn, transcription: Transcription, confidence: float) -> bool:
        """Update an open turn by a decode and send its partial; return whether it has any words.

        Args:
            turn: the open turn.
            transcription: of its newest audio.
            confidence: that the turn ends here, 0 to 1.
        """
        turn.agreement.update(transcription.words)
        if turn.agreement.settled:
            turn.language = transcription.language
        turn.note_language_confidence(transcription.language_confidence)
        words = turn.partial_words
        if not words:
            return False
        self._start(turn)
        unformatted, speaker = self.settings.unformatted, self._labels.guess if self._labels else None
        language = transcription.language
        self._send(turn.message(words, confidence, language, final=False, unformatted=unformatted, speaker=speaker))
        self._metrics.count("partials_total")
        return True

    def final(self, turn: OpenTurn, ended: Ended, voices: "TurnVoices | None", position: int, seconds: float) -> None:
        """Send the final of a turn, unless it has no words and nothing was sent of it.

        Args:
            turn: with all its words.
            ended: its bounds.
            voices: of its speaker; `None` without labels.
            position: sample up to which the audio is processed.
            seconds: since the decision that it has ended.
        """
        words = turn.final_words(ended)
        if not words and turn.order is None:
            return
        order = self._start(turn)
        language = turn.final_language or turn.language or (self.settings.languages or ("en",))[0]
        speaker = self._labels.label(order, voices) if self._labels and voices else None
        unformatted = self.settings.unformatted
        message = turn.message(words, 1.0, language, final=True, unformatted=unformatted, speaker=speaker)
        self._send(message)
        if self._labels and (recognised := self._labels.remember(message)):
            self._send(recognised)
        self.revise(position)
        self._metrics.count("turns_total")
        self._metrics.count("settled_partials_changed_total", turn.contradicts(words, ended.end))
        self._metrics.count("final_seconds_sum", seconds)

    def revise(self, position: int, *, last: bool = False) -> None:
        """Send new labels of earlier turns, if there are some."""
        revision = self._labels.revise(position, last=last) if self._labels else None
        if revision and not self._closed:
            self._send(revision)

    def silence(self, silence: Silence | None) -> None:
        """Send a report of silence, if there is one and the client wants it."""
        if silence and self.settings.silence:
            self._send(silence)

    def _start(self, turn: OpenTurn) -> int:
        """Number a turn and report its start before its first message: speech without words never starts a turn."""
        if turn.order is None:
            turn.order = self._next_order
            self._next_order += 1
            self._send(turn.speech_started)
        return turn.order
