"""The clocks of several devices on one time line, simulated: drift, late blocks, gaps and audio ahead of time."""

import random

import numpy as np
import pytest

from tui.audio.clock_fit import ClockFit, stretched

RATE = 16_000
BLOCK = 800
MAX_APART_S = 0.02


class Device:
    """A simulated device that starts some time after the session and feeds its blocks to a fit.

    Args:
        ppm: deviation of its clock in parts per million.
        starts_s: when its first sample is captured.
        late_s: longest delay of a block by a busy machine.
    """

    def __init__(self, ppm: float, *, starts_s: float = 0.0, late_s: float = 0.0, seed: int = 1) -> None:
        self.rate = RATE * (1 + ppm / 1e6)
        self.starts_s = starts_s
        self.late_s = late_s
        self.fit = ClockFit(RATE, started_at=0.0)
        self.position = 0
        self.captured = 0
        self._random = random.Random(seed)

    def run(self, until_s: float, block: bytes = bytes(2 * BLOCK)) -> None:
        while (at := self.starts_s + (self.captured + BLOCK) / self.rate) <= until_s:
            self.captured += BLOCK
            late = self._random.random() * self.late_s * (self._random.random() < 0.5)
            self.position += len(self.fit.feed(block, self.position, at + late)) // 2

    def error_s(self) -> float:
        """Return how far the end of the recording is from the time when its last sample was captured."""
        return self.position / RATE - (self.starts_s + self.captured / self.rate)


@pytest.mark.parametrize("ppm", [100, -100, 400])
def test_devices_are_at_most_20_ms_apart_after_an_hour(ppm: float) -> None:
    one, other = Device(0, late_s=0.03), Device(ppm, starts_s=0.7, late_s=0.03, seed=2)
    for until_s in range(60, 3601, 60):
        one.run(until_s)
        other.run(until_s)
        assert abs(one.error_s() - other.error_s()) <= MAX_APART_S
    assert abs(other.captured / RATE - (3600 - 0.7)) > MAX_APART_S, "without the fit they would be further apart"


def test_a_device_with_a_true_clock_is_recorded_unchanged() -> None:
    device = Device(0, late_s=0.04)
    device.run(1800)
    assert device.position == device.captured


def test_a_device_that_opens_later_is_preceded_by_silence() -> None:
    fit = ClockFit(RATE, started_at=100.0)
    block = np.full(BLOCK, 7, "<i2").tobytes()
    recorded = b""
    # Three blocks waited while another device opened: they arrive together.
    for at in (102.2, 102.2, 102.2, *(102.25 + n * 0.05 for n in range(20))):
        recorded += fit.feed(block, len(recorded) // 2, at)
    silence = len(recorded) - len(recorded.lstrip(b"\0"))
    assert silence // 2 == round(2.05 * RATE)
    assert len(recorded) // 2 == silence // 2 + 23 * BLOCK


def test_audio_that_a_device_lost_without_saying_so_is_replaced_by_silence() -> None:
    device = Device(0)
    device.run(60)
    device.starts_s += 0.4
    device.run(120)
    assert abs(device.error_s()) <= MAX_APART_S


def test_a_stall_of_the_machine_is_no_gap() -> None:
    device = Device(0)
    device.run(60)
    for _ in range(100):
        device.captured += BLOCK
        device.position += len(device.fit.feed(bytes(2 * BLOCK), device.position, 65.0)) // 2
    device.run(180)
    assert device.position == device.captured


def test_a_program_that_writes_ahead_of_time_keeps_its_samples() -> None:
    fit = ClockFit(RATE, started_at=0.0)
    position = 0
    for n in range(2400):
        position += len(fit.feed(bytes(2 * BLOCK), position, max(0.01, n * 0.05 - 0.5))) // 2
    assert position == 2400 * BLOCK


def test_held_audio_is_not_lost_at_the_end() -> None:
    fit = ClockFit(RATE, started_at=0.0)
    assert fit.feed(b"\x01\x00" * BLOCK, 0, 0.05) == b""
    assert fit.flush() == b"\x01\x00" * BLOCK


@pytest.mark.parametrize("step", [1, -1])
def test_a_correction_changes_one_sample_where_it_is_least_audible(step: int) -> None:
    wave = (8000 * np.sin(np.arange(BLOCK) / 5)).astype("<i2")
    changed = np.frombuffer(stretched(wave.tobytes(), step), "<i2")
    assert len(changed) == BLOCK + step
    assert np.abs(np.diff(changed.astype(int))).max() <= np.abs(np.diff(wave.astype(int))).max()
    same = next(at for at in range(BLOCK) if at >= len(changed) or changed[at] != wave[at])
    assert (changed[same + max(step, 0) :] == wave[same + max(-step, 0) :]).all()


def test_a_block_too_short_for_a_correction_stays_as_it_is() -> None:
    assert stretched(b"\x01\x00\x02\x00", 1) == b"\x01\x00\x02\x00"
