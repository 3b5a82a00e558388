"""The source `system`: what a real sound server plays, and what is said where there is none."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.conftest import Pulse, needs
from tests.session_fixtures import write_wav
from tui.audio.sources import Source, open_source
from tui.audio.system_source import LOOPBACK_DEVICES, describe_system, loopback_device
from tui.cli import main
from tui.engine.device_monitor import DeviceMonitor, list_sources
from tui.errors import SourceError
from tui.model.events import DeviceLevels, Event

RATE = 16_000
PATIENCE_S = 60.0


@pytest.fixture
def outputs(pulse: Pulse, tmp_path: Path) -> Iterator[Pulse]:
    """Give the sound server a second output, and make the first the default one again afterwards."""
    needs("parec")
    sink = ("sink_name=other", "rate=16000", "channels=1", "norewinds=1")
    module = pulse.pactl("load-module", "module-null-sink", *sink)
    pulse.pactl("set-default-sink", "spk")
    yield pulse
    pulse.pactl("set-default-sink", "spk")
    pulse.pactl("unload-module", module)


def play(pulse: Pulse, folder: Path, sink: str, value: int) -> "subprocess.Popen[bytes]":
    """Play a minute of one sample value into an output."""
    path = folder / f"{value}.wav"
    write_wav(path, np.full(RATE * 60, value, "<i2").tobytes())
    return subprocess.Popen(["paplay", f"--device={sink}", str(path)])


async def wait_for(source: Source, value: int) -> int:
    """Read until a block has `value` only; return the samples read before it."""
    samples = 0
    async with asyncio.timeout(PATIENCE_S):
        async for block in source:
            if set(np.frombuffer(block, "<i2").tolist()) == {value}:
                return samples
            samples += len(block) // 2
    raise AssertionError("the source ended")


async def read_to_the_end(blocks: AsyncIterator[bytes]) -> None:
    async for _ in blocks:
        pass


async def test_it_records_the_default_output_and_follows_it(outputs: Pulse, tmp_path: Path) -> None:
    players = [play(outputs, tmp_path, "spk", 500), play(outputs, tmp_path, "other", -700)]
    clock = asyncio.get_running_loop().time
    try:
        async with open_source("system", clock=clock) as source:
            assert (source.name, source.finite, source.overflows) == ("system", False, 0)
            await wait_for(source, 500)
            # The sound server would move it to the new default output.
            players[0].terminate()
            started = clock()
            outputs.pactl("set-default-sink", "other")
            samples = await wait_for(source, -700)
            assert samples / RATE <= clock() - started + 0.5, "silence stands for the gap, and for no more"
    finally:
        for player in players:
            player.terminate()
            player.wait()
    assert "livegist" not in outputs.pactl("list", "source-outputs")


async def test_a_server_without_any_output_ends_it_instead_of_recording_a_microphone(short_dir: Path) -> None:
    needs("pulseaudio", "pactl", "parec")
    server = Pulse(short_dir)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.env.items():
            patch.setenv(name, value)
        try:
            await asyncio.to_thread(server.ready)
            async with asyncio.timeout(PATIENCE_S), open_source("system") as source:
                blocks = aiter(source)
                await anext(blocks)
                server.process.kill()
                with pytest.raises(SourceError, match="The sound server has stopped"):
                    await read_to_the_end(blocks)
            with pytest.raises(SourceError, match="sound server does not answer"):
                describe_system("linux")
        finally:
            server.stop()


def test_devices_lists_it_with_its_level(outputs: Pulse, tmp_path: Path) -> None:
    player = play(outputs, tmp_path, "spk", 3277)
    try:
        for _ in range(20):
            line = next(line for line in CliRunner().invoke(main, ["devices"]).stdout.splitlines() if "system" in line)
            if "-20 dBFS" in line:
                break
    finally:
        player.terminate()
        player.wait()
    assert line == "  system  (what this machine plays: Speaker, -20 dBFS)"


async def test_the_device_picker_gets_its_level(outputs: Pulse, tmp_path: Path) -> None:
    found = [device for device in await asyncio.to_thread(list_sources) if device.source == "system"]
    assert [device.description for device in found] == ["what this machine plays: Speaker"]
    arrived = asyncio.Event()

    def publish(event: Event) -> None:
        assert isinstance(event, DeviceLevels)
        peaks = [peak for level in event.levels if level.name == "system" for _, peak in level.channels]
        if any(peak > -30 for peak in peaks):
            arrived.set()

    monitor = DeviceMonitor(publish)
    player = play(outputs, tmp_path, "spk", 3277)
    try:
        await monitor.start(30)
        async with asyncio.timeout(PATIENCE_S):
            await arrived.wait()
    finally:
        await monitor.close()
        player.terminate()
        player.wait()
    assert "parec" not in outputs.pactl("list", "source-outputs")


def test_programs_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SourceError, match="pactl and parec not found") as caught:
        describe_system("linux")
    assert "apt install pulseaudio-utils" in caught.value.hint


def test_a_mac_needs_a_loopback_device() -> None:
    assert loopback_device(["MacBook Microphone", "BlackHole 2ch"]) == "BlackHole 2ch"
    assert loopback_device([f"x {LOOPBACK_DEVICES[1].lower()}"]) == "x loopback audio"
    with pytest.raises(SourceError, match="no loopback device") as caught:
        loopback_device(["MacBook Microphone"])
    assert "brew install blackhole-2ch" in caught.value.hint


def test_the_sound_of_the_machine_cannot_be_recorded_on_other_systems() -> None:
    with pytest.raises(SourceError, match="cannot be recorded on this system") as caught:
        describe_system("freebsd14")
    assert "PulseAudio or PipeWire" in caught.value.hint
