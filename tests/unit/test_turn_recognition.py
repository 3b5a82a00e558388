"""Turns of one connection, with a detector and a recogniser that do as the test says."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, cast

import numpy as np
import pytest

from tui.gateway.endpointing import FRAME, Endpointing
from tui.gateway.metrics import Metrics
from tui.gateway.recogniser import RATE, Clip, RecognisedWord, Transcription
from tui.gateway.scheduler import Job, Scheduler
from tui.gateway.turn_recognition import CONTEXT, TurnRecogniser
from tui.gateway.vad import VoiceDetector
from tui.stream.messages import WireTurn


class Detector:
    """Takes loud frames for speech."""

    def probabilities(self, frames: Any) -> list[float]:
        return [0.9 if np.abs(frame).max() > 0.1 else 0.0 for frame in frames]


class Recogniser:
    """Keeps what is to be heard until the test lets it be."""

    idle = True

    def __init__(self) -> None:
        self.finals: list[Job] = []
        self.partial: Job | None = None

    def submit_final(self, session: Hashable, job: Job) -> None:
        self.finals.append(job)

    def submit_partial(self, session: Hashable, job: Job) -> None:
        self.partial = job

    def cancel(self, session: Hashable) -> None:
        self.finals.clear()

    def begin_partial(self) -> Callable[[str], None] | None:
        """Take the waiting partial; return what ends it with the words heard, `None` if it is not wanted any more."""
        job, self.partial = self.partial, None
        assert job is not None
        clip = job.make_clip()
        return (lambda text: job.on_result(heard(text, clip))) if clip else None

    def finish_final(self, text: str) -> Clip:
        """Hear the next final; return its clip."""
        job = self.finals.pop(0)
        clip = job.make_clip()
        assert clip is not None
        job.on_result(heard(text, clip))
        return clip


def heard(text: str, clip: Clip) -> Transcription:
    """Return what was heard; of several languages it is always the last."""
    said = text.split()
    step_s = (len(clip.samples) - clip.context) / RATE / max(1, len(said))
    return Transcription(
        tuple(RecognisedWord(word, at * step_s, (at + 1) * step_s, 0.9, (hash(word),)) for at, word in enumerate(said)),
        clip.languages[-1],
    )


class Room:
    """A hearing, and what it told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.recogniser = Recogniser()
        self.turn_recogniser = TurnRecogniser(
            cast(Scheduler, self.recogniser),
            cast(VoiceDetector, Detector()),
            Endpointing(),
            self.told.append,
            Metrics(),
        )

    def sound(self, speech: bool, length_ms: int) -> None:
        for _ in range(length_ms * 16 // FRAME):
            self.turn_recogniser.feed(np.full(FRAME, 8000 if speech else 0, np.int16))

    def partial(self, text: str) -> None:
        done = self.recogniser.begin_partial()
        assert done is not None
        done(text)

    @property
    def turns(self) -> list[tuple[int, str, bool]]:
        return [
            (turn.turn_order, turn.transcript, turn.end_of_turn) for turn in self.told if isinstance(turn, WireTurn)
        ]


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_turn_is_told_in_part_and_then_whole(room: Room) -> None:
    room.sound(True, 960)
    room.partial("we ship")
    room.sound(False, 1600)
    room.recogniser.finish_final("We ship it.")
    assert room.turns == [(0, "we ship", False), (0, "We ship it.", True)]


def test_a_partial_that_comes_after_its_turn_ended_is_not_told(room: Room) -> None:
    room.sound(True, 960)
    late = room.recogniser.begin_partial()
    assert late is not None
    room.sound(False, 1600)
    late("we ship")
    room.recogniser.finish_final("We ship it.")
    assert room.turns == [(0, "We ship it.", True)]


def test_a_partial_that_is_not_begun_when_its_turn_ends_is_dropped(room: Room) -> None:
    room.sound(True, 960)
    room.sound(False, 1600)
    assert room.recogniser.begin_partial() is None


def test_a_whole_sentence_ends_its_turn_early_and_is_there_at_once(room: Room) -> None:
    room.sound(True, 960)
    room.sound(False, 256)
    room.partial("We ship it.")
    room.partial("We ship it today.")
    room.sound(False, 384)
    assert room.turns[-1] == (0, "We ship it today.", True)
    assert room.recogniser.finals == []


def test_a_turn_that_ends_while_it_is_heard_ahead_is_told_when_that_is_done(room: Room) -> None:
    room.sound(True, 960)
    room.sound(False, 256)
    room.partial("We ship it.")
    ahead = room.recogniser.begin_partial()
    assert ahead is not None
    room.sound(False, 640)
    assert not room.turns[-1][2]
    ahead("We ship it today.")
    assert room.turns[-1] == (0, "We ship it today.", True)
    assert room.recogniser.finals == []


def test_more_speech_makes_what_was_heard_ahead_worthless(room: Room) -> None:
    room.sound(True, 960)
    room.sound(False, 256)
    room.partial("We ship it.")
    ahead = room.recogniser.begin_partial()
    assert ahead is not None
    room.sound(True, 640)
    ahead("We ship it.")
    room.sound(False, 1600)
    room.recogniser.finish_final("We ship it today.")
    assert [turn for turn in room.turns if turn[2]] == [(0, "We ship it today.", True)]


def test_nothing_is_heard_ahead_while_others_wait(room: Room) -> None:
    room.recogniser.idle = False
    room.sound(True, 960)
    room.sound(False, 256)
    room.partial("We ship it.")
    assert room.recogniser.partial is None


def test_a_turn_is_heard_with_the_sound_before_it(room: Room) -> None:
    for _ in range(2):
        room.sound(True, 4000)
        room.sound(False, 1600)
    assert room.recogniser.finish_final("One.").context == 0
    assert room.recogniser.finish_final("Two.").context == CONTEXT


def test_a_turn_long_after_the_last_is_heard_alone(room: Room) -> None:
    for _ in range(2):
        room.sound(True, 4000)
        room.sound(False, 12_000)
    room.recogniser.finish_final("One.")
    assert room.recogniser.finish_final("Two.").context == 0


def test_a_turn_without_words_is_not_told(room: Room) -> None:
    for text in ("", "Yes."):
        room.sound(True, 960)
        room.sound(False, 1600)
        room.recogniser.finish_final(text)
    assert room.turns == [(0, "Yes.", True)]


def test_a_turn_that_was_told_and_comes_to_nothing_ends_empty(room: Room) -> None:
    room.sound(True, 960)
    room.partial("hm")
    room.sound(False, 1600)
    room.recogniser.finish_final("")
    assert room.turns == [(0, "hm", False), (0, "", True)]


def test_the_last_word_ends_where_speech_ends(room: Room) -> None:
    room.sound(False, 960)
    room.sound(True, 960)
    room.sound(False, 1600)
    room.recogniser.finish_final("We ship")
    words = room.told[-1].words
    assert (words[0].start, words[-1].end) == (960, 1920)


def test_no_word_begins_before_speech_did(room: Room) -> None:
    room.sound(False, 960)
    room.sound(True, 960)
    room.partial("we ship")
    assert [word.start for word in room.told[-1].words] == [960, 1280]
    room.sound(False, 1600)
    room.recogniser.finish_final("We ship it.")
    assert room.told[-1].words[0].start == 960


def test_a_turn_goes_on_in_the_language_of_its_settled_words(room: Room) -> None:
    room.turn_recogniser.languages = ("en", "de")
    for _ in range(2):
        room.sound(True, 960)
        room.partial("wir reden")
    room.turn_recogniser.languages = ("en", "fr")
    room.sound(True, 960)
    room.partial("wir reden weiter")
    assert [told.language_code for told in room.told if isinstance(told, WireTurn)] == ["de"] * 3
    room.sound(False, 1600)
    room.recogniser.finish_final("on parle")
    assert room.told[-1].language_code == "fr"


def test_only_a_pause_is_heard_when_no_partials_are_wanted(room: Room) -> None:
    room.turn_recogniser.send_partials = False
    room.sound(True, 1600)
    assert room.recogniser.partial is None
    room.sound(False, 256)
    room.partial("We ship it.")
    assert room.turns == []


def test_a_long_turn_leaves_settled_words_behind_and_keeps_them(room: Room) -> None:
    said = "one two three four five six seven eight nine ten"
    room.sound(True, 10_000)
    room.partial(said)
    room.sound(True, 640)
    room.partial(said)
    room.sound(True, 2000)
    rest = room.recogniser.begin_partial()
    assert rest is not None
    rest("ten eleven")
    assert room.turns[-1][1].startswith("one two three four five")


def test_whoever_left_is_told_nothing_more(room: Room) -> None:
    room.sound(True, 960)
    told = list(room.told)
    late = room.recogniser.begin_partial()
    assert late is not None
    room.turn_recogniser.close()
    late("we ship")
    assert room.told == told


async def test_finish_waits_for_what_is_being_heard(room: Room) -> None:
    room.sound(True, 960)
    finishing = asyncio.create_task(room.turn_recogniser.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    room.recogniser.finish_final("We ship.")
    async with asyncio.timeout(5):
        await finishing
    assert room.turns == [(0, "We ship.", True)]
