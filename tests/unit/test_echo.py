"""What is an echo, with recorded speech: delays and levels, a person who speaks over it, the same words by chance."""

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.conftest import DATA
from tui.audio.echo import EchoPath, find_path, matched_words, own_words, sure_words
from tui.model.transcript import Word

RATE = 16_000
CLIPS = sorted(DATA.glob("*.wav"))
Samples = npt.NDArray[np.float32]


def speech(at: int) -> Samples:
    samples: Samples = soundfile.read(CLIPS[at], dtype="float32")[0][: 5 * RATE]
    return samples


def spread(text: str, start_s: float, end_s: float) -> list[Word]:
    """Return the words of a text, which share a time evenly."""
    texts = text.split()
    step_s = (end_s - start_s) / len(texts)
    return [Word(word, start_s + at * step_s, start_s + (at + 1) * step_s) for at, word in enumerate(texts)]


def echo_of(played: Samples, delay_s: float, level_db: float) -> Samples:
    delayed = np.concatenate([np.zeros(round(delay_s * RATE), np.float32), played])[: len(played)]
    return delayed * np.float32(10 ** (level_db / 20))


@pytest.mark.parametrize("level_db", [-10.0, -20.0, -30.0])
@pytest.mark.parametrize("delay_s", [0.01, 0.08, 0.4])
def test_an_echo_is_found_with_its_delay(delay_s: float, level_db: float) -> None:
    played = speech(0)
    noise = np.random.default_rng(1).normal(0, 2e-4, len(played)).astype(np.float32)
    path = find_path(echo_of(played, delay_s, level_db) + noise, played, RATE, min_lag_s=0.0)
    assert path is not None
    assert path.lag == pytest.approx(delay_s * RATE, abs=2)


def in_a_room(played: Samples, seed: int = 2) -> Samples:
    """Return an echo with the reflections of a room."""
    random = np.random.default_rng(seed)
    room = random.normal(0, 1, RATE // 4) * np.exp(-np.arange(RATE // 4) / (0.05 * RATE))
    room[0] = 3.0
    captured: Samples = (np.convolve(echo_of(played, 0.05, -16), room)[: len(played)] / 4).astype(np.float32)
    return captured


def test_a_room_with_reflections_has_an_echo_too() -> None:
    captured = in_a_room(speech(0))
    path = find_path(captured, speech(0), RATE, min_lag_s=0.0)
    assert path is not None
    assert 0.05 * RATE - 2 <= path.lag < 0.1 * RATE, "the loudest reflection may be later than the direct sound"


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_other_speech_at_the_same_time_is_no_echo(one: int, other: int) -> None:
    length = min(len(speech(one)), len(speech(other)))
    assert find_path(speech(one)[:length], speech(other)[:length], RATE, min_lag_s=0.0) is None


def test_sound_that_is_recorded_before_it_is_played_is_no_echo() -> None:
    assert find_path(speech(0), echo_of(speech(0), 0.1, 0), RATE, min_lag_s=0.005) is None


def test_silence_is_no_echo() -> None:
    assert find_path(np.zeros(RATE, np.float32), speech(0)[:RATE], RATE, min_lag_s=0.0) is None


@pytest.mark.parametrize("level_db", [-10.0, -20.0])
def test_all_words_of_an_echo_are_one_and_a_wrong_one_as_well(level_db: float) -> None:
    played = speech(0)
    captured = echo_of(played, 0.08, level_db)
    theirs = spread("and mister john dashwood had then leisure to consider", 0.5, 4.5)
    yours = spread("And Mr. John Ashwood had then leisure to consider", 0.6, 4.6)
    path = EchoPath(round(0.08 * RATE), 20.0)
    assert own_words(yours, theirs, captured, played, path, sample_rate=RATE, start_s=0.0) == []


@pytest.mark.parametrize("level_db", [-10.0, -20.0])
def test_words_of_a_person_before_after_and_over_the_echo_stay(level_db: float) -> None:
    played = speech(0)
    played[3 * RATE :] = 0
    captured = echo_of(played, 0.08, level_db)
    answer = speech(2)[: 2 * RATE]
    captured[3 * RATE :] += answer
    over = slice(RATE, RATE + RATE // 2)
    captured[over] += speech(3)[over]
    theirs = spread("one two three four five six", 0.0, 3.0)
    yours = [*spread("one two", 0.08, 1.0), Word("wait", 1.0, 1.5), *spread("four five six", 1.6, 3.05)]
    yours += spread("I think so too", 3.1, 4.9)
    path = EchoPath(round(0.08 * RATE), 20.0)
    own = own_words(yours, theirs, captured, played, path, sample_rate=RATE, start_s=0.0)
    assert own is not None
    assert {yours[at].text for at in own} >= {"wait", "I", "think", "so", "too"}
    assert not {yours[at].text for at in own} & {"two", "four", "five"}


def test_without_the_same_words_on_the_other_track_nothing_is_an_echo() -> None:
    played, path = speech(0), EchoPath(round(0.08 * RATE), 20.0)
    captured = echo_of(played, 0.08, -10)
    yours = spread("and mister john dashwood", 0.5, 2.5)
    for theirs in ([], spread("something else entirely here", 0.5, 2.5), spread("and mister john dashwood", 3.5, 5.5)):
        assert own_words(yours, theirs, captured, played, path, sample_rate=RATE, start_s=0.0) is None


@pytest.mark.parametrize("clip", range(5))
@pytest.mark.parametrize("level_db", [-10.0, -20.0, None])
def test_no_word_of_an_echo_is_taken_for_a_persons_by_its_loudness_alone(clip: int, level_db: float | None) -> None:
    played = speech(clip)
    noise = np.random.default_rng(clip).normal(0, 2e-4, len(played)).astype(np.float32)
    captured = noise + (in_a_room(played, clip) if level_db is None else echo_of(played, 0.08, level_db))
    path = find_path(captured, played, RATE, min_lag_s=0.0)
    assert path is not None
    words = spread(CLIPS[clip].with_suffix(".txt").read_text(), 0.2, len(played) / RATE - 0.2)
    assert sure_words(words, captured, played, path, sample_rate=RATE, start_s=0.0) == set()


def test_words_of_a_person_over_music_and_after_other_speech_are_found_by_their_loudness() -> None:
    path, chance = EchoPath(round(0.08 * RATE), 20.0), np.random.default_rng(1)
    music = chance.normal(0, 0.05, 5 * RATE).astype(np.float32)
    captured = echo_of(music, 0.08, -20)
    captured[RATE : 3 * RATE] += speech(0)[RATE : 3 * RATE]
    words = spread("and mister john dashwood", 1.0, 3.0)
    assert sure_words(words, captured, music, path, sample_rate=RATE, start_s=0.0) == {0, 1, 2, 3}
    played = speech(0)
    played[2 * RATE :] = 0
    captured = echo_of(played, 0.08, -10)
    captured[3 * RATE : 4 * RATE] += speech(2)[RATE : 2 * RATE]
    words = [*spread("and mister john", 0.5, 2.0), *spread("I see", 3.1, 3.9)]
    assert sure_words(words, captured, played, path, sample_rate=RATE, start_s=0.0) == {3, 4}


def test_words_match_by_spelling_order_and_time() -> None:
    yours = spread("Well, the Colour of it", 0.0, 5.0)
    assert matched_words(yours, spread("well the color of it", 0.2, 5.2)) == {0, 1, 2, 3, 4}
    assert matched_words(yours, spread("it of color the well", 0.0, 5.0)) != {0, 1, 2, 3, 4}
