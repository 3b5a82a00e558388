"""How loud it is at every device, before one is chosen.

PortAudio forgets open streams when it looks for devices anew, so this runs in a process of its own. Run as a module,
this file opens all devices and prints their levels as JSON, a line eight times a second, until its stdin ends.
"""

import contextlib
import select
import sys
import threading
from types import ModuleType
from typing import Any

import msgspec

from tui.audio import portaudio
from tui.audio.devices import Device, list_inputs
from tui.audio.level import Level, measure
from tui.errors import SourceError

PERIOD_S = 0.125
"""Seconds between two lines."""
BLOCK_S = 0.05
"""Seconds of sound in one callback."""
MAX_DEVICES = 16
"""Devices that are opened at most: ALSA names some dozens on a machine with several cards."""
MAX_SEPARATE_CHANNELS = 2
"""Channels up to which each is told apart."""


class ProbeReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was heard at one device since the line before."""

    name: str
    channels: tuple[tuple[float, float], ...] = ()
    """Greatest RMS and peak in dBFS of each channel; of more than two as one. Empty: nothing came."""
    clipped: bool = False
    error: str = ""
    """Why it cannot be opened; empty if it is open."""


class DeviceProbe:
    """One device, open."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.error = ""
        self.stream: Any = None
        self._channels = 1
        self._levels: list[tuple[Level, ...]] = []

    def open(self, sounddevice: ModuleType, index: int) -> None:
        """Start to listen, with as many channels as are told apart or as the device insists on."""
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

    def _on_block(self, heard: Any, frames: int, times: Any, status: Any) -> None:
        """Take a block in PortAudio's thread."""
        block = bytes(heard)
        if self._channels == MAX_SEPARATE_CHANNELS:
            samples = memoryview(block).cast("h")
            self._levels.append(
                tuple(measure(samples[at::MAX_SEPARATE_CHANNELS].tobytes()) for at in range(MAX_SEPARATE_CHANNELS))
            )
        else:
            self._levels.append((measure(block),))

    def take_reading(self) -> ProbeReading:
        """Return what was heard since the last time."""
        levels, self._levels = self._levels, []
        if self.error or not levels:
            return ProbeReading(self.device.name, error=self.error)
        loudest = (
            (max(level.rms_dbfs for level in channel), max(level.peak_dbfs for level in channel))
            for channel in zip(*levels, strict=True)
        )
        return ProbeReading(self.device.name, tuple(loudest), any(level.clipped for block in levels for level in block))


def main() -> None:
    """Print levels until stdin ends; nothing if there is no sound system."""
    try:
        sounddevice = portaudio.load()
        found = list_inputs(sounddevice)
    except SourceError:
        return
    ears = [DeviceProbe(device) for device in list(found.values())[:MAX_DEVICES]]

    def open_all() -> None:
        for ear, index in zip(ears, found, strict=False):
            ear.open(sounddevice, index)

    # One device that does not answer keeps those after it waiting, but not the lines.
    threading.Thread(target=open_all, name="open", daemon=True).start()
    encoder = msgspec.json.Encoder()
    with contextlib.suppress(BrokenPipeError):
        while not select.select([sys.stdin], [], [], PERIOD_S)[0]:
            sys.stdout.write(f"{encoder.encode([ear.take_reading() for ear in ears]).decode()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
