"""The recording: a WAV that is valid at every moment, and the queue that everything else reads from."""

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
"""Seconds of sound that memory keeps while the disk refuses; the oldest goes first."""
RETRY_S = 0.5
"""Seconds of sound between two tries on a disk that refused."""
MAX_WRITE_BYTES = 1 << 20
"""Most bytes written at one go when the disk takes them again, so that the event loop is not held up."""
FLUSH_PERIOD_S = 0.2
"""Seconds between two flushes to the disk: what a power cut may cost, with 50 ms for the flush itself."""
DEFAULT_RATE = 16_000


class Recording:
    """Sound on disk, appended at the end and read from any position, in one event loop.

    Each append goes straight to the file, its length into the header after it: what a killed process leaves behind
    is whole. Against a power cut a thread flushes the file to the disk five times a second; the event loop never
    waits for the disk itself. While the disk refuses, memory stands in.

    Make one with `create` or `open`.
    """

    def __init__(self, path: Path, file: int, sample_rate: int, on_disk: int) -> None:
        self.path = path
        self.sample_rate = sample_rate
        self.closed = True
        self.position = on_disk // SAMPLE_BYTES
        """Samples appended so far: the one clock of a session."""
        self._file = file
        self._on_disk = on_disk
        """Bytes of sound that the file holds."""
        self._ring = bytearray()
        """The end of the sound, as far as the file lacks it."""
        self._write_error: OSError | None = None
        self._retry_at = 0
        """Position from which on the disk is tried again."""
        self._waiters: dict[asyncio.Future[None], int] = {}
        self._flusher: _Flusher | None = None
        weakref.finalize(self, os.close, file)

    @classmethod
    def create(cls, path: Path, sample_rate: int = DEFAULT_RATE) -> Self:
        """Start a recording in a new file that only its owner may read.

        Raises:
            SessionError: the file exists or cannot be written.
        """
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable_recording(path, error) from error
        recording = cls(path, file, sample_rate, 0)
        try:
            recording._write_header()
        except OSError as error:
            raise _unusable_recording(path, error) from error
        recording.closed = False
        recording._flusher = _Flusher(os.dup(file), path)
        weakref.finalize(recording, recording._flusher.stop)
        return recording

    @classmethod
    def in_memory(cls, sample_rate: int = DEFAULT_RATE) -> Self:
        """Start a recording that is on no disk and goes with the process, however that ends.

        Raises:
            SessionError: this system has no files in memory; Linux has (`memfd_create`).
        """
        if not hasattr(os, "memfd_create"):
            raise SessionError(
                "This system cannot keep a recording in memory alone.",
                "Leave out --private, and delete the session afterwards: livegist sessions delete last",
            )
        recording = cls(Path(), os.memfd_create("recording", os.MFD_CLOEXEC), sample_rate, 0)
        recording._write_header()
        recording.closed = False
        return recording

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a recording to read; it is closed to appending, and nothing about it is repaired.

        Raises:
            SessionError: the file cannot be read or is not a recording.
        """
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unusable_recording(path, error) from error
        start = os.pread(file, HEADER_BYTES, 0)
        sample_rate = _sample_rate(start)
        if sample_rate is None:
            os.close(file)
            raise _not_a_recording(path)
        # A file cut short holds more than its header knows.
        sound = os.fstat(file).st_size - HEADER_BYTES
        return cls(path, file, sample_rate, sound - sound % SAMPLE_BYTES)

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return HEADER_BYTES + self._on_disk

    @property
    def unsaved(self) -> int:
        """Samples that are not in the file."""
        return self.position - self._on_disk // SAMPLE_BYTES

    @property
    def failure(self) -> OSError | None:
        """Return why the disk refuses sound, while it does; `None` if all is well."""
        return self._write_error or (self._flusher.failure if self._flusher else None)

    def append(self, pcm: bytes) -> None:
        """Add whole samples of s16le PCM at the end; never blocks for long and never fails for the disk's sake."""
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
        """Return at most `samples` samples from `position` on; fewer near the end, none at it.

        What the disk lost or memory could not keep is silence, so that the clock stays true.
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
        """Wait until there is sound past `position`, or no more will come."""
        if self.position > position or self.closed:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = position
        try:
            await waiter
        finally:
            del self._waiters[waiter]

    def close(self) -> None:
        """Take no more sound. What is there can still be read; what the disk refuses can still be saved."""
        if self.closed:
            return
        self.closed = True
        self.save()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def save(self) -> bool:
        """Write what the file lacks, as far as the disk takes it; return whether nothing is left."""
        while self._ring and self._write():
            pass
        if self.closed and not self._ring and self._flusher:
            self._flusher.stop()
        return not self._ring

    @property
    def _ring_start(self) -> int:
        return self.position * SAMPLE_BYTES - len(self._ring)

    def _write(self) -> bool:
        """Write some of what the file lacks; return whether the disk took it."""
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
        """Write the header after at most `room` bytes: silence for what memory had to drop, else the ring's start."""
        if (gap := self._ring_start - self._on_disk) > 0:
            written = os.pwrite(self._file, bytes(min(gap, room)), HEADER_BYTES + self._on_disk)
        else:
            written = os.pwrite(self._file, bytes(self._ring[:room]), HEADER_BYTES + self._on_disk)
            del self._ring[:written]
        self._on_disk += written
        self._write_header()
        return written

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
    """Flushes a file to the disk in a thread of its own, for a disk may take seconds over it.

    Args:
        file: a descriptor of its own, closed at the end.
        path: the file's; its name is brought to the disk, too.
    """

    def __init__(self, file: int, path: Path) -> None:
        self.dirty = threading.Event()
        """Set by the writer after each write."""
        self.failure: OSError | None = None
        """Why the last flush failed; `None` if it did not."""
        self._file = file
        self._path = path
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="flush recording", daemon=True).start()

    def stop(self) -> None:
        """Flush once more and end; does not wait for it."""
        self._stopped.set()
        self.dirty.set()

    def _run(self) -> None:
        stopped = named = False
        while not stopped:
            self.dirty.wait()
            self.dirty.clear()
            stopped = self._stopped.is_set()
            try:
                _flush(self._file)
                if not named:
                    _flush_names(self._path)
                    named = True
                self.failure = None
            except OSError as error:
                self.failure = error
            self._stopped.wait(FLUSH_PERIOD_S)
        os.close(self._file)


