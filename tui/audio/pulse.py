"""Input devices of PulseAudio, or of PipeWire, which answers as PulseAudio does.

`pactl` lists them in some milliseconds, each once and under the name that the desktop shows; PortAudio takes half a
second and lists ALSA's names. The listing is read as text: `pactl` of PulseAudio 16 writes `(null)` into its JSON in
place of a description with an umlaut.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

import msgspec

from tui.credentials import without_keys
from tui.errors import SourceError

QUERY_TIMEOUT_S = 4.0
"""Longest wait for an answer of the sound server, in seconds."""
PRESENCE_S = 1.0
"""Longest wait for it to accept a connection, once it delivers no audio any more, in seconds."""
SUBSCRIBE_S = 2.0
"""Time, in seconds, after which `pactl` has subscribed to the events of the server."""
REMOVED = b"'remove' on source #"
"""Part of the event of a source that is gone."""
MOVED = b"'change' on source-output #"
"""Part of the event of a recording stream that was moved to another source, among other changes."""
DEFAULTS = b"'change' on server"
"""Part of the event of another default device, among other changes."""
LATENCY_MS = 50
"""Latency requested from the sound server: one block."""
PLUGINS = ("pulse", "pipewire", "default")
"""Names of ALSA's devices that record from the sound server, the preferred first."""
SOURCE_VARIABLES = ("PULSE_SOURCE", "PIPEWIRE_NODE")
"""Environment variables that select the source for those devices."""


