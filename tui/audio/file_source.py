"""Audio source that plays a sound file in real time."""

import asyncio
import io
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.audio.pacing import RealtimePacer, take_blocks
from tui.audio.wav import MAX_HEADER_BYTES, SAMPLE_BYTES, is_unfinished
from tui.errors import SourceError

if TYPE_CHECKING:
    import soundfile

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
        """Held while libsndfile reads the file, so that it is not closed meanwhile."""
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield blocks of s16le mono PCM in real time.

        Raises:
            SourceError: the file cannot be read to its end.
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

    def flush(self) -> bytes:
        """Return nothing: audio that was read ahead of real time is not part of the session."""
        return b""

    def close(self) -> None:
        """Close the file; blocks until a read in progress has ended."""
        with self._in_use:
            self._ended = True
            self._file.close()

    def _read(self) -> bytes:
        import soundfile

        with self._in_use:
            if self._ended:
                return b""
            count = round(READ_S * self._file.samplerate)
            try:
                frames = self._file.read(count, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise _unreadable(self.name, error) from error
            self._ended = len(frames) < count
            return self._resampler.feed(frames, last=self._ended)


@asynccontextmanager
async def open_file(
    path: Path, *, sample_rate: int, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[FileSource]:
    """Open a sound file of any format that libsndfile reads, with any sample rate and number of channels.

    Raises:
        SourceError: the file does not exist, is not a readable sound file, or contains no audio.
    """
    source = await asyncio.to_thread(_open, path, sample_rate, clock)
    try:
        yield source
    finally:
        await asyncio.to_thread(source.close)


def duration_s(path: Path) -> float:
    """Return the duration of a sound file in seconds.

    Raises:
        SourceError: as `open_file`.
    """
    with _open_sound(path) as file:
        return float(file.frames / file.samplerate)


def _open(path: Path, sample_rate: int, clock: Callable[[], float]) -> FileSource:
    file = _open_sound(path)
    from tui.audio.convert import Resampler

    return FileSource(file, Resampler(file.samplerate, sample_rate), path.name, sample_rate, clock)


def _open_sound(path: Path) -> "soundfile.SoundFile":
    try:
        with path.open("rb") as opened:
            # Only a regular file can be read twice: bytes read from a named pipe are gone.
            start = opened.read(MAX_HEADER_BYTES) if path.is_file() else b""
            length = path.stat().st_size
    except OSError as error:
        raise SourceError(
            f"{path} cannot be opened: {error.strerror or error}.",
            "A source is mic, mic:NAME, a sound file, - for stdin, or cmd:PROGRAM that writes audio to stdout.",
        ) from error
    if path.is_file() and not length:
        raise _without_audio(path.name)
    try:
        import soundfile
    except OSError as error:
        raise SourceError(
            "libsndfile, which reads sound files, is not installed.", "Install it: sudo apt install libsndfile1"
        ) from error
    try:
        file = soundfile.SoundFile(_UnfinishedWav(path) if is_unfinished(start, length) else path)
    except soundfile.SoundFileError as error:
        raise _unreadable(path.name, error) from error
    except UnicodeEncodeError as error:
        name = path.name.encode(errors="replace").decode()
        raise SourceError(f"The file name {name} is not valid text.", "Rename the file.") from error
    if not file.frames:
        file.close()
        raise _without_audio(path.name)
    return file


class _UnfinishedWav(io.FileIO):
    """A WAV without sizes in its header, presented to libsndfile so that it reads to the end of the file.

    libsndfile does that if the size of the audio is 0 and the size of the file is 8, as in its own unfinished files.
    """

    FILE_SIZE = range(4, 8)
    """Position of the file's size in the header."""

    def readinto(self, buffer: Any) -> int:
        """Read bytes into `buffer`, with 8 as the file's size; return their number."""
        start = self.tell()
        count = super().readinto(buffer) or 0
        view = memoryview(buffer).cast("B")
        for position in range(max(start, self.FILE_SIZE.start), min(start + count, self.FILE_SIZE.stop)):
            view[position - start] = 8 if position == self.FILE_SIZE.start else 0
        return count


def _unreadable(name: str, error: Exception) -> SourceError:
    reason = str(getattr(error, "error_string", error)).rstrip(".")
    return SourceError(
        f"{name} is not a readable sound file: {reason}.", "Convert it: ffmpeg -i FILE -ac 1 -ar 16000 sound.wav"
    )


def _without_audio(name: str) -> SourceError:
    return SourceError(f"{name} contains no audio.", "Check the program that recorded it, or choose another file.")
