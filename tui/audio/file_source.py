"""Audio source that plays a sound file in real time."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tui.audio.pacing import RealtimePacer, take_blocks
from tui.audio.sound_file import DamagedFileError, SoundReader, open_sound_file, read_frames
from tui.audio.wav import SAMPLE_BYTES
from tui.text import file_text

if TYPE_CHECKING:
    from tui.audio.convert import Resampler

READ_S = 1.0
"""Seconds of audio read from the file at a time."""


class FileSource:
    """Yields the audio of a file in real time.

    Args:
        file: open sound file, at its start.
        resampler: converts the file's frames to the output.
        name: display name.
        sample_rate: output samples per second.
        clock: monotonic time in seconds.
    """

    finite = True
    overflows = 0

    def __init__(
        self,
        file: SoundReader,
        resampler: "Resampler",
        name: str,
        sample_rate: int,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self._file = file
        self._resampler = resampler
        self._sample_rate = sample_rate
        self._clock = clock
        self._in_use = threading.Lock()
        """Held while the file is read, so that it is not closed meanwhile."""
        self._ended = False
        self._damage: DamagedFileError | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield blocks of s16le mono PCM in real time.

        Raises:
            SourceError: the file cannot be read to its end; what can be read was yielded.
        """
        pacer = RealtimePacer(self._sample_rate, clock=self._clock)
        buffer = bytearray()
        while not self._ended:
            buffer += await asyncio.to_thread(self._read)
            for block in take_blocks(buffer, self._sample_rate):
                await asyncio.sleep(pacer.wait_s(len(block) // SAMPLE_BYTES))
                yield block
        if buffer:
            await asyncio.sleep(pacer.wait_s(len(buffer) // SAMPLE_BYTES))
            yield bytes(buffer)
        if self._damage:
            raise self._damage

    def flush(self) -> bytes:
        """Return nothing: audio that was read ahead of real time is not part of the session."""
        return b""

    def close(self) -> None:
        """Close the file; blocks until a read in progress has ended."""
        with self._in_use:
            self._ended = True
            self._file.close()

    def _read(self) -> bytes:
        with self._in_use:
            if self._ended:
                return b""
            count = round(READ_S * self._file.samplerate)
            try:
                frames = read_frames(self._file, count, self.name)
            except DamagedFileError as error:
                self._damage, frames = error, error.frames
            self._ended = len(frames) < count or self._damage is not None
            return self._resampler.feed(frames, last=self._ended)


@asynccontextmanager
async def open_file(
    path: Path, *, sample_rate: int, skip_s: float = 0.0, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[FileSource]:
    """Open a sound file of any format that libsndfile or PyAV reads, with any sample rate and number of channels.

    Args:
        path: path of the file.
        sample_rate: output samples per second.
        skip_s: seconds at its start to skip.
        clock: monotonic time in seconds.

    Raises:
        SourceError: the file does not exist, is not a readable sound file, or contains no audio.
    """
    source = await asyncio.to_thread(_open, path, sample_rate, skip_s, clock)
    try:
        yield source
    finally:
        await asyncio.to_thread(source.close)


def _open(path: Path, sample_rate: int, skip_s: float, clock: Callable[[], float]) -> FileSource:
    file, name = open_sound_file(path), file_text(path.name)
    _skip(file, round(skip_s * file.samplerate), name)
    from tui.audio.convert import Resampler

    return FileSource(file, Resampler(file.samplerate, sample_rate), name, sample_rate, clock)


def _skip(file: SoundReader, count: int, name: str) -> None:
    """Read frames at the start of a file and drop them: not every format can seek exactly."""
    chunk = round(READ_S * file.samplerate)
    while count > 0 and len(read_frames(file, min(count, chunk), name)):
        count -= chunk
