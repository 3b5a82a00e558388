"""The labels of one connection: who a turn's speaker is, what a revision corrects, and a model that fails."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit.test_speaker_clustering import voice
from tui.gateway.pcm import RATE, SampleWindow
from tui.gateway.speaker_features import FRAME, STEP
from tui.gateway.speaker_labels import MIN_REVISION_MS, SpeakerLabels, VoiceChange
from tui.gateway.speaker_profiles import SpeakerProfiles, unit
from tui.stream.messages import WireTurn, WireWord

Floats = npt.NDArray[np.float32]


class CodedModel:
    """Takes the amplitude of the samples, in hundredths, for the number of the voice."""

    unrelated = 0.0

    def features(self, samples: Floats) -> Floats:
        rows = range((len(samples) - FRAME) // STEP + 1)
        return np.stack([voice(round(float(samples[row * STEP + FRAME // 2]) * 100)) for row in rows])

    def embed(self, windows: Sequence[Floats]) -> Floats:
        return np.stack([unit(window.mean(axis=0)) for window in windows])


class BrokenModel(CodedModel):
    def embed(self, windows: Sequence[Floats]) -> Floats:
        raise RuntimeError("no memory")


class Inline:
    """Runs the model at once."""

    def submit(self, work: Callable[[], Any], on_done: Callable[[Any, BaseException | None], None]) -> None:
        try:
            result = work()
        except RuntimeError as error:
            on_done(None, error)
        else:
            on_done(result, None)


class Connection:
    """A connection with turns of coded voices."""

    def __init__(self, model: CodedModel | None = None, interval_ms: int | None = None) -> None:
        chosen = model or CodedModel()
        self.labels = SpeakerLabels(chosen, Inline(), SpeakerProfiles(0.0), revision_interval_ms=interval_ms)
        self.audio = SampleWindow()
        self.orders = 0

    def say(self, *stretches: tuple[int, float]) -> list[str | None]:
        """Say a turn in which voices speak for some seconds each; return the labels of the turns that come of it."""
        start = self.audio.end
        for number, seconds in stretches:
            self.audio.append(np.full(int(seconds * RATE), number * 328, np.int16))
        end = self.audio.end
        self.audio.append(np.zeros(RATE, np.int16))
        self.labels.start(start, start)
        changes: list[VoiceChange] = []
        for position in range(start, end, 1600):
            self.labels.add_speech(position, min(end, position + 1600))
            if self.labels.is_due(position + 1600):
                self.labels.check(self.audio, position + 1600, lambda found: changes.extend([found] if found else []))
        self.labels.finish(self.audio, self.audio.end, changes.extend)
        return [self.label(found.voices) for found in changes] + [self.label(self.labels.voices)]

    def label(self, voices: Any) -> str | None:
        label = self.labels.label(self.orders, voices)
        words = (WireWord("word", 0, 100, speaker=label),)
        self.labels.remember(WireTurn(self.orders, "word", True, True, 1.0, words, speaker_label=label))
        self.orders += 1
        return label


def test_a_turn_of_two_voices_becomes_two_with_their_labels() -> None:
    connection = Connection()
    assert connection.say((1, 4.0)) == ["A"]
    assert connection.say((1, 4.0), (2, 4.0), (1, 4.0)) == ["A", "B", "A"]
    assert connection.say((3, 3.0)) == ["C"]


def test_the_end_of_the_session_labels_what_was_too_short_to_label() -> None:
    connection = Connection()
    assert connection.say((1, 0.8)) == [None]
    assert connection.say((1, 4.0)) == ["A"]
    assert connection.labels.revise(connection.audio.end) is None, "the time for it has not come"
    revision = connection.labels.revise(connection.audio.end, last=True)
    assert revision is not None
    [item] = revision.revisions
    assert (item.turn_order, item.speaker_label, [word.speaker for word in item.words]) == (0, "A", ["A"])
    assert connection.labels.revise(connection.audio.end, last=True) is None


@pytest.mark.parametrize(
    ("interval_ms", "after_ms"), [(None, MIN_REVISION_MS), (5000, MIN_REVISION_MS), (200_000, 200_000)]
)
def test_labels_are_revised_in_mid_session_at_the_clients_interval(interval_ms: int | None, after_ms: int) -> None:
    connection = Connection(interval_ms=interval_ms)
    connection.say((1, 0.8))
    connection.say((1, 4.0))
    assert connection.labels.revise(after_ms * RATE // 1000 - 1) is None
    assert connection.labels.revise(after_ms * RATE // 1000) is not None


def test_an_interval_of_zero_revises_only_at_the_end() -> None:
    connection = Connection(interval_ms=0)
    connection.say((1, 0.8))
    connection.say((1, 4.0))
    assert connection.labels.revise(10_000 * RATE) is None
    assert connection.labels.revise(10_000 * RATE, last=True) is not None


def test_a_model_that_fails_ends_the_labels_and_not_the_session() -> None:
    connection = Connection(BrokenModel())
    assert connection.say((1, 4.0)) == [None]
    assert not connection.labels.busy
    assert connection.say((2, 4.0)) == [None]
