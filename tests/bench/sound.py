"""What is played while something is measured: speech, a quiet room, or a metronome that says when it made a sample.

As a program it is the metronome: `--source "cmd:python -m tests.bench.sound"`.
"""

import sys
import time
from pathlib import Path

import numpy as np
import soundfile

from tests.bench.endpoint import TICKS
from tests.conftest import DATA

RATE = 16_000
LENGTH_S = 900
"""Longer than any one measurement."""
ROOM_DBFS = -52.0
"""RMS of the noise of a quiet room, as a microphone records it."""
BLOCK_MS = 10


def speech(folder: Path) -> Path:
    """Write people reading, again and again, and return the WAV."""
    clips = [soundfile.read(path, dtype="int16")[0] for path in sorted(DATA.glob("*.wav"))]
    return _write(folder / "speech.wav", np.resize(np.concatenate(clips), LENGTH_S * RATE))


def room(folder: Path) -> Path:
    """Write a room in which nobody speaks, and return the WAV."""
    noise = np.random.default_rng(7).normal(0.0, 32768 * 10 ** (ROOM_DBFS / 20), LENGTH_S * RATE)
    return _write(folder / "room.wav", noise.round().astype("int16"))


def _write(path: Path, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> Path:
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


def tick() -> None:
    """Write ten milliseconds of sound every ten milliseconds; each sample is the millisecond it was written in."""
    due = time.monotonic()
    while True:
        due += BLOCK_MS / 1000
        time.sleep(max(0.0, due - time.monotonic()))
        made_at = int(time.monotonic() * 1000) % TICKS
        sys.stdout.buffer.write(np.full(RATE * BLOCK_MS // 1000, made_at, "<i2").tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    tick()
