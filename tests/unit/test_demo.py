from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import needs
from tui.paths import demo_recording


def test_the_recording_is_short_small_and_of_the_engines_kind() -> None:
    about = soundfile.info(demo_recording())
    assert 65 <= about.duration <= 90
    assert (about.samplerate, about.channels, about.subtype) == (16000, 1, "PCM_16")
    assert demo_recording().stat().st_size <= 1_500_000


def test_the_recording_neither_clips_nor_is_ever_digitally_silent() -> None:
    samples, _ = soundfile.read(demo_recording(), dtype="int16")
    assert np.abs(samples.astype(int)).max() < 0.9 * 32767
    blocks = samples[: len(samples) // 800 * 800].reshape(-1, 800)
    assert np.all(np.any(blocks != 0, axis=1))


def test_three_voices_take_turns() -> None:
    lines = demo_recording().with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    speakers = [line.partition(": ")[0] for line in lines]
    assert len(set(speakers)) == 3
    assert all(line.partition(": ")[2] for line in lines)


def test_the_words_beside_the_recording_are_the_ones_spoken(tmp_path: Path) -> None:
    needs("flite")
    from tests.make_demo import make

    again = tmp_path / "again.flac"
    assert make(again) == pytest.approx(soundfile.info(demo_recording()).duration, abs=0.001)
    ours, _ = soundfile.read(demo_recording())
    theirs, _ = soundfile.read(again)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99
