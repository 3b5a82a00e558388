"""Recordings on real disks: a killed process, and a full disk."""

import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from tests.conftest import needs
from tui.audio.recording import Recording, repair

RECORDER = """
import sys, time
from pathlib import Path
from tui.audio.recording import Recording
recording = Recording.create(Path(sys.argv[1]))
while True:
    recording.append(recording.position.to_bytes(4, "little") * 400)
    print(recording.position, flush=True)
    time.sleep(0.01)
"""
"""Records five times as fast as a microphone would, and says how far it is."""
LOST_AT_MOST = 4_000
"""Samples in 250 ms."""


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, int]:
    """Return the recording of a process killed with signal 9, and how many samples it had said it recorded."""
    path = tmp_path / "audio.wav"
    recorder = subprocess.Popen([sys.executable, "-c", RECORDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert recorder.stdout is not None
    said = 0
    while said < 32_000:
        said = int(recorder.stdout.readline())
    recorder.send_signal(signal.SIGKILL)
    for line in recorder.stdout.read().splitlines():
        said = int(line)
    recorder.wait(10)
    return path, said


def test_the_recording_of_a_killed_process_is_valid_and_lacks_at_most_250_ms(killed: tuple[Path, int]) -> None:
    path, said = killed
    with wave.open(str(path)) as file:
        assert file.getnframes() >= said - LOST_AT_MOST
    assert soundfile.info(str(path)).frames >= said - LOST_AT_MOST
    assert Recording.open(path).position >= said - LOST_AT_MOST
    assert repair(path) >= said - LOST_AT_MOST


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("sox", ["--i", "-s"]),
        ("ffprobe", ["-v", "error", "-show_entries", "stream=duration_ts", "-of", "default=nk=1:nw=1"]),
    ],
)
def test_common_programs_open_the_recording(killed: tuple[Path, int], program: str, arguments: list[str]) -> None:
    needs(program)
    path, said = killed
    done = subprocess.run([program, *arguments, str(path)], capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr == ""
    assert int(done.stdout) >= said - LOST_AT_MOST


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    needs("mount")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_nothing_is_lost_while_the_disk_is_full(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(900_000))
    recording = Recording.create(small_disk / "audio.wav")
    sound = b""
    while len(sound) < 600_000:
        block = os.urandom(1600)
        recording.append(block)
        sound += block
    assert recording.failure is not None
    assert recording.read(0, len(sound)) == sound
    ballast.unlink()
    deadline = time.monotonic() + 10
    while recording.failure:
        assert time.monotonic() < deadline
        block = os.urandom(1600)
        recording.append(block)
        sound += block
    with wave.open(str(recording.path)) as file:
        assert file.readframes(file.getnframes()) == sound
    recording.close()
