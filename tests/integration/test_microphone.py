"""A real microphone path: played into PulseAudio, captured through PortAudio."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests import loop_lag
from tests.conftest import DATA, Pulse, needs
from tui.audio.devices import list_devices
from tui.audio.level import measure
from tui.audio.microphone import Microphone
from tui.audio.sources import Source, open_source, warm_up
from tui.errors import SourceError

CLIP = min(DATA.glob("*.wav"))


@asynccontextmanager
async def listening(spec: str = "mic") -> AsyncIterator[Source]:
    await warm_up(spec)
    async with asyncio.timeout(30), open_source(spec) as source:
        yield source


async def read_samples(source: Source, samples: int) -> bytes:
    sound = b""
    async for block in source:
        sound += block
        if len(sound) >= samples * 2:
            break
    return sound


def correlation(played: npt.NDArray[np.float64], recorded: npt.NDArray[np.float64]) -> tuple[float, int]:
    """Return the peak of the normalised cross-correlation, and where in `recorded` the played sound starts."""
    size = len(played) + len(recorded)
    spectrum = np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(played, size))
    products = np.fft.irfft(spectrum, size)[: len(recorded) - len(played) + 1]
    at = int(products.argmax())
    part = recorded[at : at + len(played)]
    return float(products[at] / np.sqrt((part @ part) * (played @ played))), at


async def capture_of_clip(pulse: Pulse, spec: str) -> tuple[npt.NDArray[np.float64], bytes]:
    """Play the clip; return it, and what the microphone made of it."""
    played, rate = soundfile.read(CLIP, dtype="int16")
    async with listening(spec) as source:
        await read_samples(source, 800)
        player = pulse.play(CLIP)
        sound = await read_samples(source, len(played) + rate)
        assert await asyncio.to_thread(player.wait, 10) == 0
    return played.astype(np.float64), sound


async def assert_recorded_as_played(pulse: Pulse, spec: str) -> None:
    played, sound = await capture_of_clip(pulse, spec)
    recorded = np.frombuffer(sound, "<i2").astype(np.float64)
    peak, at = correlation(played, recorded)
    assert peak > 0.9
    spoken = measure(sound[at * 2 : (at + len(played)) * 2])
    original = measure(played.astype("<i2").tobytes())
    assert spoken.rms_dbfs == pytest.approx(original.rms_dbfs, abs=1.0)
    assert spoken.peak_dbfs == pytest.approx(original.peak_dbfs, abs=1.0)


async def test_the_captured_audio_equals_the_played_audio(pulse: Pulse) -> None:
    await assert_recorded_as_played(pulse, "mic")


async def test_a_device_without_16_khz_mono_is_captured_in_its_own_format(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sounddevice

    class Stubborn(sounddevice.RawInputStream):  # type: ignore[misc]
        """A stream of a device that has 44.1 kHz and two channels and nothing else."""

        def __init__(self, **asked: Any) -> None:
            for wrong, code in ((asked["samplerate"] != 44_100, -9997), (asked["channels"] != 2, -9998)):
                if wrong:
                    raise sounddevice.PortAudioError("Refused", code)
            super().__init__(**asked)

    monkeypatch.setattr(sounddevice, "RawInputStream", Stubborn)
    await assert_recorded_as_played(pulse, "mic:default")


async def test_the_microphone_clock_matches_the_wall_clock(pulse: Pulse) -> None:
    async with listening() as source, loop_lag.measured() as machine:
        await read_samples(source, 8_000)
        start = time.monotonic()
        sound = await read_samples(source, 48_000)
        took_s = time.monotonic() - start
        assert took_s == pytest.approx(len(sound) / 32_000, abs=0.15 + machine.late_s)
        assert (source.finite, source.overflows) == (False, 0)


async def test_the_first_sound_comes_within_200_ms(pulse: Pulse) -> None:
    waits = []
    async with listening() as source:
        await read_samples(source, 800)
    for _ in range(5):
        start = time.monotonic()
        async with open_source("mic") as source:
            await read_samples(source, 1)
            waits.append(time.monotonic() - start)
    assert min(waits) < 0.2, "the others may have waited for a busy machine"


async def test_a_blocked_event_loop_loses_no_audio(pulse: Pulse) -> None:
    async with listening() as source:
        await read_samples(source, 800)
        start = time.monotonic()
        time.sleep(2.5)  # noqa: ASYNC251 - the loop is to be held up
        await read_samples(source, round((time.monotonic() - start) * 16_000) - 1_600)
        assert time.monotonic() - start < 4.5, "what was recorded meanwhile is there already"
        assert source.overflows == 0


async def test_a_device_without_callbacks_for_two_seconds_is_lost(pulse: Pulse) -> None:
    async with listening() as source:
        await read_samples(source, 800)
        pulse.pactl("suspend-source", "mic", "1")
        try:
            start = time.monotonic()
            with pytest.raises(SourceError, match="delivered no audio"):
                await read_samples(source, 160_000)
            assert time.monotonic() - start > 1.9
        finally:
            pulse.pactl("suspend-source", "mic", "0")
    async with listening() as source:
        assert await read_samples(source, 800), "it can be opened again"


async def test_an_unplugged_device_is_reported_at_once_and_found_again(
    pulse: Pulse, short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Pulse(short_dir)
    try:
        await asyncio.to_thread(other.ready)
        for name, value in other.env.items():
            monkeypatch.setenv(name, value)
        async with listening() as source:
            await read_samples(source, 800)
            async with loop_lag.measured() as machine:
                other.process.kill()
                start = time.monotonic()
                with pytest.raises(SourceError, match=r"stopped|delivered no audio"):
                    await read_samples(source, 160_000)
                assert time.monotonic() - start - machine.late_s < 3
    finally:
        other.stop()
    with pytest.raises(SourceError):
        async with listening():
            pass
    back = Pulse(short_dir)
    try:
        await asyncio.to_thread(back.ready)
        async with listening() as source:
            assert await read_samples(source, 800)
    finally:
        back.stop()


LISTEN = """
import asyncio
from tui.audio import microphone, portaudio
from tui.audio.microphone import Microphone
from tui.audio.sources import open_source
from tui.errors import SourceError
portaudio.CALL_TIMEOUT_S = microphone.SILENCE_TIMEOUT_S = 0.5
async def main():
    for _ in range(2):
        try:
            async with open_source("mic") as source:
                async for _ in source:
                    print("sound", flush=True)
        except SourceError as error:
            print(error.message, flush=True)
