"""A file of sound, heard in real time."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tui.audio.pacing import RealtimePacer, take_blocks
from tui.audio.wav import SAMPLE_BYTES
from tui.errors import SourceError

if TYPE_CHECKING:
    import soundfile

    from tui.audio.convert import Resampler

READ_S = 1.0
"""Seconds of sound read from the file at a time."""


class FileSource:
    """Gives a file's sound out as fast as it was spoken.

    Args:
        file: open, at its start.
        name: what it is shown as.
        sample_rate: samples a second that are given out.
        clock: seconds, monotonic.
    """

    finite = True
    overflows = 0

    def __init__(
        self,
        file: "soundfile.SoundFile",
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
        """Held while the file is read: libsndfile must not close it then."""
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield blocks of s16le mono PCM, each when it would have been heard.

        Raises:
            SourceError: the file breaks off.
        """
        pace = RealtimePacer(self._sample_rate, clock=self._clock)
        buffer = bytearray()
        while not self._ended:
            buffer += await asyncio.to_thread(self._read)
            for block in take_blocks(buffer, self._sample_rate):
                await asyncio.sleep(pace.wait_s(len(block) // SAMPLE_BYTES))
                yield block
        if buffer:
            await asyncio.sleep(pace.wait_s(len(buffer) // SAMPLE_BYTES))
            yield bytes(buffer)

    def flush(self) -> bytes:
        """Return nothing: what is read ahead of time was not spoken yet."""
        return b""

    def close(self) -> None:
        """Close the file, once nobody reads it any more; blocks until then."""
        with self._in_use:
            self._ended = True
            self._file.close()

    def _read(self) -> bytes:
        import soundfile

        with self._in_use:
            if self._ended:
                return b""
            wanted = round(READ_S * self._file.samplerate)
            try:
                frames = self._file.read(wanted, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise _unreadable(self.name, error) from error
            self._ended = len(frames) < wanted
            return self._resampler.feed(frames, last=self._ended)


@asynccontextmanager
async def open_file(
    path: Path, *, sample_rate: int, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[FileSource]:
    """Open a file of any format that libsndfile reads, of any rate and number of channels.

    Raises:
        SourceError: there is no such file, or it cannot be read as sound.
    """
    source = await asyncio.to_thread(_open, path, sample_rate, clock)
    try:
        yield source
    finally:
        await asyncio.to_thread(source.close)


def _open(path: Path, sample_rate: int, clock: Callable[[], float]) -> FileSource:
    try:
        path.open("rb").close()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be opened: {error.strerror or error}.",
            "A source is mic, mic:NAME, a file, - for stdin, or cmd:PROGRAM that writes sound.",
        ) from error
    try:
        import soundfile
    except OSError as error:
        raise SourceError(
            "libsndfile, which reads files of sound, is not installed.", "Install it: sudo apt install libsndfile1"
        ) from error
    from tui.audio.convert import Resampler

    try:
        file = soundfile.SoundFile(path)
    except soundfile.SoundFileError as error:
        raise _unreadable(path.name, error) from error
    except UnicodeEncodeError as error:
        name = path.name.encode(errors="replace").decode()
        raise SourceError(f"The name of {name} holds bytes that are no text.", "Rename the file.") from error
    return FileSource(file, Resampler(file.samplerate, sample_rate), path.name, sample_rate, clock)


def _unreadable(name: str, error: Exception) -> SourceError:
    reason = str(getattr(error, "error_string", error)).rstrip(".")
    return SourceError(
        f"{name} cannot be read as sound: {reason}.", "Convert it: ffmpeg -i FILE -ac 1 -ar 16000 sound.wav"
    )
