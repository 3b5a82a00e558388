"""Make the demo's recording from its words: `python -m tests.make_demo [FLAC]`. Needs flite.

The same words make the same samples: the pauses and the room's noise come from a fixed seed.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tui.paths import PACKAGE, demo_recording

Samples = npt.NDArray[np.float64]

WORDS = PACKAGE / "demo" / "standup.txt"
RATE = 16000
SEED = 75
VOICES = {"Sarah": "slt", "Mark": "rms", "Alan": "awb"}
PAUSE_S = (0.7, 1.2)
"""Shortest and longest silence between two turns."""
EDGE_S = 0.6
"""Silence before the first turn and after the last."""
SPEECH_DBFS = -22.0
"""RMS of each turn, so that no voice is louder than another."""
ROOM_DBFS = -72.0
"""RMS of the noise under everything: a room is never digitally silent."""
SILENCE = 0.004
"""Below this share of full scale, the start and end of a turn are cut off."""


def script() -> Iterator[tuple[str, str]]:
    """Yield who speaks and what, turn by turn."""
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        speaker, _, text = line.partition(": ")
        yield speaker, text


def spoken(text: str, voice: str) -> Samples:
    """Return what flite makes of `text`, without silence around it and at the common loudness."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turn.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        samples, rate = soundfile.read(path)
    if rate != RATE:
        raise SystemExit(f"flite's voice {voice} speaks at {rate} Hz, not {RATE}.")
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    samples = samples[loud[0] : loud[-1] + 1]
    turn: Samples = samples * _amplitude(SPEECH_DBFS) / np.sqrt(np.mean(samples**2))
    return turn


def mixed() -> Samples:
    """Return the whole meeting, -1 to 1, at 16 kHz."""
    chance = random.Random(SEED)
    parts = [np.zeros(int(EDGE_S * RATE))]
    for speaker, text in script():
        parts += [spoken(text, VOICES[speaker]), np.zeros(int(chance.uniform(*PAUSE_S) * RATE))]
    parts[-1] = np.zeros(int(EDGE_S * RATE))
    meeting = np.concatenate(parts)
    noise = np.random.default_rng(SEED).normal(0.0, _amplitude(ROOM_DBFS), len(meeting))
    together: Samples = np.clip(meeting + noise, -1.0, 1.0)
    return together


def make(path: Path) -> float:
    """Write the meeting to `path` as 16-bit FLAC and return its seconds."""
    meeting = mixed()
    soundfile.write(path, meeting, RATE, subtype="PCM_16", format="FLAC", compression_level=1.0)
    return len(meeting) / RATE


def _amplitude(dbfs: float) -> float:
    return float(10 ** (dbfs / 20))


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else demo_recording()
    seconds = make(target)
    print(f"{target}: {len(list(script()))} turns, {seconds:.1f} s, {target.stat().st_size / 1e6:.2f} MB")
