"""Converts PCM of any format to s16le mono at a requested sample rate.

PCM that already has the target format is passed through without loading numpy.
"""

from typing import TYPE_CHECKING, Any

from tui.audio.level import dbfs
from tui.audio.wav import Format

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Frames = npt.NDArray[np.float32]
    """Samples from -1 to 1, a row a frame, a column a channel."""

FULL_SCALE = 32768.0
CANCELLED = 0.01
"""Power of the mix of channels, relative to the loudest one, below which they cancel each other."""
RESTORED = 0.1
"""The same, from which they no longer do."""


def decode(pcm: bytes, format: Format) -> "Frames":
    """Return PCM (whole frames) as floats."""
    import numpy as np

    flat: npt.NDArray[Any]
    match format.encoding:
        case "u8":
            flat = (np.frombuffer(pcm, np.uint8).astype(np.float32) - 128) / 128
        case "s16":
            flat = np.frombuffer(pcm, "<i2").astype(np.float32) / FULL_SCALE
        case "s24":
            # As the upper three bytes of a 32-bit integer, the sign bit is in place.
            wide = np.zeros((len(pcm) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(pcm, np.uint8).reshape(-1, 3)
            flat = wide.view("<i4")[:, 0] / np.float32(1 << 31)
        case "s32":
            flat = np.frombuffer(pcm, "<i4") / np.float32(1 << 31)
        case "f32":
            flat = np.frombuffer(pcm, "<f4")
        case "f64":
            flat = np.frombuffer(pcm, "<f8")
    return flat.astype(np.float32, copy=False).reshape(-1, format.channels)


class Mixer:
    """Mixes frames to mono.

    Channels of opposite polarity, as from a balanced cable, cancel each other: then the loudest channel is taken.

    Args:
        rate: frames per second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._powers: npt.NDArray[Any] | None = None
        """Mean power of the mix and of each channel over about the last second."""
        self._cancels = False

    def mix(self, frames: "Frames") -> "npt.NDArray[np.float32]":
        """Return one sample a frame."""
        import numpy as np

        mean: npt.NDArray[np.float32]
        if frames.shape[1] == 1:
            mean = frames[:, 0]
            return mean
        mean = frames.mean(axis=1, dtype=np.float32)
        if not len(frames):
            return mean
        powers = np.mean(np.square(np.column_stack((mean, frames))), axis=0)
        kept = 0.0 if self._powers is None else float(np.exp(-len(frames) / self._rate))
        self._powers = powers if self._powers is None else kept * self._powers + (1 - kept) * powers
        loudest = int(np.argmax(self._powers[1:]))
        share = self._powers[0] / max(self._powers[1 + loudest], np.finfo(np.float32).tiny)
        self._cancels = bool(share < (RESTORED if self._cancels else CANCELLED))
        return np.ascontiguousarray(frames[:, loudest]) if self._cancels else mean


class Resampler:
    """Mixes frames to mono and resamples them, block by block without discontinuities.

    Args:
        source_rate: input frames per second.
        sample_rate: output samples per second.
    """

    def __init__(self, source_rate: float, sample_rate: int) -> None:
        self._channel_levels: npt.NDArray[Any] | None = None
        """Maximum RMS and peak of each channel since `take_levels`; `None` for mono or before the first block."""
        self._mixer = Mixer(source_rate)
        self._stream: Any = None
        """A `soxr.ResampleStream`; `None` if the rates are equal."""
        if source_rate != sample_rate:
            import soxr

            self._stream = soxr.ResampleStream(source_rate, sample_rate, 1, dtype="float32")

    def feed(self, frames: "Frames", *, last: bool = False) -> bytes:
        """Return the output that is complete so far as s16le; with `last`, all the remaining output."""
        import numpy as np

        if frames.shape[1] > 1 and len(frames):
            levels = np.stack((np.sqrt(np.mean(frames**2, axis=0)), np.abs(frames).max(axis=0)), axis=1)
            self._channel_levels = levels if self._channel_levels is None else np.maximum(self._channel_levels, levels)
        mono: npt.NDArray[Any] = self._mixer.mix(frames)
        if self._stream is not None:
            mono = self._stream.resample_chunk(np.ascontiguousarray(mono), last=last)
        scaled = np.nan_to_num(np.rint(mono * FULL_SCALE))
        pcm: bytes = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
        return pcm

    def take_levels(self) -> tuple[tuple[float, float], ...]:
        """Return the maximum RMS and peak of each channel since the last call, in dBFS; empty for mono."""
        levels, self._channel_levels = self._channel_levels, None
        if levels is None:
            return ()
        return tuple((dbfs(float(rms)), dbfs(float(peak))) for rms, peak in levels)


class Converter:
    """Converts a stream of PCM bytes, split at any byte, to s16le mono.

    Args:
        format: format of the input.
        sample_rate: output samples per second.
    """

    def __init__(self, format: Format, sample_rate: int) -> None:
        self._format = format
        self._incomplete_frame = b""
        """The start of a frame whose remaining bytes have not arrived."""
        self._resampler = None if format == Format(sample_rate) else Resampler(format.sample_rate, sample_rate)

    def feed(self, pcm: bytes, *, last: bool = False) -> bytes:
        """Return the output that is complete so far; with `last`, an incomplete frame at the end is dropped."""
        pcm = self._incomplete_frame + pcm
        whole = len(pcm) - len(pcm) % self._format.frame_bytes
        self._incomplete_frame = pcm[whole:]
        if self._resampler is None:
            return pcm[:whole]
        return self._resampler.feed(decode(pcm[:whole], self._format), last=last)

    def take_levels(self) -> tuple[tuple[float, float], ...]:
        """Return the maximum RMS and peak of each input channel since the last call, in dBFS; empty for mono."""
        return self._resampler.take_levels() if self._resampler is not None else ()
