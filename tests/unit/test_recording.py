"""Recordings: appended audio can be read, also when the disk fails."""

import asyncio
import errno
import os
import stat
import threading
import wave
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.audio import recording as module
from tui.audio.recording import Recording, repair
from tui.audio.wav import HEADER_BYTES
from tui.errors import SessionError


def distinct_samples(samples: int, start: int = 0) -> bytes:
    """Return samples that all differ from their neighbours, so that none can be mistaken for another."""
    return b"".join((sample % 65_521).to_bytes(2, "little") for sample in range(start, start + samples))


def audio_in(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        frames: bytes = file.readframes(file.getnframes())
    return frames


class FullDisk:
    """A replacement for `os.pwrite` that fails after a number of bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int = 0) -> None:
        self.room = room
        self._write = os.pwrite
        monkeypatch.setattr(os, "pwrite", self)

    def __call__(self, file: int, chunk: bytes, offset: int) -> int:
        if offset and not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._write(file, chunk[: self.room] if offset else chunk, offset)
        self.room -= written if offset else 0
        return written


def test_a_file_is_whole_after_every_block(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path / "audio.wav")
    for block in range(5):
        recording.append(distinct_samples(800, block * 800))
        assert audio_in(recording.path) == distinct_samples(recording.position)
        assert recording.size_bytes == recording.path.stat().st_size
    recording.close()


def test_audio_and_directory_entries_are_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: dict[int, threading.Event] = {}
    folder = tmp_path / "session"
    folder.mkdir()
    recording = Recording.create(folder / "audio.wav")
    for path in (recording.path, folder, tmp_path):
        synced[path.stat().st_ino] = threading.Event()

    def sync(file: int) -> None:
        if (done := synced.get(os.fstat(file).st_ino)) is not None:
            done.set()

    monkeypatch.setattr(module, "_flush", sync)
    monkeypatch.setattr(os, "fsync", sync)
    recording.append(distinct_samples(800))
    assert all(done.wait(10) for done in synced.values())


def test_only_the_owner_can_read_a_recording(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path / "audio.wav")
    assert stat.S_IMODE(recording.path.stat().st_mode) == 0o600


def test_a_recording_never_overwrites_another(tmp_path: Path) -> None:
    Recording.create(tmp_path / "audio.wav").close()
    with pytest.raises(SessionError, match="File exists"):
        Recording.create(tmp_path / "audio.wav")


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-5, 300), st.integers(-5, 300)), max_size=20))
@settings(deadline=None)
def test_reading_is_slicing_what_was_appended(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]]
) -> None:
    recording = Recording.create(tmp_path_factory.mktemp("recording") / "audio.wav")
    model = b""
    for appended, position, samples in steps:
        block = distinct_samples(appended, recording.position)
        recording.append(block)
        model += block
        start = max(0, position) * 2
        assert recording.read(position, samples) == model[start : start + max(0, samples) * 2]
    recording.close()
    assert recording.read(0, 10_000) == model
    assert Recording.open(recording.path).read(0, 10_000) == model


@given(
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from([None, 0, 1, 77, 400])), min_size=1, max_size=30),
    st.integers(0, 400),
)
@settings(deadline=None)
def test_a_disk_that_is_full_at_any_byte_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int | None]], first: int
) -> None:
    path = tmp_path_factory.mktemp("recording") / "audio.wav"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RETRY_S", 100 / 16_000)
        recording = Recording.create(path)
        disk = FullDisk(patch, first)
        for samples, more in steps:
            disk.room = 1 << 30 if more is None else disk.room + more
            recording.append(distinct_samples(samples, recording.position))
            assert recording.read(0, 100_000) == distinct_samples(recording.position)
        disk.room = 1 << 30
        recording.close()
        assert recording.failure is None
        assert audio_in(path) == distinct_samples(recording.position)


def test_a_full_disk_is_reported_and_the_audio_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording.create(tmp_path / "audio.wav")
    recording.append(distinct_samples(800))
    disk = FullDisk(monkeypatch, room=501)
    recording.append(distinct_samples(800, 800))
    assert recording.failure is not None
    assert recording.failure.errno == errno.ENOSPC
    assert audio_in(recording.path) == distinct_samples(1050), "half a sample is not in the header's length"
    disk.room = 1 << 30
    while recording.failure:
        recording.append(distinct_samples(800, recording.position))
    assert audio_in(recording.path) == distinct_samples(recording.position)


def test_after_ten_minutes_the_oldest_audio_becomes_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RING_S", 1)
    recording = Recording.create(tmp_path / "audio.wav")
    recording.append(distinct_samples(8_000))
    disk = FullDisk(monkeypatch)
    while recording.position < 40_000:
        recording.append(distinct_samples(800, recording.position))
    expected = distinct_samples(8_000) + bytes(2 * (40_000 - 8_000 - 16_000)) + distinct_samples(16_000, 24_000)
    assert recording.read(0, 40_000) == expected
    disk.room = 1 << 30
    recording.close()
    assert audio_in(recording.path) == expected


async def test_a_reader_waits_for_the_next_block_and_is_woken_by_it(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path / "audio.wav")
    readers = [asyncio.create_task(recording.wait_beyond(position)) for position in (0, 0, 799, 800)]
    await asyncio.sleep(0)
    recording.append(distinct_samples(800))
    async with asyncio.timeout(30):
        await asyncio.gather(*readers[:3])
    assert not readers[3].done()
    recording.close()
    async with asyncio.timeout(30):
        await readers[3]


async def test_a_cancelled_reader_leaves_no_waiter(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path / "audio.wav")
    reader = asyncio.create_task(recording.wait_beyond(0))
    await asyncio.sleep(0)
    reader.cancel()
    await asyncio.wait([reader])
    recording.append(distinct_samples(800))
    assert recording.position == 800


def test_a_closed_recording_can_be_read_and_not_appended_to(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path / "audio.wav")
    recording.append(distinct_samples(800))
    recording.close()
    with pytest.raises(ValueError, match="closed"):
        recording.append(distinct_samples(1))
    assert recording.read(799, 10) == distinct_samples(1, 799)


def test_a_truncated_file_is_read_to_its_end_and_repaired(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path / "audio.wav", 8_000)
    recording.append(distinct_samples(800))
    recording.close()
    with recording.path.open("ab") as file:
        file.write(distinct_samples(100, 800) + b"\x01")
    assert Recording.open(recording.path).read(0, 1_000) == distinct_samples(900)
    assert repair(recording.path) == 900
    assert audio_in(recording.path) == distinct_samples(900)
    assert Recording.open(recording.path).sample_rate == 8_000


@pytest.mark.parametrize("length", [0, 10, HEADER_BYTES, HEADER_BYTES + 33])
def test_a_file_whose_header_never_reached_the_disk_is_repaired(tmp_path: Path, length: int) -> None:
    path = tmp_path / "audio.wav"
    path.write_bytes(bytes(length))
    samples = max(0, length - HEADER_BYTES) // 2
    assert repair(path) == samples
    assert audio_in(path) == bytes(samples * 2)


def test_a_foreign_file_is_neither_opened_nor_changed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"Dear diary, " * 10)
    for use in (Recording.open, repair):
        with pytest.raises(SessionError, match="not a recording"):
            use(path)
    assert path.read_bytes() == b"Dear diary, " * 10


def test_silence_at_the_start_of_a_file_takes_no_space(tmp_path: Path) -> None:
    path = tmp_path / "audio.wav"
    recording = Recording.create(path, silence=3600 * 16_000)
    recording.append(distinct_samples(10))
    recording.close()
    assert recording.read(3600 * 16_000 - 2, 4) == bytes(4) + distinct_samples(2)
    assert path.stat().st_blocks * 512 < 1_000_000
    with wave.open(str(path)) as file:
        assert file.getnframes() == 3600 * 16_000 + 10