class SilentServerError(SourceError):
    """The sound server accepts connections and does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "The sound server does not answer.",
            "Restart it: systemctl --user restart pipewire pipewire-pulse, or pulseaudio --kill.",
        )


class StoppedServerError(SourceError):
    """The sound server that a source was recorded from does not run any more."""

    def __init__(self) -> None:
        super().__init__(
            "The sound server has stopped.",
            "Start it: systemctl --user start pipewire pipewire-pulse, or pulseaudio --start.",
        )


class PulseSource(msgspec.Struct, frozen=True):
    """An input device of the sound server."""

    id: str
    """Its name for the sound server."""
    name: str
    """Its description, which is unique in a list."""
    server: str
    """`PulseAudio` or `PipeWire`."""
    channels: int
    sample_rate: int
    default: bool
    """Whether it is the default device."""


def list_sources() -> list[PulseSource]:
    """Return the input devices, the default one first; empty without a sound server. Blocks.

    Raises:
        SilentServerError: the sound server does not answer.
    """
    if not sys.platform.startswith("linux") or shutil.which("pactl") is None:
        return []
    info = query("info")
    return parse_sources(query("list", "sources"), info) if info else []


async def wait_for_removal(source: PulseSource) -> bool:
    """Wait until a source is gone; return whether it is, and not the sound server.

    The server moves what records from it to another source, without a word.
    """
    async with aclosing(changes(REMOVED)) as removals:
        async for _ in removals:
            if await asyncio.to_thread(_is_gone, source):
                return True
    return False


async def follow(pid: int) -> AsyncGenerator[str]:
    """Yield the description of the source that a process records from, whenever the server may have moved it.

    The server moves a stream to the new default source, without a word. A process with several streams is not followed.
    """
    async with aclosing(changes(MOVED)) as moves:
        async for _ in moves:
            if name := await asyncio.to_thread(_recorded_by, pid):
                yield name


async def changes(kind: bytes) -> AsyncGenerator[None]:
    """Yield at each event of the sound server of a kind, and once at first: some may precede the subscription.

    Args:
        kind: `REMOVED`, `MOVED` or `DEFAULTS`.
    """
    try:
        watcher = await asyncio.create_subprocess_exec(
            *("pactl", "subscribe"),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env=without_keys(os.environ) | {"LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError:
        return
    assert watcher.stdout is not None
    try:
        line = await _first_line(watcher.stdout)
        yield
        while line:
            if kind in line:
                yield
            line = await watcher.stdout.readline()
    finally:
        with contextlib.suppress(ProcessLookupError):
            watcher.kill()
        await watcher.wait()


async def lost_source(text: str, hint: str) -> SourceError:
    """Return why a source of the sound server delivers no audio: the server has stopped, or what `text` says.

    Args:
        text: what is wrong if the server runs.
        hint: what to do then.
    """
    with contextlib.suppress(SilentServerError):
        if shutil.which("pactl") and not await asyncio.to_thread(query, "info", timeout_s=PRESENCE_S):
            return StoppedServerError()
    return SourceError(text, hint)


def recording_streams(pid: int) -> frozenset[str]:
    """Return the numbers of the streams with which a process records; empty if the server does not say. Blocks."""
    with contextlib.suppress(SilentServerError):
        return frozenset(map(_number_of, _streams_of(pid, query("list", "source-outputs", timeout_s=PRESENCE_S))))
    return frozenset()


def _recorded_by(pid: int) -> str:
    """Return the description of the source that a process records from; empty if the server does not say. Blocks."""
    with contextlib.suppress(SilentServerError):
        return recorded_source(pid, query("list", "source-outputs"), query("list", "sources"))
    return ""


def recorded_source(pid: int, streams: str, listing: str) -> str:
    """Return the description of the source that a process records from; empty for none, and for several streams.

    Args:
        pid: the process.
        streams: the output of `pactl list source-outputs`.
        listing: the output of `pactl list sources`.
    """
    numbers = [field(block, "Source") for block in _streams_of(pid, streams)]
    for block in listing.split("\n\n"):
        if len(numbers) == 1 and block.lstrip().startswith(f"Source #{numbers[0]}\n"):
            return field(block, "Description") or field(block, "Name")
    return ""


def _streams_of(pid: int, streams: str) -> list[str]:
    """Return the blocks of a process in the output of `pactl list source-outputs`."""
    owner = f'application.process.id = "{pid}"'
    return [block for block in streams.split("\n\n") if owner in block]


def _number_of(block: str) -> str:
    """Return the number in the first line of a block, such as `Source Output #17`."""
    return block.strip().partition("\n")[0].rpartition("#")[2]


def _is_gone(source: PulseSource) -> bool:
    """Return whether the sound server answers, and does not list a source; blocks."""
    try:
        present = list_sources()
    except SilentServerError:
        return False
    return bool(present) and source.id not in (other.id for other in present)


async def _first_line(events: asyncio.StreamReader) -> bytes:
    """Return the first event, or after `SUBSCRIBE_S` a line without one."""
    try:
        async with asyncio.timeout(SUBSCRIBE_S):
            return await events.readline()
    except TimeoutError:
        return b"\n"


def query(*arguments: str, timeout_s: float | None = None) -> str:
    """Return what `pactl` prints; empty if it fails, as without a sound server. Blocks.

    Args:
        arguments: of `pactl`.
        timeout_s: longest wait for the answer in seconds; `None` for `QUERY_TIMEOUT_S`.

    Raises:
        SilentServerError: the sound server does not answer.
    """
    try:
        done = subprocess.run(
            ["pactl", *arguments],
            env=without_keys(os.environ) | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s or QUERY_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SilentServerError from None
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.decode(errors="replace")


def field(info: str, label: str) -> str:
    """Return the value of a line `label: value`, empty if there is none."""
    for line in info.splitlines():
        found, _, value = line.partition(":")
        if found.strip() == label:
            return value.strip()
    return ""


def parse_sources(listing: str, info: str) -> list[PulseSource]:
    """Return the input devices in the output of `pactl list sources`, the default one first.

    What an output plays is no input device, unless it is the default source.

    Args:
        listing: the output.
        info: the output of `pactl info`.
    """
    default = field(info, "Default Source")
    server = "PipeWire" if "pipewire" in field(info, "Server Name").lower() else "PulseAudio"
    sources = []
    for block in listing.split("\n\n"):
        id = field(block, "Name")
        if id and (id == default or field(block, "Monitor of Sink") == "n/a"):
            _, channels, rate = (*field(block, "Sample Specification").split(), "", "", "")[:3]
            name = field(block, "Description") or id
            sources.append(PulseSource(id, name, server, _number(channels, 1), _number(rate, 44_100), id == default))
    names = Counter(source.name for source in sources)
    unique = (
        msgspec.structs.replace(source, name=f"{source.name} ({source.id})") if names[source.name] > 1 else source
        for source in sources
    )
    return sorted(unique, key=lambda source: not source.default)


def description(listing: str, id: str) -> str:
    """Return the description of an output in what `pactl list sinks` prints; empty if it is not there."""
    return next((field(block, "Description") for block in listing.split("\n\n") if field(block, "Name") == id), "")


def find(sources: Sequence[PulseSource], requested: str, *, exactly: bool) -> PulseSource | None:
    """Return the source whose name or id equals `requested`, or contains it; `None` if there is none."""
    wanted = requested.casefold()
    for source in sources:
        names = (source.name.casefold(), source.id.casefold())
        if wanted in names or (not exactly and any(wanted in name for name in names)):
            return source
    return None


@contextlib.contextmanager
def selected(source: PulseSource | None) -> Iterator[None]:
    """Make ALSA's devices of the sound server record from a source when they are opened; `None` changes nothing."""
    before = {name: os.environ.get(name) for name in SOURCE_VARIABLES}
    if source is not None:
        os.environ.update(dict.fromkeys(SOURCE_VARIABLES, source.id))
    try:
        yield
    finally:
        for name, value in before.items() if source is not None else ():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def parec_command(source: str, *, sample_rate: int, channels: int, stream: str) -> tuple[str, ...]:
    """Return the command that writes a source to stdout, as s16le."""
    return (
        "parec",
        f"--device={source}",
        "--raw",
        "--format=s16le",
        f"--channels={channels}",
        f"--rate={sample_rate}",
        f"--latency-msec={LATENCY_MS}",
        "--client-name=livegist",
        f"--stream-name={stream}",
    )


def _number(text: str, otherwise: int) -> int:
    digits = "".join(letter for letter in text if letter.isdigit())
    return int(digits) if digits else otherwise
