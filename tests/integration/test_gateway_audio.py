"""The encodings and sample rates of audio that the gateway transcribes."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.compressed_speech import ENCODINGS, messages
from tests.gateway_harness import CLIPS, RATE, calling, read, serving, silence

SENTENCE = "He might even have been made amiable himself."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(max_sessions=4) as address:
        yield address


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_compressed_audio_is_transcribed_and_its_duration_is_rounded(url: str, encoding: str) -> None:
    async with calling(url, encoding=encoding, sample_rate=[]) as caller:
        for message in messages(encoding, np.concatenate([read(CLIPS[4]), silence(0.4)])):
            await caller.websocket.send(message)
        await caller.send("Terminate")
        await caller.ended()
    assert [turn["transcript"] for turn in caller.finals] == [SENTENCE]
    # The clip has 3.29 s; with 3.69 s of sound, cut off were wrong.
    assert caller.received[-1]["audio_duration_seconds"] == 4


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 96_000])
async def test_any_sample_rate_is_transcribed(url: str, rate: int) -> None:
    import soxr

    resampled = soxr.resample(read(CLIPS[4]), RATE, rate)
    size = rate // 10
    async with calling(url, sample_rate=rate) as caller:
        for at in range(0, len(resampled) - size, size):
            await caller.websocket.send(resampled[at : at + size].astype("<i2").tobytes())
        await caller.send("Terminate")
        await caller.ended()
    assert "amiable himself" in caller.finals[0]["transcript"]
    assert 2800 <= caller.finals[0]["words"][-1]["end"] <= 3300


async def test_mulaw_is_transcribed(url: str) -> None:
    samples = read(CLIPS[4]).astype(np.int32)
    size = np.minimum(np.abs(samples), 32_635) + 132
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    code = ~(np.where(samples < 0, 128, 0) | (exponent << 4) | ((size >> (exponent + 3)) & 15)) & 255
    async with calling(url, encoding="pcm_mulaw") as caller:
        for at in range(0, len(code) - 1600, 1600):
            await caller.websocket.send(code[at : at + 1600].astype(np.uint8).tobytes())
        await caller.send("Terminate")
        await caller.ended()
    assert caller.finals[0]["transcript"] == SENTENCE
