"""A microphone that is unplugged, stalls and returns: positions in the recording stay true."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests import loop_lag
from tests.conftest import DEVICES, Pulse
from tests.fake_endpoint import RATE, Endpoint
from tests.faults.engines import Watch, assert_all_arrived, running
from tui.audio.microphone import Microphone
from tui.audio.sources import warm_up
from tui.engine.engine import Engine
from tui.model.commands import Start, Stop, UseSource
from tui.model.events import State

LOST = range(30, 60)
"""Blocks of 50 ms that the audio system loses: more than the tolerance of the session's clock."""


class Unplugged:
    """The sound server's microphone, which can be unplugged and plugged in again."""

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse

    def suspend(self) -> None:
        """Stop delivering samples, as many devices do when they are unplugged."""
        self.pulse.pactl("suspend-source", "mic", "1")

    def resume(self) -> None:
        self.pulse.pactl("suspend-source", "mic", "0")

    def unplug(self) -> None:
        """Remove all devices; the sound server would otherwise switch to another one."""
        modules = self.pulse.pactl("list", "short", "modules").splitlines()
        for kind in ("module-remap-source", "module-null-sink"):
            for module in modules:
                if kind in module:
                    self.pulse.pactl("unload-module", module.split()[0])

    def plug_in(self) -> None:
        """Add the devices again."""
        for device in DEVICES:
            self.pulse.pactl("load-module", *device.split())
        self.pulse.pactl("set-default-source", "mic")


@pytest.fixture
def microphone(pulse: Pulse) -> Iterator[Unplugged]:
    found = Unplugged(pulse)
    yield found
    found.resume()


async def listen(built: Engine, server: Endpoint, watch: Watch) -> float:
    """Start a session; return the time at which its recording began."""
    await warm_up("mic")
    await built.execute(Start({"source": "mic", "url": server.url, "analyse_at_end": False}))
    await watch.until(lambda: watch.record.stats.elapsed_s >= 1)
    return time.monotonic() - watch.record.stats.elapsed_s


async def stop(built: Engine, watch: Watch, began: float) -> None:
    """Stop, and compare the recording's length with real time."""
    elapsed_s = time.monotonic() - began
    await built.execute(Stop())
    await watch.until_over()
    assert watch.record.state is State.ENDED
    assert len(watch.recorded) / 2 / RATE == pytest.approx(elapsed_s, abs=0.7)


async def test_a_silent_device_is_reported_within_three_seconds_and_silence_fills_the_gap(
    server: Endpoint, microphone: Unplugged
) -> None:
    watch = Watch()
    async with running(watch) as built:
        began = await listen(built, server, watch)
        async with loop_lag.measured() as machine:
            gone = time.monotonic()
            microphone.suspend()
            await watch.until(lambda: any("delivered no audio" in notice for notice in watch.notices))
            assert time.monotonic() - gone - machine.late_s < 3.5
        assert watch.record.state is State.LIVE
        await asyncio.sleep(1.0)
        microphone.resume()
        await watch.until(lambda: any("Recording continues" in notice for notice in watch.notices))
        before = watch.record.stats.elapsed_s
        await watch.until(lambda: watch.record.stats.elapsed_s > before + 1)
        await stop(built, watch, began)
    assert_all_arrived(watch.recorded, server.calls)
    assert len(server.calls) == 1, "the connection is none of the device's business"


async def test_an_unplugged_device_is_reported_at_once_and_used_again_when_it_is_back(
    server: Endpoint, microphone: Unplugged
) -> None:
    watch = Watch()
    async with running(watch) as built:
        began = await listen(built, server, watch)
        try:
            async with loop_lag.measured() as machine:
                gone = time.monotonic()
                microphone.unplug()
                await watch.until(lambda: any("Silence is recorded" in notice for notice in watch.notices))
                assert time.monotonic() - gone - machine.late_s < 3.5
        finally:
            microphone.plug_in()
        await watch.until(lambda: any("Recording continues" in notice for notice in watch.notices))
        before = watch.record.stats.elapsed_s
        await watch.until(lambda: watch.record.stats.elapsed_s > before + 1)
        await stop(built, watch, began)
    assert_all_arrived(watch.recorded, server.calls)


async def test_samples_that_the_sound_system_lost_are_counted_shown_and_filled_with_silence(
    server: Endpoint, microphone: Unplugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_block = Microphone._on_block
    calls = itertools.count()

    def overflowing(microphone: Microphone, block: bytes, frames: int, times: object, status: object) -> None:
        # PulseAudio holds back as much as there is time for, so that PortAudio itself never gets to lose anything.
        if (call := next(calls)) not in LOST:
            on_block(microphone, block, frames, times, SimpleNamespace(input_overflow=call == LOST.stop))

    monkeypatch.setattr(Microphone, "_on_block", overflowing)
    watch = Watch()
    async with running(watch) as built:
        began = await listen(built, server, watch)
        await watch.until(lambda: watch.record.stats.overflows == 1)
        before = watch.record.stats.elapsed_s
        await watch.until(lambda: watch.record.stats.elapsed_s > before + 1)
        await stop(built, watch, began)
    assert_all_arrived(watch.recorded, server.calls)


async def test_another_device_is_taken_live(server: Endpoint, microphone: Unplugged) -> None:
    module = microphone.pulse.pactl("load-module", "module-null-sink", "sink_name=other", "rate=16000", "channels=1")
    try:
        watch = Watch()
        async with running(watch) as built:
            began = await listen(built, server, watch)
            await built.execute(UseSource("mic:pulse"))
            await watch.until(lambda: any("Recording continues from" in notice for notice in watch.notices))
            before = watch.record.stats.elapsed_s
            await watch.until(lambda: watch.record.stats.elapsed_s > before + 1)
            assert watch.record.stats.device == "pulse"
            await stop(built, watch, began)
        assert_all_arrived(watch.recorded, server.calls)
        assert watch.states.count(State.CONNECTING) == 1
    finally:
        microphone.pulse.pactl("unload-module", module)


async def test_a_device_that_stays_away_is_replaced_by_the_default_one(server: Endpoint, microphone: Unplugged) -> None:
    watch = Watch()
    async with running(watch) as built:
        await listen(built, server, watch)
        began = time.monotonic()
        await built.execute(UseSource("mic:no such device"))
        await watch.until(lambda: any("There is no microphone" in notice for notice in watch.notices))
        await watch.until(lambda: any("Recording continues from" in notice for notice in watch.notices))
        assert time.monotonic() - began > 9
        before = watch.record.stats.elapsed_s
        await watch.until(lambda: watch.record.stats.elapsed_s > before + 1)
        assert watch.record.stats.device != "no such device"
        await built.execute(Stop())
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert_all_arrived(watch.recorded, server.calls)
