"""What a microphone makes of its callbacks, and how one is chosen."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

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


class Heard(Microphone):
    """A microphone whose callbacks the test makes."""

    def __init__(self) -> None:
        super().__init__("", 16_000, 0, time.monotonic)
        self._converter = Converter(Format(16_000), 16_000)

    def hear(self, at: float, block: bytes = BLOCK, *, overflow: bool = False) -> None:
        times = SimpleNamespace(inputBufferAdcTime=at)
        self._on_block(block, len(block) // 2, times, SimpleNamespace(input_overflow=overflow))


async def take(microphone: Microphone, samples: int) -> bytes:
    sound = b""
    async with asyncio.timeout(5):
        async for block in microphone:
            sound += block
            if len(sound) >= samples * 2:
                break
    return sound


def test_a_late_block_is_not_a_lost_one() -> None:
    timeline = GapDetector(16_000)
    assert timeline.lost_frames(800, 10.0, overflowed=False) == 0
    assert timeline.lost_frames(800, 10.5, overflowed=False) == 0


def test_an_overflow_lost_what_the_clock_says() -> None:
    timeline = GapDetector(16_000)
    timeline.lost_frames(800, 10.0, overflowed=False)
    assert timeline.lost_frames(800, 10.25, overflowed=True) == 3_200


def test_an_overflow_told_of_one_block_early_is_seen_in_the_next() -> None:
    timeline = GapDetector(16_000)
    timeline.lost_frames(800, 10.0, overflowed=False)
    assert timeline.lost_frames(800, 10.05, overflowed=True) == 0
    assert timeline.lost_frames(800, 10.3, overflowed=False) == 3_200
    assert timeline.lost_frames(800, 10.6, overflowed=False) == 0


@pytest.mark.parametrize("at", [10.06, 9.0, 4_000.0])
def test_jitter_and_a_clock_that_jumped_are_no_gap(at: float) -> None:
    timeline = GapDetector(16_000)
    timeline.lost_frames(800, 10.0, overflowed=False)
    assert timeline.lost_frames(800, at, overflowed=True) == 0


async def test_silence_stands_where_samples_were_lost() -> None:
    microphone = Heard()
    microphone.hear(10.0)
    microphone.hear(10.15, overflow=True)
    assert await take(microphone, 3_200) == BLOCK + bytes(3_200) + BLOCK
    assert microphone.overflows == 1


async def test_a_loop_held_up_for_too_long_loses_sound_but_not_the_clock() -> None:
    microphone = Heard()
    for block in range(1_300):
        microphone.hear(block * 0.05)
    assert microphone.overflows == 100
    assert await take(microphone, 1_200 * 800) == BLOCK * 1_200
    microphone.hear(1_300 * 0.05)
    assert await take(microphone, 101 * 800) == bytes(100 * 1_600) + BLOCK


async def test_what_was_heard_before_a_stop_is_given_out_to_the_last_sample(tmp_path: Path) -> None:
    microphone = Heard()
    recording = Recording.create(tmp_path / "audio.wav")
    capture = Capture(recording, "mic", latency_ms=0, publish=lambda _: None)
    microphone.hear(10.0)
    capturing = asyncio.create_task(capture.run(microphone, AsyncExitStack()))
    await recording.wait_beyond(0)
    for block in range(1, 4):
        microphone.hear(10.0 + 0.05 * block)
    microphone.hear(10.2, BLOCK[:100])
    capturing.cancel()
    await asyncio.wait({capturing})
    assert recording.read(0, recording.position) == BLOCK * 4 + BLOCK[:100]


async def test_a_device_that_stops_is_told_after_its_last_sound() -> None:
    microphone = Heard()
    microphone.hear(10.0)
    microphone._on_finished()
    assert await take(microphone, 800) == BLOCK
    with pytest.raises(SourceError, match="stopped"):
        await take(microphone, 800)


def test_no_name_means_the_default_device() -> None:
    assert match_device(DEVICES, "") == 4


@pytest.mark.parametrize(("wanted", "index"), [("usb mic", 3), ("pro", 4), ("alc257", 0)])
def test_a_name_is_found_whole_before_in_part_whatever_its_case(wanted: str, index: int) -> None:
    assert match_device(DEVICES, wanted) == index


def test_a_name_that_no_device_has_is_answered_with_those_there_are() -> None:
    with pytest.raises(SourceError) as caught:
        match_device(DEVICES, "Røde")
    assert "USB Mic Pro" in caught.value.hint


def test_no_device_at_all_is_answered_with_the_ways_round() -> None:
    with pytest.raises(SourceError) as caught:
        match_device({}, "USB")
    assert "PULSE_SERVER" in caught.value.hint


def test_what_c_writes_to_stderr_is_swallowed_and_only_then(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before ")
    with quiet_stderr():
        os.write(2, b"ALSA lib pcm.c:2664 Unknown PCM ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"
