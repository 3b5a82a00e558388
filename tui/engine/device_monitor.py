"""Input devices: their list, and their levels while a viewer chooses one."""

import asyncio
import contextlib
import sys
from collections.abc import Callable

import msgspec

from tui.audio.devices import list_devices
from tui.audio.level_probe import ProbeReading
from tui.audio.pulse import SilentServerError
from tui.audio.system_source import SYSTEM, describe_system
from tui.errors import SourceError
from tui.model.commands import ListDevices, MeasureDevices
from tui.model.devices import DeviceInfo, DeviceLevel
from tui.model.events import DeviceLevels, DevicesListed, Event

ANSWER_S = 0.8
"""Longest wait of a viewer for the list of devices; then it gets those known so far."""
LATE = "The sound system has not answered yet. The list is completed once it does."
"""Why a list of devices is incomplete."""
DEFAULT_DEVICE = DeviceInfo("mic", "the default device", default=True)
LEASE_S = 30.0
"""Longest measurement after one request: a viewer that was lost cannot stop it."""
END_S = 2.0
"""Longest wait for the measuring process to close the devices."""


def list_sources() -> tuple[DeviceInfo, ...]:
    """Return the input devices, each once and the default one first, and what this machine plays; blocks.

    Raises:
        SilentServerError: the sound server does not answer.
        SourceError: the audio system cannot list its devices.
    """
    found = list_devices()
    if not found:
        # A default device that no list contains cannot be opened.
        return _system()
    named = next((device.name for device in found if device.default), "")
    default = msgspec.structs.replace(DEFAULT_DEVICE, description=named)
    # ALSA's own device `default` is a name of another one in the list.
    others = (device for device in found if not device.default)
    microphones = (DeviceInfo(f"mic:{device.name}", device.name, device.host_api) for device in others)
    return (default, *microphones, *_system())


def _system() -> tuple[DeviceInfo, ...]:
    """Return what this machine plays as a source; empty if it cannot be recorded."""
    try:
        return (DeviceInfo(SYSTEM, SYSTEM, f"what this machine plays: {describe_system()}"),)
    except SourceError:
        return ()


class DeviceMonitor:
    """Lists the input devices, and measures their levels in another process for as long as a viewer requests them.

    Args:
        publish: receives the levels.
    """

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._known: tuple[DeviceInfo, ...] = (DEFAULT_DEVICE,)
        """The devices of the last complete list."""
        self._listing: asyncio.Future[tuple[DeviceInfo, ...]] | None = None
        """The newest request for a list; `None` before the first."""
        self._answer_at = 0.0
        """Time, on the clock of the event loop, at which viewers that wait for the list get an incomplete one."""
        self._task: asyncio.Task[None] | None = None
        self._until = 0.0

    async def execute(self, command: ListDevices | MeasureDevices) -> DevicesListed | None:
        """List the devices, or measure their levels."""
        match command:
            case ListDevices():
                return await self.list()
            case MeasureDevices(seconds=seconds):
                await self.start(seconds)
        return None

    async def list(self) -> DevicesListed:
        """Return the input devices; while the sound server does not answer, those known so far, with the reason.

        Raises:
            SourceError: the audio system cannot list its devices.
        """
        now = asyncio.get_running_loop().time()
        if self._listing is None or self._listing.done():
            self._listing = asyncio.ensure_future(asyncio.to_thread(list_sources))
            # A viewer that has got an incomplete list may never ask for this one.
            self._listing.add_done_callback(lambda listing: listing.cancelled() or listing.exception())
            self._answer_at = now + ANSWER_S
        listing = self._listing
        await asyncio.wait({listing}, timeout=max(0.0, self._answer_at - now))
        try:
            self._known = listing.result()
        except (asyncio.InvalidStateError, SilentServerError):
            return DevicesListed(self._known, LATE)
        return DevicesListed(self._known)

    async def start(self, seconds: float) -> None:
        """Measure for `seconds` from now on, at most `LEASE_S`; 0 stops and returns once all devices are closed."""
        self._until = asyncio.get_running_loop().time() + min(seconds, LEASE_S)
        if seconds <= 0:
            await self.close()
        elif self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="devices")

    async def close(self) -> None:
        """Stop measuring and close all devices."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def _run(self) -> None:
        # -P keeps a folder named `tui` in the current directory from being imported in place of this package.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "tui.audio.level_probe"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout_at(self._until) as lease:
                while line := await process.stdout.readline():
                    self._publish(DeviceLevels(tuple(map(_level, msgspec.json.decode(line, type=list[ProbeReading])))))
                    lease.reschedule(self._until)
        except TimeoutError:
            return
        finally:
            process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


def _level(reading: ProbeReading) -> DeviceLevel:
    return DeviceLevel(reading.name, reading.channels, reading.clipped, reading.error)
