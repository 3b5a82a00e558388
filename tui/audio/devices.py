"""What there is to record from.

PortAudio looks for devices once, when it starts, and forgets open streams when it starts again. So `list_devices` asks
in a process of its own: run as a module, this file prints the devices as JSON.
"""

import subprocess
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import msgspec

from tui.audio import portaudio
from tui.errors import SourceError

LIST_TIMEOUT_S = 10.0
"""Longest wait for the sound system to name its devices."""


class Device(msgspec.Struct, frozen=True):
    """Something that can be recorded from."""

    name: str
    host_api: str
    """The sound system it belongs to, such as `ALSA` or `Core Audio`."""
    channels: int
    default_rate: float
    """Samples a second that it prefers."""
    default: bool
    """Whether it is what `mic` means."""


class _Failure(msgspec.Struct, frozen=True):
    message: str
    hint: str


def list_devices() -> list[Device]:
    """Return what can be recorded from at this moment; takes about half a second.

    Raises:
        SourceError: PortAudio is missing, or does not answer.
    """
    # -P keeps a folder named `tui` in the current directory from being run instead of us.
    command = [sys.executable, "-P", "-m", "tui.audio.devices"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIST_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(
            f"The sound system did not name its devices within {LIST_TIMEOUT_S:.0f} s.",
            "Is its server (PULSE_SERVER) alive?",
        ) from error
    try:
        answer = msgspec.json.decode(done.stdout, type=list[Device] | _Failure)
    except msgspec.MsgspecError as error:
        raise SourceError(
            f"The sound system could not be asked for its devices (code {done.returncode}).",
            "Try a program instead: cmd:parec --rate=16000 --channels=1 --format=s16le",
        ) from error
    if isinstance(answer, _Failure):
        raise SourceError(answer.message, answer.hint)
    return answer


def main() -> None:
    """Print the devices, or why there are none to be had, as JSON."""
    answer: list[Device] | _Failure
    try:
        answer = list(list_inputs(portaudio.load()).values())
    except SourceError as error:
        answer = _Failure(error.message, error.hint)
    sys.stdout.write(msgspec.json.encode(answer).decode())


def list_inputs(sounddevice: ModuleType) -> dict[int, Device]:
    """Return what can be recorded from by PortAudio's index, which holds until PortAudio starts again."""
    systems: list[Mapping[str, Any]] = list(sounddevice.query_hostapis())
    preferred = next((at for system in systems if (at := system["default_input_device"]) >= 0), -1)
    return {
        index: Device(
            name=device["name"],
            host_api=systems[device["hostapi"]]["name"],
            channels=device["max_input_channels"],
            default_rate=device["default_samplerate"],
            default=index == preferred,
        )
        for index, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    }


def match_device(devices: Mapping[int, Device], requested: str) -> int:
    """Return the index of the device called `wanted`, or with that in its name; of the default one if it is empty.

    Raises:
        SourceError: there is no such device, or none at all.
    """
    if not devices:
        raise SourceError(
            "There is no microphone on this machine.",
            "A sound server elsewhere: set PULSE_SERVER. A program: cmd:parec … More: livegist doctor",
        )
    if not requested:
        return next((index for index, device in devices.items() if device.default), next(iter(devices)))
    name = requested.casefold()
    for fits in (name.__eq__, lambda other: name in other):
        for index, device in devices.items():
            if fits(device.name.casefold()):
                return index
    raise SourceError(
        f"No microphone is called {requested!r}.",
        f"There are: {', '.join(device.name for device in devices.values())}.",
    )


if __name__ == "__main__":
    main()
