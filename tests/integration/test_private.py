"""A private session is looked for on the disk, and is not there."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests import fake_endpoint
from tests.fake_endpoint import said, speech
from tests.session_fixtures import files, write_wav
from tui.audio.recording import Recording
from tui.errors import SessionError
from tui.paths import sessions_dir

DEADLINE_S = 80.0


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    write_wav(path, speech(17, 23))
    return path


async def test_a_private_session_is_transcribed_and_leaves_nothing(sound: Path, home: Path) -> None:
    async with fake_endpoint.running() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tui", "stream", "--private", "--source", str(sound), "--url", server.url,
            env=os.environ | {"LIVEGIST_FLAC": "true", "LIVEGIST_HOOK_COMMAND": f"tee {home}/hooked"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(DEADLINE_S):
            printed, reported = await process.communicate()
        assert bytes(server.calls[0].audio).startswith(speech(17, 23))
    assert process.returncode == 0, reported.decode()
    finals = [line for line in printed.decode().splitlines() if line.startswith("[")]
    assert finals == [f"[00:00] {said(17)}", f"[00:01] {said(23)}"]
    assert b"nothing is written to disk" in reported
    assert b"Internal error:" not in reported
    assert not sessions_dir().exists()
    found = b"".join(path.read_bytes() for path in files(home))
    assert said(17).encode() not in found
    assert speech(17)[:2000] not in found


def test_a_recording_in_memory_is_read_like_any_other() -> None:
    recording = Recording.in_memory()
    recording.append(speech(3))
    assert recording.read(0, 1 << 20) == speech(3)
    assert recording.failure is None
    recording.close()
    assert recording.read(0, 1 << 20) == speech(3)


def test_a_system_without_files_in_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(SessionError, match="cannot record to memory"):
        Recording.in_memory()
