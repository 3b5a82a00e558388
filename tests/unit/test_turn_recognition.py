"""The turns of one connection, with coded speech and jobs that run when the test says so."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.coded_speech import CodedDetector, CodedRecogniser, ManualScheduler, Spoken, read, speak
from tui.gateway.endpointing import BY_SOUND, Endpointing
from tui.gateway.metrics import Metrics, exposition
from tui.gateway.recogniser import RATE, Clip, RecognisedWord
from tui.gateway.scheduler import Scheduler
from tui.gateway.turn_model import TurnModel
from tui.gateway.turn_recognition import TurnRecogniser
from tui.gateway.turn_settings import TurnSettings
from tui.gateway.vad import VoiceDetector
from tui.stream.messages import Silence, SpeechStarted, WireTurn

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


@pytest.fixture
def session() -> Session:
    return Session()


def test_a_turn_has_partials_and_then_a_final(session: Session) -> None:
    session.feed(speak(sentence(1, 2, 3, pause_ms=0)), after=session.scheduler.run_finals)
    session.scheduler.run_partial()
    session.feed(np.zeros(RATE * 2, np.int16), after=session.scheduler.run_finals)
    assert session.partials[-1] == session.finals[0] == "w1 w2 w3"
    assert {turn.turn_order for turn in session.turns} == {0}


def test_a_partial_that_comes_after_the_end_of_its_turn_is_not_sent(session: Session) -> None:
    session.feed(speak(sentence(1, 2, 3, pause_ms=0)))
    finish = session.scheduler.start_partial()
    assert finish is not None
    session.feed(np.zeros(RATE * 2, np.int16), after=session.scheduler.run_finals)
    finish()
    assert (session.partials, session.finals) == ([], ["w1 w2 w3"])


def test_a_partial_of_a_turn_that_has_ended_is_not_decoded(session: Session) -> None:
    session.feed(speak(sentence(1, 2, 3)))
    session.scheduler.run_finals()
    assert session.scheduler.start_partial() is None


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


class CodedTurnModel:
    """Some words sound finished."""

    def probability(self, samples: npt.NDArray[np.float32]) -> float:
        return float(any(word.text.startswith(("w3", "w5", "w7")) for word in read(samples)[-1:]))


class FixedTurnModel:
    """Gives one probability, and keeps what it was asked about."""

    def __init__(self, probability: float) -> None:
        self._probability = probability
        self.asked: list[int] = []

    def probability(self, samples: npt.NDArray[np.float32]) -> float:
        self.asked.append(len(samples))
        return self._probability


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
    session = Session(turn_settings=TurnSettings(BY_SOUND), turn_model=FixedTurnModel(probability))
    session.say(*sentence(1, 2, last_word, pause_ms=pause_ms))
    assert bool(session.finals) is ended


def test_the_turn_model_gets_the_turn_and_at_most_eight_seconds() -> None:
    model = FixedTurnModel(0.1)
    session = Session(turn_model=model)
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

    session = Session(CodedRecogniser(noted), TurnSettings(BY_SOUND), FixedTurnModel(probability))
    session.say(*sentence(1, 2, 3, pause_ms=pause_ms), Spoken(4, 0))
    assert len(clips) == decodes


def test_speech_after_a_pause_waits_for_the_turn_model() -> None:
    session = Session(turn_settings=TurnSettings(BY_SOUND), turn_model=FixedTurnModel(0.1))
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


def test_a_turn_starts_only_after_the_final_of_the_last(session: Session) -> None:
    session.feed(speak([*sentence(1, 2, 5), *sentence(6, 7)]), chunk=16_000)
    session.scheduler.run_finals()
    kinds = ["start" if isinstance(message, SpeechStarted) else "final" for message in session.messages]
    assert kinds == ["start", "final", "start", "final"]


def test_a_turn_without_words_is_not_sent_and_its_start_neither() -> None:
    session = Session(CodedRecogniser(lambda clip, words: () if words and words[0].text == "w1" else words))
    session.say(*sentence(1, pause_ms=8000), *sentence(2))
    assert [(turn.turn_order, turn.transcript) for turn in session.turns if turn.end_of_turn] == [(0, "w2")]
    assert len([message for message in session.messages if isinstance(message, SpeechStarted)]) == 1


def test_the_start_of_a_turn_comes_before_its_first_partial_and_names_the_start_of_the_speech() -> None:
    session = Session()
    session.feed(speak(sentence(1, 2, 3, pause_ms=0)))
    assert session.messages == []
    session.scheduler.run_partial()
    started, partial = session.messages
    assert isinstance(started, SpeechStarted)
    assert (started.timestamp, partial.words[0].start) == (320, 320)
    assert (partial.transcript, partial.utterance) == ("w1 w2 w3", "")


def test_the_utterance_of_a_final_is_its_transcript(session: Session) -> None:
    session.say(*sentence(1, 2, 5))
    assert session.turns[-1].utterance == session.turns[-1].transcript == "w1 w2 w5."


def test_the_second_half_of_a_split_turn_has_a_start_too(session: Session) -> None:
    session.say(*(Spoken(number) for number in range(1, 60)), Spoken(60, END_MS))
    kinds = ["start" if isinstance(message, SpeechStarted) else "final" for message in session.messages]
    assert len(session.finals) > 1
    assert kinds == ["start", "final"] * len(session.finals)


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


def test_without_continuous_partials_a_turn_has_one_early_partial_and_one_at_each_pause() -> None:
    session = Session(turn_settings=TurnSettings(continuous_partials=False))

    def run() -> None:
        session.scheduler.run_finals()
        if session.scheduler.partial:
            session.scheduler.run_partial()

    session.feed(speak([*(Spoken(number) for number in range(1, 11)), Spoken(11, 900), Spoken(12)]), after=run)
    assert len(session.partials) == 2
    assert session.partials[-1].split()[-1] == "w11"


def test_a_turn_has_the_confidence_of_its_language_from_the_decode_that_detected_it() -> None:
    session = Session(CodedRecogniser(confidence=0.9))
    session.say(*sentence(1, 2, 5))
    assert (session.turns[-1].language_code, session.turns[-1].language_confidence) == ("en", 0.9)


def test_a_language_that_is_not_detected_is_certain(session: Session) -> None:
    session.say(*sentence(1, 2, 5))
    assert session.turns[-1].language_confidence == 1.0


def test_a_turn_with_partials_and_no_final_words_ends_empty() -> None:
    session = Session(CodedRecogniser(lambda clip, words: () if clip.final else words))
    session.feed(speak(sentence(1, 2, pause_ms=0)))
    session.scheduler.run_partial()
    session.feed(np.zeros(RATE * 2, np.int16), after=session.scheduler.run_finals)
    assert [(turn.transcript, turn.end_of_turn) for turn in session.turns] == [("w1 w2", False), ("", True)]


def test_speech_without_words_is_counted() -> None:
    session = Session(CodedRecogniser(lambda clip, words: ()))
    session.say(*sentence(1, 2, 3, 4))
    text = exposition(session.metrics.counts, {})
    assert "livegist_gateway_finals_decoded_again_total 1\n" in text
    assert "livegist_gateway_speech_without_words_seconds_total 1.3" in text


def test_a_final_that_contradicts_its_settled_partials_is_counted() -> None:
    def faults(clip: Clip, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
        return words if clip.final else tuple(msgspec.structs.replace(word, text="other") for word in words)

    session = Session(CodedRecogniser(faults))
    session.feed(speak(sentence(1, 2, 3, pause_ms=0)))
    session.scheduler.run_partial()
    session.feed(speak(sentence(4, 6, pause_ms=0), before_ms=0))
    session.scheduler.run_partial()
    session.feed(np.zeros(RATE * 2, np.int16), after=session.scheduler.run_finals)
    assert "livegist_gateway_settled_partials_changed_total 1\n" in exposition(session.metrics.counts, {})


def test_words_are_inside_the_speech_of_their_turn(session: Session) -> None:
    session.feed(speak(sentence(1, 2, pause_ms=0), before_ms=960))
    session.scheduler.run_partial()
    assert session.turns[-1].words[0].start == 960
    session.feed(np.zeros(RATE * 2, np.int16), after=session.scheduler.run_finals)
    assert (session.turns[-1].words[0].start, session.turns[-1].words[-1].end) == (960, 1600)


def test_a_split_turn_continues_with_the_next_word() -> None:
    session = Session()
    words = [Spoken(number % 5 + 1 if number % 5 < 4 else 1) for number in range(150)]
    session.say(*words, *sentence(1))
    assert len(session.finals) > 1
    assert " ".join(session.finals).split() == [word.text for word in words] + ["w1"]
    ends = [(turn.words[0].start, turn.words[-1].end) for turn in session.turns if turn.end_of_turn]
    assert all(end - start <= 24_000 for start, end in ends)


def test_the_end_of_a_long_turn_decodes_only_its_last_piece() -> None:
    lengths: list[float] = []

    def faults(clip: Clip, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
        lengths.append(len(clip.samples) / RATE)
        return words

    session = Session(CodedRecogniser(faults), TurnSettings(partials=False))
    session.say(*[Spoken(1)] * 60, *sentence(2))
    assert max(lengths) <= 22.5


def test_a_change_of_settings_takes_effect_at_its_place_in_the_audio() -> None:
    session = Session()
    session.feed(speak(sentence(1, 2, 3, pause_ms=2000)))
    session.turn_recogniser.configure(TurnSettings(Endpointing(max_turn_silence_ms=320)))
    session.feed(speak(sentence(4, 6, pause_ms=400), before_ms=0))
    session.scheduler.run_finals()
    assert session.finals == ["w1 w2 w3", "w4 w6"]


def test_no_partials_are_decoded_if_none_are_wanted() -> None:
    session = Session(turn_settings=TurnSettings(partials=False))
    session.say(*sentence(1, 2, 3))
    assert session.scheduler.partial is None
    assert session.finals == ["w1 w2 w3"]


def test_partials_of_a_long_turn_keep_their_settled_words(session: Session) -> None:
    words = [Spoken(number) for number in range(1, 50)]
    texts = []
    for start in range(0, len(words), 2):
        session.feed(speak(words[start : start + 2], before_ms=0), after=session.scheduler.run_finals)
        if session.scheduler.partial:
            session.scheduler.run_partial()
    stable: list[str] = []
    for turn in session.turns:
        if turn.turn_order == 0 and not turn.end_of_turn:
            texts = [word.text for word in turn.words]
            assert texts[: len(stable)] == stable
            stable = [word.text for word in turn.words if word.word_is_final]
    assert len(stable) > 20


def test_a_closed_session_gets_no_more_messages(session: Session) -> None:
    session.feed(speak(sentence(1, 2, 3, pause_ms=0)))
    finish = session.scheduler.start_partial()
    assert finish is not None
    messages = list(session.messages)
    session.turn_recogniser.close()
    finish()
    assert session.messages == messages


async def test_finish_waits_for_the_last_final(session: Session) -> None:
    session.feed(speak(sentence(1, 2, 3, pause_ms=0)))
    finishing = asyncio.create_task(session.turn_recogniser.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    session.scheduler.run_finals()
    async with asyncio.timeout(5):
        await finishing
    assert session.finals == ["w1 w2 w3"]


TALK = st.lists(
    st.builds(
        Spoken, st.integers(0, 999), st.one_of(st.just(0), st.integers(0, 400), st.sampled_from([250, 620, 900, 1500]))
    ),
    min_size=1,
    max_size=80,
)


def transcribe(
    talk: Sequence[Spoken],
    chunk: int,
    run_every: int,
    recogniser: CodedRecogniser | None = None,
    turn_model: TurnModel | None = None,
) -> list[WireTurn]:
    """Return the finals of coded speech in chunks; finals are decoded after every few chunks, or at the end."""
    endpointing = BY_SOUND if turn_model else Endpointing()
    session = Session(recogniser, TurnSettings(endpointing, partials=False), turn_model)
    samples = speak(talk)
    for count, start in enumerate(range(0, len(samples), chunk)):
        session.turn_recogniser.feed(samples[start : start + chunk])
        if run_every and count % run_every == 0:
            session.scheduler.run_finals()
    session.turn_recogniser.force_endpoint()
    session.scheduler.run_finals()
    return [turn for turn in session.turns if turn.end_of_turn]


@settings(deadline=None, max_examples=60)
@given(TALK, st.integers(160, 16_000), st.integers(0, 40), st.sampled_from([None, CodedTurnModel()]))
def test_turns_and_decodes_do_not_depend_on_pace_load_and_chunks(
    talk: list[Spoken], chunk: int, run_every: int, turn_model: TurnModel | None
) -> None:
    def run(chunk: int, run_every: int) -> tuple[list[WireTurn], list[int]]:
        decodes: list[int] = []

        def noted(clip: Clip, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
            decodes.append(len(clip.samples))
            return words

        return transcribe(talk, chunk, run_every, CodedRecogniser(noted), turn_model), decodes

    assert run(chunk, run_every) == run(512, 1)


@settings(deadline=None, max_examples=60)
@given(TALK, st.sampled_from([None, CodedTurnModel()]))
def test_no_word_is_lost_or_repeated(talk: list[Spoken], turn_model: TurnModel | None) -> None:
    words = [word for turn in transcribe(talk, 1600, 1, turn_model=turn_model) for word in turn.words]
    assert [word.text for word in words] == [spoken.text for spoken in talk]
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 999), min_size=12, max_size=60, unique=True),
    st.integers(4, 7),
    st.floats(0, 1),
    st.booleans(),
)
def test_words_that_the_recogniser_skips_are_decoded_again(
    numbers: list[int], count: int, place: float, stretched: bool
) -> None:
    """The recogniser skips words in every long clip; at most two of them, too short for a gap, stay missing."""

    def faults(clip: Clip, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
        if len(words) < 2 * count + 8:
            return words
        start = int(place * (len(words) - count))
        after = words[start + count :]
        if stretched and after:
            # The alignment stretches the next word over the hole.
            first = msgspec.structs.replace(after[0], start_s=words[start].start_s, confidence=0.1)
            after = (first, *after[1:])
        return (*words[:start], *after)

    talk = [Spoken(number) for number in numbers]
    words = [word.text for turn in transcribe(talk, 1600, 1, CodedRecogniser(faults)) for word in turn.words]
    places = [[spoken.text for spoken in talk].index(word) for word in words]
    missing = [after - before - 1 for before, after in itertools.pairwise([-1, *places, len(talk)])]
    assert all(0 <= run <= 2 for run in missing)
