"""Recording of a session: a WAV that is valid at every moment, and the queue that all readers of the audio use."""

import asyncio
import errno
import os
import threading
import weakref
from pathlib import Path
from typing import Self

from tui.audio import wav
from tui.audio.wav import HEADER_BYTES, SAMPLE_BYTES
from tui.errors import SessionError

MAX_RING_S = 600
"""Maximum seconds of audio kept in memory while writes fail; the oldest audio is dropped first."""
RETRY_S = 0.5
"""Seconds of audio between two attempts after a failed write."""
MAX_WRITE_BYTES = 1 << 20
"""Maximum bytes written at once when writes succeed again, so that the event loop is not blocked."""
FLUSH_PERIOD_S = 0.2
"""Seconds between two flushes to the disk. A power cut loses this much audio, plus about 50 ms for the flush."""
DEFAULT_RATE = 16_000


class Recording:
    """Audio in a file, appended at the end and read from any position, in one event loop.

    Each append writes to the file and then the new length to its header, so the file of a killed process is valid. A
    thread flushes the file to the disk five times a second for the case of a power cut; the event loop never waits for
    a flush. While writes fail, audio is kept in memory.

    Use `create`, `in_memory`, `open` or `reopen` to make one.
    """

    def __init__(self, path: Path, file: int, sample_rate: int, on_disk: int) -> None:
        self.path = path
        self.sample_rate = sample_rate
        self.closed = True
        self.position = on_disk // SAMPLE_BYTES
        """Number of samples appended so far: the clock of the session."""
        self._file = file
        self._on_disk = on_disk
        """Bytes of audio in the file."""
        self._ring = bytearray()
        """The audio at the end that is not in the file yet."""
        self._write_error: OSError | None = None
        self._retry_at = 0
        """Position at which the next write is attempted after a failure."""
        self._waiters: dict[asyncio.Future[None], int] = {}
        self._flusher: _Flusher | None = None
        weakref.finalize(self, os.close, file)

    @classmethod
    def create(cls, path: Path, sample_rate: int = DEFAULT_RATE, *, silence: int = 0) -> Self:
        """Start a recording in a new file that only its owner can read.

        Args:
            path: path of the file.
            sample_rate: samples per second.
            silence: samples of silence at its start, which take no space on a disk that supports holes.

        Raises:
            SessionError: the file exists or cannot be written.
        """
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable_recording(path, error) from error
        recording = cls(path, file, sample_rate, silence * SAMPLE_BYTES)
        try:
            recording._write_start()
        except OSError as error:
            raise _unusable_recording(path, error) from error
        recording._accept_audio()
        return recording

    @classmethod
    def in_memory(cls, sample_rate: int = DEFAULT_RATE, *, silence: int = 0) -> Self:
        """Start a recording in memory, which disappears with the process; its arguments are those of `create`.

        Raises:
            SessionError: the operating system has no `memfd_create`, as Linux has.
        """
        if not hasattr(os, "memfd_create"):
            raise SessionError(
                "Private sessions are unavailable: this system cannot record to memory.",
                "Omit --private, and delete the session afterwards: livegist sessions delete last",
            )
        file = os.memfd_create("recording", os.MFD_CLOEXEC)
        recording = cls(Path(), file, sample_rate, silence * SAMPLE_BYTES)
        recording._write_start()
        recording.closed = False
        return recording

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a recording for reading, without repairing it.

        Raises:
            SessionError: the file cannot be read or is not a recording.
        """
        return cls._open(path, os.O_RDONLY)

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Open a recording to append to its end.

        Raises:
            SessionError: the file cannot be written or is not a recording.
        """
        recording = cls._open(path, os.O_RDWR)
        recording._accept_audio()
        return recording

    @classmethod
    def _open(cls, path: Path, access: int) -> Self:
        try:
            file = os.open(path, access | os.O_CLOEXEC)
        except OSError as error:
            raise _unusable_recording(path, error) from error
        start = os.pread(file, HEADER_BYTES, 0)
        sample_rate = _sample_rate(start)
        if sample_rate is None:
            os.close(file)
            raise _not_a_recording(path)
        # In a truncated file the header may give less audio than there is.
        audio_bytes = os.fstat(file).st_size - HEADER_BYTES
        return cls(path, file, sample_rate, audio_bytes - audio_bytes % SAMPLE_BYTES)

    def _accept_audio(self) -> None:
        """Open the recording for appending, and start to flush its file."""
        self.closed = False
        self._flusher = _Flusher(os.dup(self._file), self.path)
        weakref.finalize(self, self._flusher.stop)

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return HEADER_BYTES + self._on_disk

    @property
    def unsaved(self) -> int:
        """Number of samples that are not in the file."""
        return self.position - self._on_disk // SAMPLE_BYTES

    @property
    def failure(self) -> OSError | None:
        """The error of the last write or flush; `None` if it succeeded."""
        return self._write_error or (self._flusher.failure if self._flusher else None)

    def append(self, pcm: bytes) -> None:
        """Append whole samples of s16le PCM; never blocks for long, and never raises for a failed write."""
        if self.closed:
            raise ValueError("the recording is closed")
        self.position += len(pcm) // SAMPLE_BYTES
        self._ring += pcm
        if self.position >= self._retry_at:
            self._write()
        del self._ring[: max(0, len(self._ring) - MAX_RING_S * self.sample_rate * SAMPLE_BYTES)]
        for waiter, position in self._waiters.items():
            if self.position > position and not waiter.done():
                waiter.set_result(None)

    def read(self, position: int, samples: int) -> bytes:
        """Return at most `samples` samples from `position` on; fewer near the end, none at the end.

        Lost audio is replaced by silence, so that positions stay correct.
        """
        start = max(0, position) * SAMPLE_BYTES
        stop = min(start + max(0, samples) * SAMPLE_BYTES, self.position * SAMPLE_BYTES)
        if start >= stop:
            return b""
        ring_start = self._ring_start
        parts = []
        if start < self._on_disk:
            parts.append(self._read_disk(start, min(stop, self._on_disk)))
        if (gap := min(stop, ring_start) - max(start, self._on_disk)) > 0:
            parts.append(bytes(gap))
        if stop > ring_start:
            parts.append(bytes(self._ring[max(0, start - ring_start) : stop - ring_start]))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def wait_beyond(self, position: int) -> None:
        """Wait until there is audio after `position`, or the recording is closed."""
        if self.position > position or self.closed:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = position
        try:
            await waiter
        finally:
            del self._waiters[waiter]

    def close(self) -> None:
        """Close the recording for appending. It can still be read, and unsaved audio can still be saved."""
        if self.closed:
            return
        self.closed = True
        self.save()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def save(self) -> bool:
        """Write the unsaved audio as far as possible; return whether all of it is saved."""
        while self._ring and self._write():
            pass
        if self.closed and not self._ring and self._flusher:
            self._flusher.stop()
        return not self._ring

    @property
    def _ring_start(self) -> int:
        return self.position * SAMPLE_BYTES - len(self._ring)

    def _write(self) -> bool:
        """Write at most `MAX_WRITE_BYTES` of unsaved audio; return whether the writes succeeded."""
        room = MAX_WRITE_BYTES
        try:
            while room > 0 and self._ring:
                room -= self._write_some(room)
        except OSError as error:
            self._write_error = error
            self._retry_at = self.position + int(RETRY_S * self.sample_rate)
            return False
        if not self._ring:
            self._write_error = None
        if self._flusher:
            self._flusher.dirty.set()
        return True

    def _write_some(self, room: int) -> int:
        """Write at most `room` bytes, silence for dropped audio first, then the header; return the bytes written."""
        if (gap := self._ring_start - self._on_disk) > 0:
            written = os.pwrite(self._file, bytes(min(gap, room)), HEADER_BYTES + self._on_disk)
        else:
            written = os.pwrite(self._file, bytes(self._ring[:room]), HEADER_BYTES + self._on_disk)
            del self._ring[:written]
        self._on_disk += written
        self._write_header()
        return written

    def _write_start(self) -> None:
        """Write the header and the silence of a new file.

        Raises:
            OSError: the write failed.
        """
        self._write_header()
        os.ftruncate(self._file, HEADER_BYTES + self._on_disk)

    def _write_header(self) -> None:
        os.pwrite(self._file, wav.header(self.sample_rate, self._on_disk - self._on_disk % SAMPLE_BYTES), 0)

    def _read_disk(self, start: int, stop: int) -> bytes:
        try:
            found = os.pread(self._file, stop - start, HEADER_BYTES + start)
        except OSError as error:
            self._write_error = error
            found = b""
        return found.ljust(stop - start, b"\0")


