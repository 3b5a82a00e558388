"""Reading a source to its end, faster than real time."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.conftest import DATA
from tui.audio.sources import open_source
from tui.errors import SourceError

CLIP = min(DATA.glob("*.wav"))


def fast_clock(times: float = 50.0) -> Callable[[], float]:
    """Return a clock that goes faster, so that a test need not listen to all of it."""
    return lambda: time.monotonic() * times


class Pace:
    """A clock that only sleeping advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.slept_s: list[float] = []
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept_s.append(seconds)

    def __call__(self) -> float:
        return self.now


async def read_source(spec: str, clock: Callable[[], float] | None = None) -> bytes:
    async with asyncio.timeout(30), open_source(spec, clock=clock or fast_clock()) as source:
        return b"".join([block async for block in source])


async def open_error(spec: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await read_source(spec)
    assert caught.value.hint, "it says what to do"
    return caught.value


def samples(pcm: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length], other[:length])[0, 1])


def write_file(path: Path, speech: bytes, rate: int, channels: int, subtype: str) -> Path:
    """Write the speech as a file of another rate and number of channels."""
    import soxr

    frames = soxr.resample(samples(speech) / 32768, 16_000, rate)
    soundfile.write(path, np.repeat(frames[:, None], channels, axis=1), rate, subtype)
    return path


def speech_clip() -> bytes:
    """Return two seconds of speech as s16le mono at 16 kHz."""
    frames, rate = soundfile.read(CLIP, frames=32_000, dtype="int16")
    assert rate == 16_000
    pcm: bytes = frames.tobytes()
    return pcm
