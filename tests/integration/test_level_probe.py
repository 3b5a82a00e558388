"""Device levels, measured by the real process on a real sound server."""

import asyncio
from pathlib import Path

import pytest

from tests.conftest import DATA, Pulse
from tui.engine.device_monitor import DeviceMonitor, list_sources
from tui.model.events import DeviceLevels, Event

PATIENCE_S = 30.0
SPEECH = DATA / "sense_and_sensibility_01_austen_64kb-0870.wav"


class Published:
    """The published levels, and a way to wait for one."""

    def __init__(self) -> None:
        self.events: list[DeviceLevels] = []
        self.more = asyncio.Event()

    def __call__(self, event: Event) -> None:
        assert isinstance(event, DeviceLevels)
        self.events.append(event)
        self.more.set()

    async def peak_of(self, name: str, above_dbfs: float) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(
                peak > above_dbfs
                for event in self.events
                for level in event.levels
                if level.name == name
                for _, peak in level.channels
            ):
                self.more.clear()
                await self.more.wait()


async def test_a_device_shows_the_level_of_speech_and_is_closed_afterwards(pulse: Pulse) -> None:
    default = next(device for device in await asyncio.to_thread(list_sources) if device.default)
    assert default.description
    published = Published()
    monitor = DeviceMonitor(published)
    await monitor.start(30)
    playing = pulse.play(SPEECH)
    try:
        await published.peak_of(default.description, -40)
        await monitor.start(0)
        assert "livegist" not in pulse.pactl("list", "source-outputs")
    finally:
        await monitor.close()
        playing.terminate()
        playing.wait()


async def test_a_measurement_that_is_not_renewed_ends(pulse: Pulse) -> None:
    published = Published()
    monitor = DeviceMonitor(published)
    await monitor.start(0.5)
    assert monitor._task is not None
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait({monitor._task})
    assert "livegist" not in pulse.pactl("list", "source-outputs")


async def test_without_a_sound_system_there_are_no_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/true")
    published = Published()
    monitor = DeviceMonitor(published)
    await monitor.start(30)
    assert monitor._task is not None
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait({monitor._task})
    assert published.events == []
