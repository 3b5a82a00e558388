"""Pauses: which of them end a turn, which are decoded, and which are reported."""

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from tests.coded_speech import CodedRecogniser, Spoken, speak
from tests.unit.turn_recognition_harness import Session, sentence
from tui.gateway.endpointing import BY_SOUND, Endpointing
from tui.gateway.recogniser import RATE, Clip, RecognisedWord
from tui.gateway.turn_settings import TurnSettings
from tui.stream.messages import Silence, SpeechStarted


@pytest.fixture
def session() -> Session:
    return Session()


def test_a_complete_sentence_ends_its_turn_after_the_short_silence(session: Session) -> None:
    session.say(*sentence(1, 2, 5, pause_ms=640))
    assert session.finals == ["w1 w2 w5."]


def test_an_incomplete_sentence_waits_for_the_long_silence(session: Session) -> None:
    session.say(*sentence(1, 2, 3, pause_ms=1200))
    assert session.finals == []
    session.feed(np.zeros(RATE // 2, np.int16), after=session.scheduler.run_finals)
    assert session.finals == ["w1 w2 w3"]


def test_the_final_is_sent_as_soon_as_its_end_is_decided(session: Session) -> None:
    session.feed(speak(sentence(1, 2, 5, pause_ms=320)))
    session.scheduler.run_finals()
    session.feed(np.zeros(RATE, np.int16))
    assert session.finals == ["w1 w2 w5."]


class ScriptedTurnModel:
    """A turn model that returns one probability after the other, then the last; keeps how many samples it got."""

    def __init__(self, *probabilities: float) -> None:
        self.probabilities = list(probabilities)
        self.asked: list[int] = []

    def probability(self, samples: npt.NDArray[np.float32]) -> float:
        self.asked.append(len(samples))
        return self.probabilities.pop(0) if len(self.probabilities) > 1 else self.probabilities[0]


@pytest.mark.parametrize(
    ("probability", "last_word", "pause_ms", "ended"),
    [
        (0.5, 5, 544, True),
        (0.5, 3, 896, False),
        (0.5, 3, 1024, True),
        (0.49, 5, 736, False),
        (0.49, 5, 864, True),
        (0.49, 3, 1200, False),
    ],
    ids=[
        "a sentence that sounds finished",
        "only sounds finished",
        "only sounds finished, for longer",
        "only a sentence",
        "only a sentence, for longer",
        "neither",
    ],
)
def test_the_turn_model_and_the_punctuation_decide_how_long_a_pause_ends_a_turn(
    probability: float, last_word: int, pause_ms: int, ended: bool
) -> None:
    session = Session(turn_settings=TurnSettings(BY_SOUND), turn_model=ScriptedTurnModel(probability))
    session.say(*sentence(1, 2, last_word, pause_ms=pause_ms))
    assert bool(session.finals) is ended


@pytest.mark.parametrize(
    ("probabilities", "ended"), [((0.1, 0.9), True), ((0.1, 0.1), False)], ids=["finished", "still not finished"]
)
def test_the_turn_model_is_asked_again_after_some_silence(probabilities: tuple[float, ...], ended: bool) -> None:
    # The words of coded speech are 64 ms apart.
    settings = TurnSettings(msgspec.structs.replace(BY_SOUND, checks_ms=(96, *BY_SOUND.checks_ms[1:])))
    session = Session(turn_settings=settings, turn_model=ScriptedTurnModel(*probabilities))
    session.say(*sentence(1, 2, 5, pause_ms=544))
    assert bool(session.finals) is ended


def test_the_turn_model_gets_the_turn_and_at_most_eight_seconds() -> None:
    model = ScriptedTurnModel(0.1)
    settings = TurnSettings(msgspec.structs.replace(BY_SOUND, checks_ms=(160, 320)))
    session = Session(turn_settings=settings, turn_model=model)
    session.say(*sentence(*range(1, 5), pause_ms=320), *sentence(*[1] * 30, pause_ms=320))
    assert 1.5 * RATE < model.asked[0] < 2.5 * RATE
    assert model.asked[-1] == 8 * RATE


@pytest.mark.parametrize(
    ("probability", "pause_ms", "decodes"),
    [(0.5, 128, 1), (0.49, 192, 0), (0.49, 384, 1)],
    ids=["sounds finished", "a short pause", "a long pause"],
)
def test_a_pause_is_decoded_once_the_speaker_sounds_finished_or_it_lasts(
    probability: float, pause_ms: int, decodes: int
) -> None:
    clips: list[Clip] = []

    def noted(clip: Clip, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
        clips.append(clip)
        return words

    # The words of coded speech are 64 ms apart.
    settings = TurnSettings(msgspec.structs.replace(BY_SOUND, checks_ms=(96, 192, 320)))
    session = Session(CodedRecogniser(noted), settings, ScriptedTurnModel(probability))
    session.say(*sentence(1, 2, 3, pause_ms=pause_ms), Spoken(4, 0))
    assert len(clips) == decodes


def test_speech_after_a_pause_waits_for_the_turn_model() -> None:
    session = Session(turn_settings=TurnSettings(BY_SOUND), turn_model=ScriptedTurnModel(0.1))
    session.feed(speak([*sentence(1, 2, 3, pause_ms=160), *sentence(4, 5)]))
    assert session.turn_recogniser.backlog > RATE
    session.scheduler.run_finals()
    session.feed(np.zeros(RATE, np.int16), after=session.scheduler.run_finals)
    assert session.finals == ["w1 w2 w3 w4 w5."]


def test_audio_behind_a_pause_waits_for_the_decision(session: Session) -> None:
    session.feed(speak([*sentence(1, 2, 5, pause_ms=800), *sentence(6, 7)]))
    assert [message for message in session.messages if isinstance(message, SpeechStarted)] == session.messages
    assert session.turn_recogniser.backlog > RATE
    session.scheduler.run_finals()
    assert session.finals == ["w1 w2 w5.", "w6 w7"]
    assert session.turn_recogniser.backlog == 0


def silences(*words: Spoken, wanted: bool = True) -> list[tuple[int, int]]:
    """Return the silences that are reported about words."""
    session = Session(turn_settings=TurnSettings(silence=wanted))
    session.say(*words)
    return [(found.start_ms, found.end_ms) for found in session.messages if isinstance(found, Silence)]


def test_a_pause_of_less_than_a_second_is_reported_when_it_ends() -> None:
    # A word has 288 ms; its pause begins 320 ms of silence and one word after the start.
    assert silences(Spoken(1, 900), Spoken(2)) == [(608, 1568)]
    assert silences(Spoken(1, 300), Spoken(2)) == []
    assert silences(Spoken(1, 900), Spoken(2), wanted=False) == []


def test_a_long_pause_is_reported_each_second_and_whole() -> None:
    found = silences(Spoken(1, 2700), Spoken(2))
    assert (found[0][0], found[-1][1]) == (608, 3360)
    assert [end for _, end in found[:-1]] == [start for start, _ in found[1:]]
    assert len(found) == 3


def test_a_change_of_settings_takes_effect_at_its_place_in_the_audio() -> None:
    session = Session()
    session.feed(speak(sentence(1, 2, 3, pause_ms=2000)))
    session.turn_recogniser.configure(TurnSettings(Endpointing(max_turn_silence_ms=320)))
    session.feed(speak(sentence(4, 6, pause_ms=400), before_ms=0))
    session.scheduler.run_finals()
    assert session.finals == ["w1 w2 w3", "w4 w6"]
