"""Noise that is there all the time is reduced in noisy audio, and nothing else is changed."""

import numpy as np
import numpy.typing as npt
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway_harness import CLIPS, RATE, Samples, read
from tests.hard_speech import noisy
from tui.gateway.noise_reduction import MIN_GAIN, reduce_noise

Features = npt.NDArray[np.float32]


def features(samples: Samples) -> Features:
    """Return Whisper's features of the samples, without silence after them."""
    return np.asarray(FeatureExtractor(80)(samples.astype(np.float32) / 32_768, padding=0), np.float32)


def decibels(before: Features, after: Features) -> npt.NDArray[np.float64]:
    """Return by how much each power changed."""
    return 40.0 * (after.astype(np.float64) - before)


@pytest.mark.parametrize("below_db", [5, 10])
def test_the_softest_of_each_band_gets_ten_decibels_softer_and_the_loudest_stays(below_db: int) -> None:
    before = features(noisy(np.concatenate([read(clip) for clip in CLIPS]), below_db=below_db))
    change = decibels(before, reduce_noise(before, before.shape[1]))
    order = np.argsort(before, axis=1)
    softest, loudest = (np.take_along_axis(change, part, axis=1) for part in (order[:, :100], order[:, -100:]))
    assert np.median(softest) == pytest.approx(20 * np.log10(MIN_GAIN), abs=0.5)
    assert np.median(loudest) > -1.0


@pytest.mark.parametrize("below_db", [20, 60])
def test_speech_with_little_noise_stays_as_it_is(below_db: int) -> None:
    before = features(noisy(np.concatenate([read(clip) for clip in CLIPS]), below_db=below_db))
    assert np.array_equal(reduce_noise(before, before.shape[1]), before)


def test_the_silence_after_a_clip_stays_as_it_is() -> None:
    before = features(noisy(read(CLIPS[0]), below_db=5))
    frames = before.shape[1] - 50
    after = reduce_noise(before, frames)
    assert np.array_equal(after[:, frames:], before[:, frames:])
    assert not np.array_equal(after[:, :frames], before[:, :frames])


def test_noise_alone_is_reduced_in_all_bands() -> None:
    noise = np.random.default_rng(0).normal(0, 1000, 5 * RATE).astype(np.int16)
    before = features(noise)
    change = decibels(before, reduce_noise(before, before.shape[1]))
    assert np.median(change, axis=1).max() < -6.0


@given(st.integers(0, 40), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_features_of_any_length_get_no_louder_and_no_softer_than_the_limit(frames: int, rest: int, seed: int) -> None:
    before = np.random.default_rng(seed).uniform(-1.0, 1.0, (80, frames + rest)).astype(np.float32)
    after = reduce_noise(before, frames)
    change = decibels(before, after)
    assert after.dtype == np.float32
    assert after.shape == before.shape
    assert change.max(initial=0.0) < 1e-4
    assert change.min(initial=0.0) > 20 * np.log10(MIN_GAIN) - 1e-4