asyncio.run(main())
"""


def test_a_hanging_sound_server_blocks_neither_the_loop_nor_the_exit(pulse: Pulse, short_dir: Path) -> None:
    other = Pulse(short_dir)
    try:
        other.ready()
        environ = {**os.environ, **other.env}
        with subprocess.Popen(
            [sys.executable, "-c", LISTEN], env=environ, stdout=subprocess.PIPE, text=True
        ) as listener:
            assert listener.stdout is not None
            assert listener.stdout.readline() == "sound\n"
            other.process.send_signal(signal.SIGSTOP)
            said, _ = listener.communicate(timeout=20)
        assert "delivered no audio" in said
        assert said.splitlines()[-1].startswith("The sound system did not respond")
        assert listener.returncode == 0
    finally:
        other.process.kill()
        other.stop()


CALL = """
import asyncio, time
from tui.audio import portaudio
async def main():
    calling = asyncio.ensure_future(portaudio.call_with_timeout(lambda: print(time.sleep(0.5) or "back", flush=True)))
    await asyncio.sleep(0)
    calling.cancel()
asyncio.run(main())
"""


def test_the_exit_waits_for_a_pending_portaudio_call() -> None:
    assert opened(CALL).stdout == "back\n"


async def test_an_unknown_device_name_lists_the_available_devices(pulse: Pulse) -> None:
    with pytest.raises(SourceError) as caught:
        async with open_source("mic:Røde NT-USB"):
            pass
    assert "default" in caught.value.hint


async def test_cancelling_while_a_device_opens_leaves_no_stream_open(pulse: Pulse) -> None:
    async def capture() -> None:
        async with open_source("mic") as source:
            await read_samples(source, 160_000)

    for _ in range(3):
        capturing = asyncio.create_task(capture())
        await asyncio.sleep(0)
        capturing.cancel()
        await asyncio.wait([capturing], timeout=10)
        assert capturing.cancelled()
    assert "PortAudio" not in pulse.pactl("list", "source-outputs")
    async with listening() as source:
        await read_samples(source, 800)


async def test_two_channels_have_separate_levels(pulse: Pulse) -> None:
    await warm_up("mic")
    for channels in (1, 2):
        async with asyncio.timeout(30), open_source("mic", channels=channels) as source:
            assert isinstance(source, Microphone)
            assert await read_samples(source, 800)
            assert len(source.take_levels()) == (2 if channels == 2 else 0)
            assert source.take_levels() == ()


def test_the_devices_are_listed_with_the_default_among_them(pulse: Pulse) -> None:
    devices = list_devices()
    assert [(device.name, device.host_api) for device in devices if device.default] == [("Microphone", "PulseAudio")]
    assert all(device.channels > 0 and device.default_rate > 0 for device in devices)


OPEN = """
import asyncio
from tui.audio.microphone import Microphone
from tui.audio.sources import open_source
from tui.errors import SourceError
async def main():
    try:
        async with open_source("mic"):
            print("open")
    except SourceError as error:
        print(error.message, error.hint)
