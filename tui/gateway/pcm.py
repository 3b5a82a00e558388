"""Decode a client's audio to 16 kHz PCM, and keep the newest samples."""

import numpy as np
import numpy.typing as npt
import soxr

from tui.stream.messages import MAX_CHUNK_MS, MIN_CHUNK_MS

RATE = 16_000
BYTES = {"pcm_s16le": 2, "pcm_mulaw": 1}
"""Bytes per sample, by encoding."""


def _mulaw_table() -> npt.NDArray[np.int16]:
    """Return the sample of each µ-law byte (ITU-T G.711)."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent = ((code >> 4) & 7).astype(np.int32)
    magnitude = ((((code & 15).astype(np.int32) << 3) + 132) << exponent) - 132
    return np.where(code & 128, -magnitude, magnitude).astype(np.int16)


class PcmDecoder:
    """Decodes and resamples one connection's frames.

    Args:
        encoding: pcm_s16le or pcm_mulaw.
        sample_rate: Hz of the input.
    """

    durations_ms = (MIN_CHUNK_MS, MAX_CHUNK_MS)
    """Shortest and longest duration of a frame."""

    def __init__(self, encoding: str, sample_rate: int) -> None:
        self._bytes_per_sample = BYTES[encoding]
        self._sample_rate = sample_rate
        self._table = _mulaw_table() if encoding == "pcm_mulaw" else None
        self._resampler = (
            soxr.ResampleStream(sample_rate, RATE, 1, dtype="int16", quality="HQ") if sample_rate != RATE else None
        )
        self._incomplete = b""

    def decode(self, frame: bytes) -> tuple[npt.NDArray[np.int16], float]:
        """Return the frame's samples at 16 kHz, and its duration in ms.

        An incomplete sample at its end is kept for the next frame.
        """
        duration_ms = len(frame) / self._bytes_per_sample / self._sample_rate * 1000
        if self._table is not None:
            samples = self._table[np.frombuffer(frame, np.uint8)]
        else:
            frame = self._incomplete + frame
            whole = len(frame) & ~1
            self._incomplete = frame[whole:]
            samples = np.frombuffer(frame[:whole], "<i2").astype(np.int16)
        return self._resample(samples, last=False), duration_ms

    def flush(self) -> npt.NDArray[np.int16]:
        """Return the samples that the resampler still holds."""
        return self._resample(np.zeros(0, np.int16), last=True)

    def _resample(self, samples: npt.NDArray[np.int16], *, last: bool) -> npt.NDArray[np.int16]:
        if self._resampler is None:
            return samples
        return np.asarray(self._resampler.resample_chunk(samples, last=last), np.int16)


class SampleWindow:
    """The newest samples of a connection, by sample position."""

    def __init__(self) -> None:
        self._blocks: list[npt.NDArray[np.int16]] = []
        self.start = 0
        """Position of the oldest sample kept."""
        self.end = 0
        """Position after the newest."""

    def append(self, samples: npt.NDArray[np.int16]) -> None:
        """Add samples."""
        if len(samples):
            self._blocks.append(samples)
            self.end += len(samples)

    def drop(self, before: int) -> None:
        """Discard whole blocks that end at or before a position."""
        dropped = 0
        while dropped < len(self._blocks) and self.start + len(self._blocks[dropped]) <= before:
            self.start += len(self._blocks[dropped])
            dropped += 1
        del self._blocks[:dropped]

    def read(self, start: int, end: int) -> npt.NDArray[np.float32]:
        """Return the samples from `start` to `end`, as far as they are kept, -1 to 1."""
        parts, at = [], self.start
        for block in self._blocks:
            if at >= end:
                break
            if at + len(block) > start:
                parts.append(block[max(0, start - at) : end - at])
            at += len(block)
        if not parts:
            return np.zeros(0, np.float32)
        return np.concatenate(parts).astype(np.float32) / np.float32(32_768)
