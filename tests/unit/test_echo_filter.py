"""Which of a session's turns are an echo: what is held until the other track's words are known, and for how long."""

import math

import numpy as np
import pytest
import soundfile

from tests.conftest import DATA
from tui.audio.recording import Recording
from tui.engine.echo_filter import MAX_HOLD_S, NO_WORDS_S, EchoFilter, Verdict
from tui.engine.track_audio import TrackAudio
from tui.model.events import TurnChanged
from tui.model.session_state import SessionState
from tui.model.tracks import Track
from tui.model.transcript import Turn, Word

RATE = 16_000
CLIP = sorted(DATA.glob("*.wav"))[0]
SPOKEN = "and mister john dashwood had then leisure to consider"
ENDS_S = 4.5
LAG = round(0.08 * RATE)


def said(number: int, track: str, text: str, *, final: bool = True) -> Turn:
    texts, start_s = text.split(), 0.5
    step_s = (ENDS_S - start_s) / len(SPOKEN.split())
    words = tuple(
        Word(word, start_s + at * step_s, start_s + (at + 1) * step_s, speaker=None) for at, word in enumerate(texts)
    )
    return Turn(number, text, final, words[0].start_s, words[-1].end_s, words, track=track)


class Call:
    """A call in which the microphone records what the machine plays, at -20 dB."""

    def __init__(self) -> None:
        played = soundfile.read(CLIP, dtype="int16")[0][: 5 * RATE]
        captured = (np.concatenate([np.zeros(LAG), played])[: len(played)] / 10).astype("<i2")
        self.state = SessionState()
        self.state.tracks = (Track("you", "mic"), Track("them", "system"))
        self.filter = EchoFilter(self.state, self.state.transcript.get)
        for name, samples in (("you", captured), ("them", played)):
            recording = Recording.in_memory()
            recording.append(samples.tobytes())
            self.filter.add(TrackAudio(name, recording, None))

    def say(self, turn: Turn) -> None:
        self.state.apply(TurnChanged(turn))


def test_an_echo_is_held_until_the_other_tracks_words_reach_its_end() -> None:
    call, echo = Call(), said(1, "you", SPOKEN)
    assert call.filter.judge(echo, held_s=0.0) is Verdict.PENDING
    call.say(said(2, "them", "and mister john", final=False))
    assert call.filter.judge(echo, held_s=0.0) is Verdict.PENDING
    call.say(said(2, "them", SPOKEN, final=False))
    assert call.filter.judge(echo, held_s=0.0) is None
    assert call.filter.hides_partial(said(3, "you", "and mister john", final=False))


def test_other_words_at_that_time_are_no_echo_once_they_are_final() -> None:
    call, turn = Call(), said(1, "you", "what else could they be talking about now then")
    call.say(said(2, "them", SPOKEN, final=False))
    assert call.filter.judge(turn, held_s=0.0) is Verdict.PENDING
    call.say(said(2, "them", SPOKEN))
    assert call.filter.judge(turn, held_s=0.0) == turn


@pytest.mark.parametrize(("words", "until_s"), [("", NO_WORDS_S), ("and mister", MAX_HOLD_S)])
def test_a_turn_is_not_held_for_ever(words: str, until_s: float) -> None:
    call, turn = Call(), said(1, "you", SPOKEN)
    if words:
        call.say(said(2, "them", words, final=False))
    assert call.filter.judge(turn, held_s=until_s - 0.1) is Verdict.PENDING
    assert call.filter.judge(turn, held_s=until_s) == turn
    assert call.filter.judge(turn, held_s=math.inf) == turn


def test_a_held_turn_of_one_microphone_counts_for_another() -> None:
    call = Call()
    call.state.tracks = (Track("you", "mic"), Track("them", "mic:Desk"))
    assert call.filter.judge(said(1, "you", SPOKEN), held_s=0.0) is Verdict.PENDING
    # Theirs is not in the transcript: it is pending as well, or no partial of it was shown.
    theirs = said(2, "them", SPOKEN)
    assert call.filter.judge(theirs, held_s=0.0) == theirs, "it comes before yours"
    call.say(theirs)
    assert call.filter.judge(said(1, "you", SPOKEN), held_s=0.0) is None


def test_the_machines_own_sound_is_never_an_echo() -> None:
    call = Call()
    call.say(said(1, "you", SPOKEN))
    theirs = said(2, "them", SPOKEN)
    assert call.filter.judge(theirs, held_s=0.0) == theirs