asyncio.run(main())
"""


def opened(code: str = OPEN, **environment: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=30)


PLUGINS = """
import asyncio, re
from pathlib import Path
from tui.audio.sources import open_source, warm_up
def loaded():
    return sorted(set(re.findall("libasound_module_pcm_([a-z0-9_]+)", Path("/proc/self/maps").read_text())))
async def main():
    await warm_up("mic")
    print(*loaded())
    for _ in range(2):
        async with open_source("mic") as source:
            await anext(aiter(source))
            print(*loaded())
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA is of Linux")
def test_only_the_plugin_of_the_open_device_stays_loaded(pulse: Pulse) -> None:
    assert opened(PLUGINS).stdout == "\npulse\npulse\n"


def test_a_missing_microphone_is_reported_without_alsa_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("portaudio")
    monkeypatch.setenv("ALSA_CONFIG_PATH", "/usr/share/alsa/alsa.conf")
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/none")
    if list_devices():
        pytest.skip("this machine has a microphone")
    done = opened()
    assert "There is no microphone" in done.stdout
    assert "PULSE_SERVER" in done.stdout
    assert done.stderr == ""


def test_a_missing_sound_server_is_reported_without_alsa_output(pulse: Pulse, tmp_path: Path) -> None:
    done = opened(PULSE_SERVER=f"unix:{tmp_path}/none")
    assert "cannot be opened" in done.stdout or "There is no microphone" in done.stdout
    assert done.stderr == ""


def test_without_portaudio_a_microphone_says_what_to_install() -> None:
    hidden = "import ctypes.util\nctypes.util.find_library = lambda name: None\n"
    if sys.platform == "darwin":
        pytest.skip("on macOS the wheel of sounddevice carries PortAudio")
    done = opened(hidden + OPEN)
    assert "apt install libportaudio2" in done.stdout
    assert "brew install portaudio" in done.stdout


@pytest.fixture
def second_microphone(pulse: Pulse) -> Iterator[str]:
    """Give the sound server a second microphone, which records another output."""
    sink = pulse.pactl("load-module", "module-null-sink", "sink_name=far", "rate=16000", "channels=1", "norewinds=1")
    source = ("master=far.monitor", "source_name=usb", 'source_properties=device.description="USB-Mikrofon-für-alle"')
    remapped = pulse.pactl("load-module", "module-remap-source", *source)
    yield "USB-Mikrofon-für-alle"
    pulse.pactl("unload-module", remapped)
    pulse.pactl("unload-module", sink)


def test_each_microphone_of_the_sound_server_is_listed_once_by_its_description(
    pulse: Pulse, second_microphone: str
) -> None:
    assert [device.name for device in list_devices()] == ["Microphone", second_microphone]


async def test_a_microphone_that_is_not_the_default_one_is_recorded_by_its_description(
    pulse: Pulse, second_microphone: str
) -> None:
    async with listening("mic:mikrofon-für") as source:
        await read_samples(source, 800)
        assert source.name == second_microphone
        outputs = pulse.pactl("list", "short", "source-outputs").splitlines()
        sources = {row.split()[0]: row.split()[1] for row in pulse.pactl("list", "short", "sources").splitlines()}
        assert [sources[row.split()[1]] for row in outputs if "protocol-native" in row] == ["usb"]
    async with listening("mic") as source:
        assert source.name == "Microphone"


async def test_a_microphone_that_is_unplugged_is_not_replaced_by_another_one(pulse: Pulse) -> None:
    source = ("master=spk.monitor", "source_name=gone", "source_properties=device.description=Unplugged")
    remapped = pulse.pactl("load-module", "module-remap-source", *source)
    async with listening("mic:Unplugged") as microphone:
        await read_samples(microphone, 800)
        reading = asyncio.ensure_future(read_samples(microphone, 16_000 * 60))
        pulse.pactl("unload-module", remapped)
        with pytest.raises(SourceError, match=r"Unplugged stopped\."):
            await asyncio.wait_for(reading, 30)


async def test_another_default_microphone_is_named(pulse: Pulse, second_microphone: str) -> None:
    async with open_source("mic") as source:
        assert source.name == "Microphone"
        try:
            for id, name in (("usb", second_microphone), ("mic", "Microphone")):
                pulse.pactl("set-default-source", id)
                async with asyncio.timeout(30):
                    while source.name != name:
                        assert await read_samples(source, 800)
        finally:
            pulse.pactl("set-default-source", "mic")
