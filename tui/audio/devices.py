"""Input devices.

They are those of the sound server, if one answers, else PortAudio's. PortAudio enumerates devices once, when it starts,
and a restart closes open streams. `list_devices` therefore runs it in a separate process: run as a module, this file
prints PortAudio's devices as JSON.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import msgspec

from tui.audio import portaudio, pulse
from tui.audio.pulse import PulseSource
from tui.errors import SourceError

LIST_TIMEOUT_S = 10.0
"""Maximum time to list the devices, in seconds."""


class Device(msgspec.Struct, frozen=True):
    """An input device."""

    name: str
    host_api: str
    """Sound system of the device, such as `PulseAudio`, `ALSA` or `Core Audio`."""
    channels: int
    """Number of input channels."""
    default_rate: float
    """Preferred sample rate in hertz."""
    default: bool
    """Whether it is the default device, which `mic` selects."""


class _Failure(msgspec.Struct, frozen=True):
    message: str
    hint: str


def list_devices() -> list[Device]:
    """Return the input devices that are connected now; without a sound server, this takes about half a second.

    Raises:
        SilentServerError: the sound server does not answer.
        SourceError: PortAudio is not installed or does not respond.
    """
    if sources := pulse.list_sources():
        return [
            Device(source.name, source.server, source.channels, source.sample_rate, source.default)
            for source in sources
        ]
    # -P keeps Python from importing a folder named `tui` in the current directory.
    command = [sys.executable, "-P", "-m", "tui.audio.devices"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIST_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(
            f"The sound system did not list its devices within {LIST_TIMEOUT_S:.0f} s.",
            "Check that the sound server (PULSE_SERVER) is running.",
        ) from error
    try:
        answer = msgspec.json.decode(done.stdout, type=list[Device] | _Failure)
    except msgspec.MsgspecError as error:
        raise SourceError(
            f"The sound system failed to list its devices (exit code {done.returncode}).",
            "Record with a program instead: cmd:parec --rate=16000 --channels=1 --format=s16le",
        ) from error
    if isinstance(answer, _Failure):
        raise SourceError(answer.message, answer.hint)
    return answer


def main() -> None:
    """Print the devices, or the error, as JSON."""
    answer: list[Device] | _Failure
    try:
        answer = list(list_inputs(portaudio.load()).values())
    except SourceError as error:
        answer = _Failure(error.message, error.hint)
    sys.stdout.write(msgspec.json.encode(answer).decode())


def list_inputs(sounddevice: ModuleType) -> dict[int, Device]:
    """Return the input devices by PortAudio's index, which is valid until PortAudio restarts."""
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


def choose_device(
    devices: Mapping[int, Device], sources: Sequence[PulseSource], requested: str
) -> tuple[int, PulseSource | None]:
    """Return the index of PortAudio's device to open, and the source of the sound server that it is to record from.

    The source is `None` for a device that is not one of the sound server.

    Args:
        devices: PortAudio's devices by index.
        sources: the input devices of the sound server.
        requested: the name of a device, or a part of it; empty for the default device.

    Raises:
        SourceError: no device matches, or PortAudio cannot record from the sound server.
    """
    names = {device.name.casefold(): index for index, device in devices.items()}
    if not requested:
        index = match_device(devices, requested)
        default = next((source for source in sources if source.default), None)
        return index, default if devices[index].name in pulse.PLUGINS else None
    if requested.casefold() in names:
        return names[requested.casefold()], None
    source = pulse.find(sources, requested, exactly=True) or pulse.find(sources, requested, exactly=False)
    if source is None:
        return match_device(devices, requested), None
    for plugin in pulse.PLUGINS:
        if plugin in names:
            return names[plugin], source
    raise SourceError(
        f"{source.name} cannot be opened: PortAudio has no device of {source.server}.",
        f"Install libasound2-plugins or pipewire-alsa, or record with: cmd:parec --device={source.id} --rate=16000 …",
    )


def match_device(devices: Mapping[int, Device], requested: str) -> int:
    """Return the index of the device whose name equals or contains `requested`; of the default device if it is empty.

    Raises:
        SourceError: no device matches, or there are no devices.
    """
    if not devices:
        raise SourceError(
            "There is no microphone on this machine.",
            "Set PULSE_SERVER to use a remote sound server, or record with a program: cmd:parec … See: livegist doctor",
        )
    if not requested:
        return next((index for index, device in devices.items() if device.default), next(iter(devices)))
    name = requested.casefold()
    for matches in (name.__eq__, lambda other: name in other):
        for index, device in devices.items():
            if matches(device.name.casefold()):
                return index
    raise SourceError(
        f"There is no microphone {requested!r}.",
        f"Available microphones: {', '.join(device.name for device in devices.values())}.",
    )


if __name__ == "__main__":
    main()
