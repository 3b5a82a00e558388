"""Levels of all input devices, for the device picker.

PortAudio closes open streams when it enumerates devices again, so the probe runs in a separate process. Run as a
module, this file opens all devices and prints their levels as JSON, eight lines a second, until its stdin ends.
"""

import contextlib
import os
import select
import subprocess
import sys
import threading
from types import ModuleType
from typing import Any

import msgspec

from tui.audio import portaudio
from tui.audio.devices import Device, list_inputs
from tui.audio.level import Level, measure
from tui.audio.recording import DEFAULT_RATE
from tui.audio.system_source import SYSTEM, describe_system, parec_command
from tui.audio.wav import SAMPLE_BYTES
from tui.credentials import without_keys
from tui.errors import SourceError

PERIOD_S = 0.125
"""Seconds between two lines."""
BLOCK_S = 0.05
"""Seconds of audio in one callback."""
MAX_DEVICES = 16
"""Maximum number of open devices: ALSA lists some dozens on a machine with several cards."""
MAX_SEPARATE_CHANNELS = 2
"""Maximum number of channels that are measured separately."""


class ProbeReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """Levels of one device since the previous line."""

    name: str
    channels: tuple[tuple[float, float], ...] = ()
    """Maximum RMS and peak in dBFS of each channel, or of all together if there are more than two; empty if no audio
    arrived."""
    clipped: bool = False
    error: str = ""
    """Why the device cannot be opened; empty if it is open."""


class DeviceProbe:
    """Measures the level of one device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.error = ""
        self.stream: Any = None
        self._channels = 1
        self._levels: list[tuple[Level, ...]] = []

    def open(self, sounddevice: ModuleType, index: int) -> None:
        """Open the device with one or two channels, or with all of its channels if it accepts no fewer."""
        for channels in dict.fromkeys((min(MAX_SEPARATE_CHANNELS, self.device.channels), 1, self.device.channels)):
            self._channels = channels
            try:
                with portaudio.quiet_stderr():
                    self.stream = sounddevice.RawInputStream(
                        device=index,
                        samplerate=self.device.default_rate,
                        channels=channels,
                        dtype="int16",
                        blocksize=round(BLOCK_S * self.device.default_rate),
                        callback=self._on_block,
                    )
                    self.stream.start()
            except sounddevice.PortAudioError as error:
                self.error = str(error.args[0]) if error.args else str(error)
            else:
                self.error = ""
                return

    def _on_block(self, data: Any, frames: int, times: Any, status: Any) -> None:
        """Measure a block; PortAudio calls this in its own thread."""
        block = bytes(data)
        if self._channels == MAX_SEPARATE_CHANNELS:
            samples = memoryview(block).cast("h")
            self._levels.append(
                tuple(measure(samples[at::MAX_SEPARATE_CHANNELS].tobytes()) for at in range(MAX_SEPARATE_CHANNELS))
            )
        else:
            self._levels.append((measure(block),))

    def take_reading(self) -> ProbeReading:
        """Return the levels since the last call."""
        levels, self._levels = self._levels, []
        if self.error or not levels:
            return ProbeReading(self.device.name, error=self.error)

        maxima = (
            (max(level.rms_dbfs for level in channel), max(level.peak_dbfs for level in channel))
            for channel in zip(*levels, strict=True)
        )
        return ProbeReading(self.device.name, tuple(maxima), any(level.clipped for block in levels for level in block))


class SystemProbe:
    """Measures the level of what this machine plays, with a program of PulseAudio.

    Args:
        output: name of the output.
    """

    def __init__(self, output: str) -> None:
        self._levels: list[Level] = []
        self._recorder = subprocess.Popen(
            parec_command(output, DEFAULT_RATE),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=without_keys(os.environ),
        )
        threading.Thread(target=self._run, name="system", daemon=True).start()

    def _run(self) -> None:
        assert self._recorder.stdout is not None
        while block := self._recorder.stdout.read(round(BLOCK_S * DEFAULT_RATE) * SAMPLE_BYTES):
            self._levels.append(measure(block))

    def take_reading(self) -> ProbeReading:
        """Return the level since the last call."""
        levels, self._levels = self._levels, []
        if not levels:
            return ProbeReading(SYSTEM)
        loudest = max(level.rms_dbfs for level in levels), max(level.peak_dbfs for level in levels)
        return ProbeReading(SYSTEM, (loudest,), any(level.clipped for level in levels))

    def close(self) -> None:
        """End the program."""
        self._recorder.kill()
        self._recorder.wait()


def _open_system() -> SystemProbe | None:
    """Return a probe of what this machine plays; `None` where no program records it."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return SystemProbe(describe_system())
    except (SourceError, OSError):
        return None


def main() -> None:
    """Print levels until stdin ends; print nothing if PortAudio is unavailable."""
    try:
        sounddevice = portaudio.load()
        found = list_inputs(sounddevice)
    except SourceError:
        return
    probes = [DeviceProbe(device) for device in list(found.values())[:MAX_DEVICES]]

    def open_all() -> None:
        for probe, index in zip(probes, found, strict=False):
            probe.open(sounddevice, index)

    # In a thread: a device that does not respond delays the devices after it, but not the output.
    threading.Thread(target=open_all, name="open", daemon=True).start()
    encoder = msgspec.json.Encoder()
    system = _open_system()
    measured: list[DeviceProbe | SystemProbe] = [*probes, *([system] if system else [])]
    with contextlib.suppress(BrokenPipeError):
        while not select.select([sys.stdin], [], [], PERIOD_S)[0]:
            sys.stdout.write(f"{encoder.encode([probe.take_reading() for probe in measured]).decode()}\n")
            sys.stdout.flush()
    if system is not None:
        system.close()


if __name__ == "__main__":
    main()
