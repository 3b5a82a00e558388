"""PCM of any format made into s16le mono at the rate asked for.

What is so already needs no numpy, and does not load it.
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


def decode(pcm: bytes, format: Format) -> "Frames":
    """Return whole frames of PCM as floats."""
    import numpy as np

    flat: npt.NDArray[Any]
    match format.encoding:
        case "u8":
            flat = (np.frombuffer(pcm, np.uint8).astype(np.float32) - 128) / 128
        case "s16":
            flat = np.frombuffer(pcm, "<i2").astype(np.float32) / FULL_SCALE
        case "s24":
            # As the upper three bytes of 32 bits, the sign is where it belongs.
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


class Resampler:
    """Mixes frames down to mono and brings them to another rate, block by block without a seam.

    Args:
        source_rate: frames a second that come in.
        sample_rate: samples a second that go out.
    """

    def __init__(self, source_rate: float, sample_rate: int) -> None:
        self._channel_levels: npt.NDArray[Any] | None = None
        """RMS and peak of each channel since they were taken, the greatest of all blocks; `None` for mono."""
        self._stream: Any = None
        """A `soxr.ResampleStream`; `None` if the rate is right already."""
        if source_rate != sample_rate:
            import soxr

            self._stream = soxr.ResampleStream(source_rate, sample_rate, 1, dtype="float32")

    def feed(self, frames: "Frames", *, last: bool = False) -> bytes:
        """Return what can be told of the output so far as s16le; after the `last` frames, all the rest of it."""
        import numpy as np

        if frames.shape[1] > 1 and len(frames):
            heard = np.stack((np.sqrt(np.mean(frames**2, axis=0)), np.abs(frames).max(axis=0)), axis=1)
            self._channel_levels = heard if self._channel_levels is None else np.maximum(self._channel_levels, heard)
        mono: npt.NDArray[Any] = frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1, dtype=np.float32)
        if self._stream is not None:
            mono = self._stream.resample_chunk(np.ascontiguousarray(mono), last=last)
        scaled = np.nan_to_num(np.rint(mono * FULL_SCALE))
        pcm: bytes = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
        return pcm

    def take_levels(self) -> tuple[tuple[float, float], ...]:
        """Return RMS and peak of each channel since the last time, in dBFS; nothing for mono."""
        loudest, self._channel_levels = self._channel_levels, None
        if loudest is None:
            return ()
        return tuple((dbfs(float(rms)), dbfs(float(peak))) for rms, peak in loudest)


class Converter:
    """Makes a stream of PCM bytes, cut anywhere, into s16le mono; bytes that are so already pass untouched.

    Args:
        format: what comes in.
        sample_rate: samples a second that go out.
    """

    def __init__(self, format: Format, sample_rate: int) -> None:
        self._format = format
        self._incomplete_frame = b""
        """The start of a frame whose end has not come yet."""
        self._resampler = None if format == Format(sample_rate) else Resampler(format.sample_rate, sample_rate)

    def feed(self, pcm: bytes, *, last: bool = False) -> bytes:
        """Return what can be told of the output so far; half a frame at the `last` end is dropped."""
        pcm = self._incomplete_frame + pcm
        whole = len(pcm) - len(pcm) % self._format.frame_bytes
        self._incomplete_frame = pcm[whole:]
        if self._resampler is None:
            return pcm[:whole]
        return self._resampler.feed(decode(pcm[:whole], self._format), last=last)

    def take_levels(self) -> tuple[tuple[float, float], ...]:
        """Return RMS and peak of each channel that came in since the last time, in dBFS; nothing for mono."""
        return self._resampler.take_levels() if self._resampler is not None else ()
