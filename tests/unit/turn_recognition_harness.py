"""A turn recogniser on coded speech, and a record of its messages."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tests.coded_speech import CodedDetector, CodedRecogniser, ManualScheduler, Spoken, read, speak
from tui.gateway.metrics import Metrics
from tui.gateway.scheduler import Scheduler
from tui.gateway.turn_model import TurnModel
from tui.gateway.turn_recognition import TurnRecogniser
from tui.gateway.turn_settings import TurnSettings
from tui.gateway.vad import VoiceDetector
from tui.stream.messages import WireTurn

END_MS = 2000
"""Silence that ends any turn."""


class Session:
    """A turn recogniser and its messages."""

    def __init__(
        self,
        recogniser: CodedRecogniser | None = None,
        turn_settings: TurnSettings = TurnSettings(),  # noqa: B008
        turn_model: TurnModel | None = None,
    ) -> None:
        self.messages: list[Any] = []
        self.scheduler = ManualScheduler(recogniser)
        self.metrics = Metrics()
        self.turn_recogniser = TurnRecogniser(
            cast(Scheduler, self.scheduler),
            cast(VoiceDetector, CodedDetector()),
            turn_settings,
            self.messages.append,
            self.metrics,
            turn_model,
        )

    def feed(self, samples: npt.NDArray[np.int16], chunk: int = 512, after: Callable[[], None] = lambda: None) -> None:
        """Send samples in chunks; call `after` after each."""
        for start in range(0, len(samples), chunk):
            self.turn_recogniser.feed(samples[start : start + chunk])
            after()

    def say(self, *words: Spoken) -> None:
        """Send words, with all finals done at once."""
        self.feed(speak(words), after=self.scheduler.run_finals)

    @property
    def turns(self) -> list[WireTurn]:
        return [message for message in self.messages if isinstance(message, WireTurn)]

    @property
    def finals(self) -> list[str]:
        return [turn.transcript for turn in self.turns if turn.end_of_turn]

    @property
    def partials(self) -> list[str]:
        return [turn.transcript for turn in self.turns if not turn.end_of_turn]


def sentence(*numbers: int, pause_ms: int = END_MS) -> list[Spoken]:
    """Return words with a pause after the last."""
    return [Spoken(number) for number in numbers[:-1]] + [Spoken(numbers[-1], pause_ms)]


class CodedTurnModel:
    """Some words sound finished."""

    def probability(self, samples: npt.NDArray[np.float32]) -> float:
        return float(any(word.text.startswith(("w3", "w5", "w7")) for word in read(samples)[-1:]))
