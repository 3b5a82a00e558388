"""Levels of all input devices, for the device picker.

The sound server's own program reads its devices. Without a server PortAudio reads them; it closes open streams when it
enumerates devices again, so the probe runs in a separate process. Run as a module, this file opens all devices and
prints their levels as JSON, eight lines a second, until its stdin ends or the sound server does.
"""

import contextlib
import os
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import msgspec

from tui.audio import portaudio, pulse
from tui.audio.devices import Device, list_inputs
from tui.audio.level import Level, measure
from tui.audio.pulse import SilentServerError
from tui.audio.recording import DEFAULT_RATE
from tui.audio.system_source import SYSTEM, default_output, monitor_command
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
        self._levels.append(_measure(bytes(data), self._channels))

    def take_reading(self) -> ProbeReading:
        """Return the levels since the last call."""
        levels, self._levels = self._levels, []
        return _reading(self.device.name, levels, self.error)


class ServerProbe:
    """Measures the level of a source of the sound server, with its own program.

    Args:
        name: name under which the level is reported.
        command: the program, which writes s16le.
        channels: number of channels that it writes.
    """

    def __init__(self, name: str, command: Sequence[str], channels: int = 1) -> None:
        self.name = name
        self._channels = channels
        self._levels: list[tuple[Level, ...]] = []
        self._recorder = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=without_keys(os.environ),
        )
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        assert self._recorder.stdout is not None
        size = round(BLOCK_S * DEFAULT_RATE) * SAMPLE_BYTES * self._channels
        while len(block := self._recorder.stdout.read(size)) == size:
            self._levels.append(_measure(block, self._channels))

    def take_reading(self) -> ProbeReading:
        """Return the levels since the last call."""
        levels, self._levels = self._levels, []
        return _reading(self.name, levels)

    @property
    def ended(self) -> bool:
        """Whether the program has ended, as it does with the sound server."""
        return self._recorder.poll() is not None

    def close(self) -> None:
        """End the program."""
        self._recorder.kill()
        self._recorder.wait()


def _measure(block: bytes, channels: int) -> tuple[Level, ...]:
    """Return the level of each of two channels, or of all channels together."""
    if channels != MAX_SEPARATE_CHANNELS:
        return (measure(block),)
    samples = memoryview(block).cast("h")
    return tuple(measure(samples[at::MAX_SEPARATE_CHANNELS].tobytes()) for at in range(MAX_SEPARATE_CHANNELS))


def _reading(name: str, levels: Sequence[tuple[Level, ...]], error: str = "") -> ProbeReading:
    """Return the maxima of the levels of some blocks."""
    if error or not levels:
        return ProbeReading(name, error=error)
    maxima = (
        (max(level.rms_dbfs for level in channel), max(level.peak_dbfs for level in channel))
        for channel in zip(*levels, strict=True)
    )
    return ProbeReading(name, tuple(maxima), any(level.clipped for block in levels for level in block))


def _server_probes() -> list[ServerProbe]:
    """Return a probe of each input device of the sound server, and of what this machine plays.

    Raises:
        SilentServerError: the sound server does not answer.
    """
    if not sys.platform.startswith("linux") or shutil.which("parec") is None:
        return []
    probes = []
    for source in pulse.list_sources()[:MAX_DEVICES]:
        channels = min(MAX_SEPARATE_CHANNELS, source.channels)
        command = pulse.parec_command(source.id, sample_rate=DEFAULT_RATE, channels=channels, stream="level")
        probes.append(ServerProbe(source.name, command, channels))
    with contextlib.suppress(SourceError):
        probes.append(ServerProbe(SYSTEM, monitor_command(default_output(), DEFAULT_RATE)))
    return probes


def _open_all() -> list[DeviceProbe]:
    """Return a probe of each of PortAudio's devices, which are being opened; empty without PortAudio."""
    try:
        sounddevice = portaudio.load()
        found = list_inputs(sounddevice)
    except SourceError:
        return []
    probes = [DeviceProbe(device) for device in list(found.values())[:MAX_DEVICES]]

    def open_all() -> None:
        for probe, index in zip(probes, found, strict=False):
            probe.open(sounddevice, index)

    # In a thread: a device that does not respond delays the devices after it, but not the output.
    threading.Thread(target=open_all, name="open", daemon=True).start()
    return probes


def main() -> None:
    """Print levels until stdin ends; print nothing if there is no sound system, or a sound server that hangs."""
    try:
        server = _server_probes()
    except SilentServerError:
        # PortAudio would hang, too.
        return
    devices = [] if any(probe.name != SYSTEM for probe in server) else _open_all()
    probes: list[DeviceProbe | ServerProbe] = [*devices, *server]
    if not probes:
        return
    encoder = msgspec.json.Encoder()
    with contextlib.suppress(BrokenPipeError):
        while not select.select([sys.stdin], [], [], PERIOD_S)[0] and (devices or not all(p.ended for p in server)):
            sys.stdout.write(f"{encoder.encode([probe.take_reading() for probe in probes]).decode()}\n")
            sys.stdout.flush()
    for probe in server:
        probe.close()


if __name__ == "__main__":
    main()
