"""Input devices as a viewer shows them: what can be recorded, and its level."""

import msgspec


class DeviceInfo(msgspec.Struct, frozen=True, omit_defaults=True, rename={"description": "about"}):
    """An audio source that a person can choose."""

    source: str
    """Its value in the setting `source`."""
    name: str
    description: str = ""
    """The sound system of the device; for the default device, its name."""
    default: bool = False


class DeviceLevel(msgspec.Struct, frozen=True, omit_defaults=True):
    """Level of a device during the last eighth of a second."""

    name: str
    channels: tuple[tuple[float, float], ...] = ()
    """RMS and peak in dBFS of each channel, or of all channels together; empty if no audio arrived."""
    clipped: bool = False
    error: str = ""
    """Why the device cannot be opened; empty if it is open."""
