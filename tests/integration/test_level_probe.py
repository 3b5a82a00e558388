"""Device levels, measured by the real process on a real sound server."""

import asyncio
from pathlib import Path

import pytest

from tests.conftest import DATA, Pulse
from tui.engine.device_monitor import DeviceMonitor, list_sources
from tui.model.events import DeviceLevels, Event

PATIENCE_S = 30.0
SPEECH = DATA / "sense_and_sensibility_01_austen_64kb-0870.wav"


class Told:
    """What was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.heard: list[DeviceLevels] = []
        self.more = asyncio.Event()

    def __call__(self, event: Event) -> None:
        assert isinstance(event, DeviceLevels)
        self.heard.append(event)
        self.more.set()

    async def peak_of(self, name: str, above_dbfs: float) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(
                peak > above_dbfs
                for event in self.heard
                for level in event.levels
                if level.name == name
                for _, peak in level.channels
            ):
                self.more.clear()
                await self.more.wait()


async def test_a_device_shows_the_level_of_speech_and_is_closed_afterwards(pulse: Pulse) -> None:
    default = next(device for device in await asyncio.to_thread(list_sources) if device.default)
    assert default.description
    told = Told()
    ears = DeviceMonitor(told)
    await ears.start(30)
    playing = pulse.play(SPEECH)
    try:
        await told.peak_of(default.description, -40)
        await ears.start(0)
        assert "livegist" not in pulse.pactl("list", "source-outputs")
    finally:
        await ears.close()
        playing.terminate()
        playing.wait()


async def test_a_measurement_that_is_not_renewed_ends(pulse: Pulse) -> None:
    told = Told()
    ears = DeviceMonitor(told)
    await ears.start(0.5)
    assert ears._task is not None
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait({ears._task})
    assert "livegist" not in pulse.pactl("list", "source-outputs")


async def test_without_a_sound_system_there_are_no_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/true")
    told = Told()
    ears = DeviceMonitor(told)
    await ears.start(30)
    assert ears._task is not None
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait({ears._task})
    assert told.heard == []
