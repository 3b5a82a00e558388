"""Where sound comes from: a microphone, a file, standard input, or a program."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from tui.audio import portaudio
from tui.audio.file_source import open_file
from tui.audio.microphone import open_microphone
from tui.audio.pipe_source import open_program, open_stdin
from tui.errors import SourceError

DEFAULT_RATE = 16_000


class Source(Protocol):
    """Something that is heard, in blocks, as it is spoken."""

    name: str
    """What is shown as the device."""
    finite: bool
    """Whether it ends by itself."""
    overflows: int
    """How many times the sound system lost samples."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield blocks of 50 ms of s16le mono PCM; the last may be shorter.

        Raises:
            SourceError: it broke, as when a microphone is unplugged.
        """
        ...

    def flush(self) -> bytes:
        """Return what was heard already and not given out, once nobody takes blocks any more."""
        ...


@asynccontextmanager
async def open_source(
    spec: str,
    *,
    sample_rate: int = DEFAULT_RATE,
    latency_ms: int = 0,
    channels: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Source]:
    """Open what `spec` names and close it in the end.

    Args:
        spec: `mic`, `mic:NAME`, a file's path, `-` for standard input, or `cmd:PROGRAM ARGS`.
        sample_rate: samples a second that the source gives, whatever its device or file has.
        latency_ms: latency asked of the sound system; 0 takes the device's own low latency.
        channels: how many a microphone is opened with; they are mixed.
        clock: seconds, monotonic; what a recording is paced by.

    Raises:
        SourceError: it cannot be opened; says why and what to try.
    """
    async with _opened(spec, sample_rate, latency_ms, channels, clock) as source:
        yield source


async def warm_up(spec: str) -> None:
    """Import what `spec` needs, off the event loop, so that opening it takes no longer than the device does.

    PortAudio alone takes a quarter of a second to load. What is missing is told when the source is opened.
    """
    if spec == "mic" or spec.startswith("mic:"):
        with contextlib.suppress(SourceError):
            await portaudio.call_with_timeout(portaudio.load)


def _opened(
    spec: str, sample_rate: int, latency_ms: int, channels: int, clock: Callable[[], float]
) -> AbstractAsyncContextManager[Source]:
    kind, colon, rest = spec.partition(":")
    match kind, colon:
        case "mic", _:
            return open_microphone(
                rest.strip(), sample_rate=sample_rate, latency_ms=latency_ms, channels=channels, clock=clock
            )
        case "cmd", ":":
            return open_program(rest, sample_rate=sample_rate, clock=clock)
        case "-", "":
            return open_stdin(sample_rate=sample_rate, clock=clock)
    return open_file(Path(spec).expanduser(), sample_rate=sample_rate, clock=clock)
