"""A full disk: recording continues in memory, and is written to disk once there is space."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.fake_endpoint import RATE, Endpoint, speech
from tests.faults.engines import PATIENCE_S, Watch, assert_nothing_lost, engine, fast, start_session
from tui.errors import UsageError
from tui.model.commands import Quit
from tui.model.events import State
from tui.sessions.journal import fold, read
from tui.sessions.store import Store

ROOM = 3 * 1024 * 1024


@pytest.fixture
def small_disk(short_dir: Path) -> Iterator[Path]:
    """Mount a file system of 3 MB."""
    needs("mount", "umount")
    folder = short_dir / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=700", "none", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill the disk and leave `leave` bytes free."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(ROOM - leave))
    return ballast


async def test_a_full_disk_is_said_and_nothing_is_lost_once_there_is_room(
    server: Endpoint, small_disk: Path, tmp_path: Path
) -> None:
    turns = 20
    sound = speech(*range(1, turns + 1))
    ballast = fill(small_disk, 200_000)
    watch = Watch()
    built = engine(watch, clock=fast, store=Store(small_disk / "sessions"))
    task = asyncio.create_task(built.run())
    await start_session(built, sound, server.url, tmp_path)
    await watch.until(lambda: any("recording cannot be written to disk" in notice for notice in watch.notices))
    said_at = len(watch.finals)
    await watch.until(lambda: len(watch.finals) >= said_at + 3)
    assert watch.record.state is State.LIVE, "streaming goes on"
    ballast.unlink()
    await watch.until(lambda: any("written to disk again" in notice for notice in watch.notices))
    await watch.until_over()
    built.quit()
    await task
    assert_nothing_lost(sound, watch, server.calls, turns)
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert kept.transcript.finals == watch.finals, "the journal has caught up, too"


async def test_a_disk_that_stays_full_costs_what_does_not_fit_and_no_word_of_the_transcript(
    server: Endpoint, small_disk: Path, tmp_path: Path
) -> None:
    turns = 12
    sound = speech(*range(1, turns + 1))
    ballast = fill(small_disk, 150_000)
    watch = Watch()
    built = engine(watch, clock=fast, store=Store(small_disk / "sessions"))
    task = asyncio.create_task(built.run())
    await start_session(built, sound, server.url, tmp_path)
    await watch.until_over()
    built.quit()
    await task
    assert [turn.number for turn in watch.finals] == list(range(1, turns + 1))
    assert bytes(server.calls[0].audio) == sound
    assert len(server.calls) == 1
    recorded = watch.recorded
    assert 2 * RATE < len(recorded) < len(sound)
    assert sound.startswith(recorded), "what is there is whole and in its place"
    ballast.unlink()


async def test_audio_that_did_not_fit_on_the_disk_is_written_once_there_is_room(
    server: Endpoint, small_disk: Path, tmp_path: Path
) -> None:
    turns = 12
    sound = speech(*range(1, turns + 1))
    ballast = fill(small_disk, 150_000)
    watch = Watch()
    built = engine(watch, clock=fast, store=Store(small_disk / "sessions"))
    task = asyncio.create_task(built.run())
    await start_session(built, sound, server.url, tmp_path)
    await watch.until_over()
    unsaved_s = watch.record.stats.unsaved_s
    assert unsaved_s == pytest.approx((len(sound) - len(watch.recorded)) / 2 / RATE, abs=0.1)
    assert any("The last" in notice and "only memory has them" in notice for notice in watch.notices)
    await built.wait_idle()
    assert built.unsaved, "the engine does not leave for having nothing to do"
    with pytest.raises(UsageError, match="not saved to disk"):
        await built.execute(Quit())
    ballast.unlink()
    await watch.until(lambda: any("whole session is saved" in notice for notice in watch.notices))
    assert watch.record.stats.unsaved_s == 0
    built.quit()
    await task
    assert not built.unsaved
    assert_nothing_lost(sound, watch, server.calls, turns)
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert kept.transcript.finals == watch.finals
    assert kept.state is State.ENDED
    assert kept.stats.unsaved_s == 0


async def test_an_engine_that_has_to_end_now_does_not_wait_for_room(
    server: Endpoint, small_disk: Path, tmp_path: Path
) -> None:
    fill(small_disk, 50_000)
    watch = Watch()
    built = engine(watch, clock=fast, store=Store(small_disk / "sessions"))
    task = asyncio.create_task(built.run())
    await start_session(built, speech(1, 2, 3, 4), server.url, tmp_path)
    await watch.until_over()
    await built.wait_idle()
    assert built.unsaved
    await built.execute(Quit(now=True))
    async with asyncio.timeout(PATIENCE_S):
        await task
    assert watch.record.state is State.ENDED
    assert [turn.number for turn in watch.finals] == [1, 2, 3, 4]
    assert speech(1, 2, 3, 4).startswith(watch.recorded), "what fits is whole and in its place"
    assert len(watch.recorded) < len(speech(1, 2, 3, 4))


async def test_a_disk_that_turns_read_only_for_a_while_loses_nothing(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    turns = 10
    sound = speech(*range(1, turns + 1))
    watch = Watch()
    built = engine(watch, clock=fast)
    task = asyncio.create_task(built.run())
    await start_session(built, sound, server.url, tmp_path)
    await watch.until_turn(2)
    # A real one cannot be had: no file system is made read-only while somebody writes to it.
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", read_only)
        patch.setattr(os, "write", read_only)
        await watch.until(lambda: any("Read-only file system" in notice for notice in watch.notices))
        count = len(watch.finals)
        await watch.until(lambda: len(watch.finals) > count)
    await watch.until_over()
    built.quit()
    await task
    assert_nothing_lost(sound, watch, server.calls, turns)
    assert fold(read(watch.audio.with_name("events.jsonl")).entries).transcript.finals == watch.finals


async def test_a_disk_without_any_room_refuses_the_start_and_says_so(
    server: Endpoint, small_disk: Path, tmp_path: Path
) -> None:
    fill(small_disk, 0)
    watch = Watch()
    built = engine(watch, store=Store(small_disk / "sessions"))
    task = asyncio.create_task(built.run())
    await start_session(built, speech(1), server.url, tmp_path)
    await watch.until_over()
    built.quit()
    await task
    assert watch.record.state is State.FAILED
    assert "No space left" in watch.record.reason
    assert server.calls == []
