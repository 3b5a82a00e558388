"""The turns, partials and words that a client receives."""

import asyncio

import msgspec
import numpy as np
import pytest

from tests.coded_speech import CodedRecogniser, Spoken, speak
from tests.unit.turn_recognition_harness import END_MS, Session, sentence
from tui.gateway.metrics import exposition
from tui.gateway.recogniser import RATE, Clip, RecognisedWord
from tui.gateway.turn_settings import TurnSettings
from tui.stream.messages import SpeechStarted


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


@pytest.mark.parametrize("words_before", [2, 43], ids=["in its turn", "before a split"])
def test_words_found_at_a_pause_are_in_the_final_if_its_decode_skips_them(words_before: int) -> None:
    earlier = [901, 902, 903, 904, 906, 907, 908, 909]

    def faults(clip: Clip, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
        at = [word.text for word in words].index("w901") if "w901" in [word.text for word in words] else None
        if at is None or words[-1].text != "w999":
            return words
        # The aligner stretches other words over those that the decoder skips.
        start_s, step_s = words[at].start_s, (words[at + 7].end_s - words[at].start_s) / 3
        others = (
            RecognisedWord("considerably", start_s + step_s * turn, start_s + step_s * (turn + 1), 0.9)
            for turn in range(3)
        )
        return (*words[:at], *others, *words[at + 8 :])

    session = Session(CodedRecogniser(faults), TurnSettings(partials=False))
    before = [number % 4 + 1 for number in range(words_before)]
    numbers = [*before, *earlier, 1, 2, 3, 999]
    session.say(*[Spoken(number, 400 if number == 909 else 0) for number in numbers[:-1]], *sentence(999))
    assert " ".join(session.finals) == " ".join(Spoken(number).text for number in numbers)
    assert len(session.finals) == (2 if words_before > 40 else 1)


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
    async with asyncio.timeout(30):
        await finishing
    assert session.finals == ["w1 w2 w3"]
