"""The difficult recordings have what their names say, and errors are counted as a reader would."""

from collections.abc import Callable

import numpy as np
import pytest

from tests import hard_speech
from tests.gateway_harness import CLIPS, RATE, Caller, Samples, read
from tests.scoring import LiveRun, cut_turns, errors, settled


@pytest.fixture(scope="module")
def made() -> dict[str, hard_speech.Recording]:
    return {recording.name: recording for recording in hard_speech.recordings()}


@pytest.fixture(autouse=True)
def sox(needs: Callable[..., None]) -> None:
    needs("sox")


def longest_pause_s(recording: hard_speech.Recording, quiet_db: float) -> float:
    loud = hard_speech.levels_db(recording.samples) > quiet_db
    edges = np.flatnonzero(np.diff(np.concatenate([[1], loud, [1]])))
    return float(np.diff(edges)[::2].max()) * hard_speech.FRAME_MS / 1000


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def test_each_recording_is_as_long_as_a_test_needs_and_says_when_each_sentence_ends(
    made: dict[str, hard_speech.Recording],
) -> None:
    assert len(made) == 13
    for recording in made.values():
        assert 24 <= recording.duration_s <= 55, recording.name
        assert len(recording.ends_s) == len(hard_speech.ORDER)
        assert recording.ends_s[-1] <= recording.duration_s


def test_several_people_are_recorded_in_the_same_conditions(made: dict[str, hard_speech.Recording]) -> None:
    several = {recording.name: recording for recording in hard_speech.several_readers()}
    assert several.keys() == made.keys() - {"two voices, no pause between"}
    for recording in several.values():
        assert len(recording.ends_s) == len(hard_speech.SEVERAL)
        assert 85 <= recording.duration_s <= 180, recording.name
    quiet_db = hard_speech.quiet_db(several["as read"].samples)
    assert longest_pause_s(several["continuous: no pause over 100 ms"], quiet_db) <= 0.1


def test_continuous_speech_has_no_pause_over_100_ms(made: dict[str, hard_speech.Recording]) -> None:
    quiet_db = hard_speech.quiet_db(made["as read"].samples)
    assert longest_pause_s(made["as read"], quiet_db) > 0.3
    assert longest_pause_s(made["continuous: no pause over 100 ms"], quiet_db) <= 0.1
    assert longest_pause_s(made["sentences with pauses"], quiet_db) >= hard_speech.PAUSE_S


@pytest.mark.parametrize("below_db", [20, 10, 5])
def test_noise_has_its_level(below_db: int) -> None:
    clip = read(CLIPS[0])
    noise = (hard_speech.noisy(clip, below_db).astype(np.int32) - clip).astype(np.int16)
    spoken = np.concatenate([clip[at * 160 : at * 160 + 160] for at in np.flatnonzero(hard_speech.speech(clip))])
    assert 20 * np.log10(rms(spoken) / rms(noise)) == pytest.approx(below_db, abs=0.2)


def test_a_telephone_carries_no_sound_above_4_khz(made: dict[str, hard_speech.Recording]) -> None:
    spectrum = np.abs(np.fft.rfft(made["telephone: 8 kHz, mu-law"].samples.astype(np.float64)))
    quarter = len(spectrum) // 2
    assert np.square(spectrum[quarter + 200 :]).sum() < 1e-4 * np.square(spectrum[:quarter]).sum()


def test_missing_words_are_found_in_a_row_and_mr_is_spelled_out() -> None:
    reference = "and mister john dashwood had then leisure to consider how much there might be"
    found = errors(reference, "And Mr. John Dashwood, to consider how much there might be.")
    assert (found.longest_missing, found.missing) == (3, "had then leisure")
    assert found.rate == pytest.approx(3 / len(reference.split()))
    assert errors(reference, "").longest_missing == len(reference.split())


def test_um_and_uh_are_no_words() -> None:
    assert errors("Um, this is, uh, slow.", "This is slow.").rate == 0


def run_of(*turns: tuple[int, str, int, bool]) -> LiveRun:
    """Make a run from turns: number, text, end in milliseconds, and whether it is final."""
    caller = Caller(None)  # type: ignore[arg-type]
    for order, text, end, final in turns:
        said = [{"text": word, "start": end - 100, "end": end, "word_is_final": True} for word in text.split()]
        message = {"type": "Turn", "turn_order": order, "transcript": text, "end_of_turn": final, "words": said}
        caller.received.append(message)
    return LiveRun(caller, [1.0] * len(turns))


def test_settled_words_that_the_final_changes_are_counted_but_not_its_punctuation() -> None:
    run = run_of((0, "he was an ill", 900, False), (0, "He was, an old man.", 2000, True))
    counted = settled(run)
    assert (counted.words, counted.changed, counted.turns, counted.turns_changed) == (4, 1, 1, 1)


def test_a_turn_that_ends_away_from_every_sentences_end_is_cut() -> None:
    recording = hard_speech.Recording("", np.zeros(5 * RATE, np.int16), "", (2.0, 4.0))
    run = run_of((0, "a whole sentence", 2200, True), (1, "half of", 3100, True), (2, "it", 3900, True))
    assert cut_turns(run, recording) == ["half of"]
