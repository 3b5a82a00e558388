"""Opens the sources of a session's tracks at once; a device that is missing does not keep the others from recording."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from tui.audio.sources import DEFAULT_RATE, Source, is_device, open_source
from tui.config.schema import Config
from tui.errors import SourceError
from tui.model.tracks import Track


class TrackSource:
    """Source of a track.

    Args:
        track: the track.
        stack: closes the source.
    """

    def __init__(self, track: Track, stack: AsyncExitStack) -> None:
        self.track = track
        self.stack = stack
        self.source: Source | None = None
        """The source; `None` if it cannot be opened."""
        self.failure: SourceError | None = None
        """Why it cannot be opened; `None` if it is open."""

    @property
    def name(self) -> str:
        """Display name of the device, file or program; empty if it cannot be opened."""
        return self.source.name if self.source is not None else ""


async def open_sources(
    tracks: Sequence[Track],
    opened: AsyncExitStack,
    *,
    config: Config,
    clock: Callable[[], float],
    skips_s: Sequence[float] = (),
) -> list[TrackSource]:
    """Open the source of each track.

    Args:
        tracks: the tracks.
        opened: closes the sources.
        config: latency and channels of microphones.
        clock: monotonic seconds.
        skips_s: for each track, seconds at the start of a file to skip; empty skips none.

    Raises:
        SourceError: a file, a program or standard input cannot be opened, or none of the devices can.
    """
    sources = [TrackSource(track, await opened.enter_async_context(AsyncExitStack())) for track in tracks]

    async def open_one(source: TrackSource, skip_s: float) -> None:
        try:
            source.source = await source.stack.enter_async_context(
                open_source(
                    source.track.source,
                    sample_rate=DEFAULT_RATE,
                    latency_ms=config.mic_latency_ms,
                    channels=config.mic_channels,
                    skip_s=skip_s,
                    clock=clock,
                )
            )
        except SourceError as error:
            source.failure = error

    await asyncio.gather(*map(open_one, sources, skips_s or (0.0,) * len(sources)))
    any_open = any(source.source is not None for source in sources)
    for source in sources:
        failure = source.failure
        if failure is not None and not (any_open and is_device(source.track.source)):
            text = f"{source.track.name}: {failure.message}" if len(sources) > 1 else failure.message
            raise SourceError(text, failure.hint)
    return sources