class _Flusher:
    """Flushes a file to the disk in its own thread, because a flush may take seconds.

    Args:
        file: descriptor that the flusher owns and closes.
        path: path of the file; its directory entries are flushed once.
    """

    def __init__(self, file: int, path: Path) -> None:
        self.dirty = threading.Event()
        """Set by the writer after each write."""
        self.failure: OSError | None = None
        """The error of the last flush; `None` if it succeeded."""
        self._file = file
        self._path = path
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="flush recording", daemon=True).start()

    def stop(self) -> None:
        """Request a last flush and the end of the thread, without waiting for them."""
        self._stopped.set()
        self.dirty.set()

    def _run(self) -> None:

        stopped = entries_flushed = False
        while not stopped:
            self.dirty.wait()
            self.dirty.clear()
            stopped = self._stopped.is_set()
            try:
                _flush(self._file)
                if not entries_flushed:
                    _flush_directory_entries(self._path)
                    entries_flushed = True
                self.failure = None
            except OSError as error:
                self.failure = error
            self._stopped.wait(FLUSH_PERIOD_S)
        os.close(self._file)


_flush = os.fdatasync if hasattr(os, "fdatasync") else os.fsync
"""Flushes data and file length without timestamps (`fdatasync`). macOS has only `fsync`."""


