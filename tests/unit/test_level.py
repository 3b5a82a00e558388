"""The level of a block, in dB below full scale."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.audio.level import SILENCE_DBFS, measure


def sine(amplitude: float, samples: int = 1600) -> bytes:
    wave = amplitude * np.sin(2 * np.pi * 440 * np.arange(samples) / 16_000)
    return np.round(wave * 32767).astype("<i2").tobytes()


def test_a_sine_at_full_scale_peaks_at_zero_and_has_its_rms_three_db_below() -> None:
    level = measure(sine(1.0))
    assert level.peak_dbfs == pytest.approx(0.0, abs=0.1)
    assert level.rms_dbfs == pytest.approx(-3.0, abs=0.1)


@pytest.mark.parametrize("below", [6.0, 20.0, 60.0])
def test_a_quieter_sine_is_that_much_lower(below: float) -> None:
    level = measure(sine(10 ** (-below / 20)))
    assert level.peak_dbfs == pytest.approx(-below, abs=0.2)
    assert level.rms_dbfs == pytest.approx(-below - 3.0, abs=0.2)


@pytest.mark.parametrize("block", [b"", bytes(1600)])
def test_digital_silence_is_at_the_floor(block: bytes) -> None:
    level = measure(block)
    assert (level.rms_dbfs, level.peak_dbfs, level.clipped) == (SILENCE_DBFS, SILENCE_DBFS, False)


def test_one_bit_is_not_silence() -> None:
    assert measure(np.array([1, 0] * 400, "<i2").tobytes()).peak_dbfs == -90.3


@pytest.mark.parametrize(("sample", "clipped"), [(32767, True), (-32768, True), (32766, False), (-32767, False)])
def test_only_a_sample_at_full_scale_is_clipped(sample: int, clipped: bool) -> None:
    assert measure(np.array([0] * 799 + [sample], "<i2").tobytes()).clipped is clipped


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=800))
def test_the_level_is_what_exact_arithmetic_says(samples: list[int]) -> None:
    level = measure(np.array(samples, "<i2").tobytes())
    rms = math.sqrt(sum(sample * sample for sample in samples) / len(samples))
    exact = 20 * math.log10(rms / 32768) if rms else SILENCE_DBFS
    assert level.rms_dbfs == pytest.approx(max(exact, SILENCE_DBFS), abs=0.06)
    assert level.rms_dbfs <= level.peak_dbfs <= 0
