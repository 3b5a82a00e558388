"""Microphone callbacks, gaps and the choice of a device."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from tui.audio import microphone as microphone_module
from tui.audio.convert import Converter
from tui.audio.devices import Device, match_device
from tui.audio.microphone import GapDetector, Microphone
from tui.audio.portaudio import quiet_stderr
from tui.audio.recording import Recording
from tui.audio.wav import Format
from tui.engine.capture import Capture
from tui.errors import SourceError

BLOCK = b"\x01\x00" * 800
DEVICES = {
    0: Device("HDA Intel: ALC257", "ALSA", 2, 44_100.0, default=False),
    3: Device("USB Mic", "ALSA", 1, 48_000.0, default=False),
    4: Device("USB Mic Pro", "ALSA", 1, 48_000.0, default=True),
}


class ManualMicrophone(Microphone):
    """A microphone whose callbacks are called by the test."""

    def __init__(self) -> None:
        super().__init__("", 16_000, 0, time.monotonic)
        self._converter = Converter(Format(16_000), 16_000)

    def deliver(self, at: float, block: bytes = BLOCK, *, overflow: bool = False) -> None:
        times = SimpleNamespace(inputBufferAdcTime=at)
        self._on_block(block, len(block) // 2, times, SimpleNamespace(input_overflow=overflow))


async def read_samples(microphone: Microphone, samples: int) -> bytes:
    sound = b""
    async with asyncio.timeout(30):
        async for block in microphone:
            sound += block
            if len(sound) >= samples * 2:
                break
    return sound


async def test_a_process_that_was_stopped_takes_no_device_for_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone_module, "SILENCE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(microphone_module, "MAX_LATE_S", 0.1)
    microphone = ManualMicrophone()
    reading = asyncio.create_task(read_samples(microphone, 800))
    await asyncio.sleep(0)
    time.sleep(1.0)  # noqa: ASYNC251 - as a stopped process
    for _ in range(5):
        await asyncio.sleep(0)
    microphone.deliver(10.0)
    assert await reading == BLOCK


def test_a_late_block_is_not_a_lost_one() -> None:
    timeline = GapDetector(16_000)
    assert timeline.lost_frames(800, 10.0, overflowed=False) == 0
    assert timeline.lost_frames(800, 10.5, overflowed=False) == 0


def test_the_clock_gives_the_frames_lost_by_an_overflow() -> None:
    timeline = GapDetector(16_000)
    timeline.lost_frames(800, 10.0, overflowed=False)
    assert timeline.lost_frames(800, 10.25, overflowed=True) == 3_200


def test_an_overflow_reported_one_block_early_counts() -> None:
    timeline = GapDetector(16_000)
    timeline.lost_frames(800, 10.0, overflowed=False)
    assert timeline.lost_frames(800, 10.05, overflowed=True) == 0
    assert timeline.lost_frames(800, 10.3, overflowed=False) == 3_200
    assert timeline.lost_frames(800, 10.6, overflowed=False) == 0


@pytest.mark.parametrize("at", [10.06, 9.0, 4_000.0])
def test_jitter_and_clock_jumps_are_not_gaps(at: float) -> None:
    timeline = GapDetector(16_000)
    timeline.lost_frames(800, 10.0, overflowed=False)
    assert timeline.lost_frames(800, at, overflowed=True) == 0


async def test_lost_samples_become_silence() -> None:
    microphone = ManualMicrophone()
    microphone.deliver(10.0)
    microphone.deliver(10.15, overflow=True)
    assert await read_samples(microphone, 3_200) == BLOCK + bytes(3_200) + BLOCK
    assert microphone.overflows == 1


async def test_a_full_queue_loses_audio_and_keeps_the_clock() -> None:
    microphone = ManualMicrophone()
    for block in range(1_300):
        microphone.deliver(block * 0.05)
    assert microphone.overflows == 100
    assert await read_samples(microphone, 1_200 * 800) == BLOCK * 1_200
    microphone.deliver(1_300 * 0.05)
    assert await read_samples(microphone, 101 * 800) == bytes(100 * 1_600) + BLOCK


async def test_audio_before_a_stop_is_yielded_to_the_last_sample(tmp_path: Path) -> None:
    microphone = ManualMicrophone()
    recording = Recording.create(tmp_path / "audio.wav")
    capture = Capture(recording, "mic", latency_ms=0, publish=lambda _: None)
    microphone.deliver(10.0)
    capturing = asyncio.create_task(capture.run(microphone, AsyncExitStack()))
    await recording.wait_beyond(0)
    for block in range(1, 4):
        microphone.deliver(10.0 + 0.05 * block)
    microphone.deliver(10.2, BLOCK[:100])
    capturing.cancel()
    await asyncio.wait({capturing})
    assert recording.read(0, recording.position) == BLOCK * 4 + BLOCK[:100]


async def test_a_stopped_device_is_reported_after_its_last_audio() -> None:
    microphone = ManualMicrophone()
    microphone.deliver(10.0)
    microphone._on_finished()
    assert await read_samples(microphone, 800) == BLOCK
    with pytest.raises(SourceError, match="stopped"):
        await read_samples(microphone, 800)


def test_no_name_means_the_default_device() -> None:
    assert match_device(DEVICES, "") == 4


@pytest.mark.parametrize(("wanted", "index"), [("usb mic", 3), ("pro", 4), ("alc257", 0)])
def test_a_name_is_found_whole_before_in_part_whatever_its_case(wanted: str, index: int) -> None:
    assert match_device(DEVICES, wanted) == index


def test_an_unknown_device_name_lists_the_available_devices() -> None:
    with pytest.raises(SourceError) as caught:
        match_device(DEVICES, "Røde")
    assert "USB Mic Pro" in caught.value.hint


def test_without_devices_the_hint_names_the_alternatives() -> None:
    with pytest.raises(SourceError) as caught:
        match_device({}, "USB")
    assert "PULSE_SERVER" in caught.value.hint


def test_stderr_of_c_libraries_is_suppressed_only_during_the_call(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before ")
    with quiet_stderr():
        os.write(2, b"ALSA lib pcm.c:2664 Unknown PCM ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"
