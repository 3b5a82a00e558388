"""Audio sources: a microphone, what this machine plays, a file, standard input, or a program."""

import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from tui.audio import portaudio
from tui.audio.microphone import open_microphone
from tui.audio.pipe_source import open_fifo, open_program, open_stdin
from tui.audio.system_source import open_system
from tui.errors import SourceError

DEFAULT_RATE = 16_000


class Source(Protocol):
    """A source of audio blocks in real time."""

    name: str
    """Display name of the device, file or program."""
    finite: bool
    """Whether the source ends by itself."""
    overflows: int
    """Number of times the sound system lost samples."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield blocks of 50 ms of s16le mono PCM; the last may be shorter.

        Raises:
            SourceError: the source failed, for example because a microphone was unplugged.
        """
        ...

    def flush(self) -> bytes:
        """Return the captured audio that was not yielded, after the iteration has ended."""
        ...


@asynccontextmanager
async def open_source(
    spec: str,
    *,
    sample_rate: int = DEFAULT_RATE,
    latency_ms: int = 0,
    channels: int = 1,
    skip_s: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Source]:
    """Open a source and close it on exit.

    Args:
        spec: `mic`, `mic:NAME`, `system`, a file's path, `-` for standard input, or `cmd:PROGRAM ARGS`.
        sample_rate: output samples per second; other rates are resampled.
        latency_ms: latency requested from the sound system; 0 uses the device's default low latency.
        channels: maximum number of channels to open on a microphone; they are mixed.
        skip_s: seconds at the start of a file to skip; live sources ignore it.
        clock: monotonic time in seconds, which paces files and pipes.

    Raises:
        SourceError: the source cannot be opened.
    """
    async with _opened(spec, sample_rate, latency_ms, channels, skip_s, clock) as source:
        yield source


def is_file(spec: str) -> bool:
    """Return whether a source is a file, which stops with its reader, while live audio goes on."""
    return spec != "-" and not spec.startswith("cmd:") and not is_device(spec)


def is_device(spec: str) -> bool:
    """Return whether a source is a device, which may come back after it was lost."""
    return spec in ("mic", "system") or spec.startswith("mic:")


async def warm_up(*specs: str) -> None:
    """Import the modules that sources need off the event loop: PortAudio takes a quarter of a second to load.

    Errors are ignored here; `open_source` raises them.

    Args:
        specs: as `open_source` takes them, with or without the name of a track.
    """
    if any(spec.rpartition("=")[2].startswith("mic") for spec in specs):
        with contextlib.suppress(SourceError):
            await portaudio.call_with_timeout(portaudio.warm_up)


def _opened(
    spec: str, sample_rate: int, latency_ms: int, channels: int, skip_s: float, clock: Callable[[], float]
) -> AbstractAsyncContextManager[Source]:
    kind, colon, rest = spec.partition(":")
    match kind, colon:
        case "mic", _:
            return open_microphone(
                rest.strip(), sample_rate=sample_rate, latency_ms=latency_ms, channels=channels, clock=clock
            )
        case "system", "":
            return open_system(sample_rate=sample_rate, latency_ms=latency_ms, clock=clock)
        case "cmd", ":":
            return open_program(rest, sample_rate=sample_rate, clock=clock)
        case "-", "":
            return open_stdin(sample_rate=sample_rate, clock=clock)
    path = Path(spec).expanduser()
    if path.is_fifo():
        return open_fifo(path, sample_rate=sample_rate, clock=clock)
    if is_address(spec):
        raise SourceError(
            f"{spec} is an address, not a file.",
            f"Read it with a program: --source 'cmd:ffmpeg -v error -i {spec} -f wav -'",
        )
    from tui.audio.file_source import open_file

    return open_file(path, sample_rate=sample_rate, skip_s=skip_s, clock=clock)


def is_address(spec: str) -> bool:
    """Return whether a source is the address of something on a network, such as `https://HOST/FILE`."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*://", spec, re.IGNORECASE))