def _flush_directory_entries(path: Path) -> None:
    """Flush the directory entries of a new file and of its new folder: after a power cut the file may lack its name.

    Raises:
        OSError: a flush failed.
    """
    for folder in path.absolute().parents[:2]:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        except OSError as error:
            # Some network file systems do not support fsync of a directory.
            if error.errno != errno.EINVAL:
                raise
        finally:
            os.close(directory)


def repair(path: Path) -> int:
    """Correct the header of a truncated recording; return its number of samples.

    An incomplete sample at the end is dropped. A missing header is written for 16 kHz.

    Raises:
        SessionError: the file cannot be read or written, or is not a recording.
    """
    try:
        with path.open("r+b", buffering=0) as file:
            start = os.pread(file.fileno(), HEADER_BYTES, 0)
            sample_rate = _sample_rate(start)
            if sample_rate is None and any(start) and len(start) == HEADER_BYTES:
                raise _not_a_recording(path)
            samples = max(0, os.fstat(file.fileno()).st_size - HEADER_BYTES) // SAMPLE_BYTES
            file.truncate(HEADER_BYTES + samples * SAMPLE_BYTES)
            os.pwrite(file.fileno(), wav.header(sample_rate or DEFAULT_RATE, samples * SAMPLE_BYTES), 0)
            os.fsync(file.fileno())
    except OSError as error:
        raise _unusable_recording(path, error) from error
    return samples


def _sample_rate(start: bytes) -> int | None:
    """Return the sample rate in the header of a recording; `None` if it is not such a header."""
    try:
        found = wav.parse(start)
    except wav.InvalidWavError:
        return None
    if found is None or found.offset != HEADER_BYTES or found.format != wav.Format(found.format.sample_rate):
        return None
    return found.format.sample_rate


def _unusable_recording(path: Path, error: OSError) -> SessionError:
    return SessionError(
        f"The recording {path} cannot be used: {error.strerror or error}.",
        "Check that its folder exists and is writable, and that the disk is not full.",
    )


def _not_a_recording(path: Path) -> SessionError:
    return SessionError(f"{path} is not a recording made by livegist.", "A recording is a 16-bit mono WAV.")