_flush = os.fdatasync if hasattr(os, "fdatasync") else os.fsync
"""Brings sound and file length to the disk; times of access and change need no flush. macOS has only `fsync`."""


def _flush_names(path: Path) -> None:
    """Bring the names of a new file and of its new folder to the disk: a power cut may take a file without a name.

    Raises:
        OSError: the disk does not take them.
    """
    for folder in path.absolute().parents[:2]:
        there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(there)
        except OSError as error:
            # Some network file systems know no such thing.
            if error.errno != errno.EINVAL:
                raise
        finally:
            os.close(there)


def repair(path: Path) -> int:
    """Make the header of a recording that was cut short tell its true length; return its samples.

    Half a sample at the end is dropped. A header that never reached the disk is written anew, for 16 kHz.

    Raises:
        SessionError: the file cannot be read or written, or is not a recording.
    """
    try:
        with path.open("r+b", buffering=0) as file:
            start = os.pread(file.fileno(), HEADER_BYTES, 0)
            sample_rate = _sample_rate(start)
            if sample_rate is None and any(start) and len(start) == HEADER_BYTES:
                raise _not_a_recording(path)
            sound = max(0, os.fstat(file.fileno()).st_size - HEADER_BYTES)
            samples = sound // SAMPLE_BYTES
            file.truncate(HEADER_BYTES + samples * SAMPLE_BYTES)
            os.pwrite(file.fileno(), wav.header(sample_rate or DEFAULT_RATE, samples * SAMPLE_BYTES), 0)
            os.fsync(file.fileno())
    except OSError as error:
        raise _unusable_recording(path, error) from error
    return samples


def _sample_rate(start: bytes) -> int | None:
    """Return the rate in the header of a recording; `None` if it is not the header of one."""
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
        "See that its folder exists, is yours to write to, and that the disk has room.",
    )


def _not_a_recording(path: Path) -> SessionError:
    return SessionError(f"{path} is not a recording of livegist.", "It must be a mono WAV of 16 bits.")
