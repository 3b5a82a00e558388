"""Sound files of all formats: read with libsndfile, or with PyAV if it cannot read them."""

import contextlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from tui.audio.container import ContainerError, ContainerFile, is_supported
from tui.audio.file_format import MP3, WEB_PAGE, file_format
from tui.audio.wav import MAX_HEADER_BYTES, is_unfinished
from tui.errors import SourceError
from tui.text import clock, file_text

if TYPE_CHECKING:
    import soundfile

    from tui.audio.convert import Frames


BLOCK = 1024
"""Frames that are read at once where a file is damaged."""


class DamagedFileError(SourceError):
    """A file cannot be read beyond a place.

    Args:
        name: of the file.
        until_s: the place, in seconds.
        frames: the last ones that can be read.
    """

    def __init__(self, name: str, until_s: float, frames: "Frames") -> None:
        super().__init__(
            f"{name} is damaged: it was read up to {clock(until_s)}.", "The recorder may have been killed."
        )
        self.frames = frames


class SoundReader(Protocol):
    """Open sound file: the part of `soundfile.SoundFile` that is used."""

    @property
    def samplerate(self) -> int:
        """Frames per second."""

    @property
    def frames(self) -> int:
        """Number of frames; an estimate for a container, 0 only if there is no audio."""

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> "Frames":
        """Return the next frames, fewer than asked for only at the end."""

    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        """Return the file."""

    def __exit__(self, *raised: Any) -> None:
        """Close the file."""


def open_sound_file(path: Path) -> SoundReader:
    """Open a sound file.

    Raises:
        SourceError: the file does not exist, is not a readable sound file, or contains no audio.
    """
    try:
        with path.open("rb") as opened:
            # Only a regular file can be read twice: bytes read from a named pipe are gone.
            start = opened.read(MAX_HEADER_BYTES) if path.is_file() else b""
            length = path.stat().st_size
    except OSError as error:
        raise SourceError(
            f"{file_text(str(path))} cannot be opened: {error.strerror or error}.",
            "A source is mic, mic:NAME, system, a sound file, - for stdin, or cmd:PROGRAM that writes audio to stdout.",
        ) from error
    if path.is_file() and not length:
        raise _without_audio(file_text(path.name))
    file = _open(path, start, length)
    if not file.frames:
        file.close()
        raise _without_audio(file_text(path.name))
    return file


def _open(path: Path, start: bytes, length: int) -> SoundReader:
    """Open a file with the library that reads it best.

    Args:
        path: the file.
        start: its first bytes; empty for a named pipe.
        length: its length in bytes.

    Raises:
        SourceError: it is not a readable sound file.
    """
    try:
        import soundfile
    except OSError as error:
        raise SourceError(
            "libsndfile, which reads sound files, is not installed.", "Install it: sudo apt install libsndfile1"
        ) from error
    format = file_format(start)
    if format == WEB_PAGE:
        raise SourceError(f"{file_text(path.name)} is {WEB_PAGE}, not a sound file.", "Download the file again.")
    if format == MP3 and is_supported():
        # libsndfile reads only a part of a file without a table of contents, and of joined files.
        with contextlib.suppress(ContainerError):
            return ContainerFile(path)
    if is_unfinished(start, length):
        unfinished: SoundReader = soundfile.SoundFile(_UnfinishedWav(path))
        return unfinished
    try:
        # As a descriptor: from a path, libsndfile takes an MP4 called .mp3 for MP3, and a name has to be valid text.
        file: SoundReader = soundfile.SoundFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC), closefd=True)
        return file
    except soundfile.SoundFileError as error:
        return _open_container(path, error)


def read_frames(file: SoundReader, count: int, name: str) -> "Frames":
    """Return the next frames of a file called `name`, fewer than `count` only at its end.

    Raises:
        DamagedFileError: the file breaks off, as a FLAC file whose recorder was killed.
        SourceError: the file cannot be read.
    """
    import soundfile

    # Files of some codecs, such as GSM, cannot be searched.
    searchable = file if isinstance(file, soundfile.SoundFile) and file.seekable() else None
    position = searchable.tell() if searchable else 0
    try:
        return file.read(count, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, ContainerError) as error:
        intact = _intact(searchable, position, count) if searchable else None
        if intact is None:
            raise _unreadable(name, error) from error
        raise DamagedFileError(name, (position + len(intact)) / file.samplerate, intact) from error


def _intact(file: "soundfile.SoundFile", position: int, count: int) -> "Frames | None":
    """Return the frames from a position on that can be read, at most `count`; `None` if there are none before it."""
    import numpy as np
    import soundfile

    blocks: list[Frames] = []
    left = count
    with contextlib.suppress(soundfile.SoundFileError):
        file.seek(position)
        while left > 0:
            blocks.append(file.read(min(BLOCK, left), dtype="float32", always_2d=True))
            left -= len(blocks[-1]) or left
    if blocks:
        return np.concatenate(blocks)
    return np.zeros((0, file.channels), np.float32) if position else None


def duration_s(path: Path) -> float:
    """Return the duration of a sound file in seconds.

    Raises:
        SourceError: as `open_sound_file`.
    """
    with open_sound_file(path) as file:
        return float(file.frames / file.samplerate)


def _open_container(path: Path, refusal: "soundfile.SoundFileError") -> ContainerFile:
    """Open a file that libsndfile refused.

    Raises:
        SourceError: PyAV does not read it either, or is not installed.
    """
    if not path.is_file():
        raise _unreadable(file_text(path.name), refusal) from refusal
    if not is_supported():
        raise _unreadable(
            file_text(path.name),
            refusal,
            "For video, AAC and other formats, install PyAV: pip install 'livegist[local]'",
        ) from refusal
    try:
        return ContainerFile(path)
    except ContainerError as error:
        raise _unreadable(file_text(path.name), refusal) from error


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


def _unreadable(
    name: str, error: Exception, hint: str = "Check that the file is complete, or convert it to WAV or FLAC."
) -> SourceError:
    reason = str(getattr(error, "error_string", error)).rstrip(".")
    return SourceError(f"{name} is not a readable sound file: {reason}.", hint)


def _without_audio(name: str) -> SourceError:
    return SourceError(f"{name} contains no audio.", "Check the program that recorded it, or choose another file.")
