"""Audio of media containers that libsndfile does not read, such as MP4, WebM and AAC, with PyAV. Imports it late."""

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av

    from tui.audio.convert import Frames

FORMATS = "aac,ac3,amr,asf,avi,caf,eac3,flv,matroska,mov,mp3,mpeg,mpegts,ogg,wav"
"""FFmpeg's names of the formats that are read. Playlists and scripts are not: they name other files and addresses."""

MICROSECONDS = 1_000_000
"""Units of a container's duration in a second."""

MIN_GAP_S = 0.1
"""Shortest gap between frames that becomes silence, in seconds; timestamps are not exact."""


class ContainerError(Exception):
    """The file is not a container with audio that FFmpeg decodes."""


def is_supported() -> bool:
    """Return whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


class ContainerFile:
    """First audio track of a container, read like a `soundfile.SoundFile`.

    Args:
        path: the file.

    Raises:
        ContainerError: it is not a container, or its audio cannot be decoded.
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        import av

        with contextlib.ExitStack() as opened:
            # As an open file, its name is never taken for an address.
            file = opened.enter_context(path.open("rb"))
            try:
                container = opened.enter_context(av.open(file, options={"format_whitelist": FORMATS}))
            except av.FFmpegError as error:
                raise ContainerError(error.strerror) from error
            self.frames = 0
            """Number of frames as the container gives it, at least 1 if there is audio."""
            self.samplerate = 1
            self._rest: list[Frames] = []
            self._decoded: Iterator[Frames] = iter(())
            if container.streams.audio:
                self._start(container)
            self._opened = opened.pop_all()

    def _start(self, container: "av.container.InputContainer") -> None:
        track = container.streams.audio[0]
        self.samplerate = track.rate
        self._decoded = _decode(container, track)
        self._rest = [frames for frames in [next(self._decoded, None)] if frames is not None]
        if self._rest:
            self.frames = max(1, round(_duration_s(container) * self.samplerate))

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> "Frames":
        """Return the next frames, fewer than asked for only at the end.

        Raises:
            ContainerError: the audio cannot be decoded.
        """
        import numpy as np

        parts, count = self._rest, sum(map(len, self._rest))
        while count < frames and (decoded := next(self._decoded, None)) is not None:
            parts.append(decoded)
            count += len(decoded)
        joined = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
        self._rest = [joined[frames:]]
        return joined[:frames]

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def __enter__(self) -> "ContainerFile":
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()


def _decode(container: "av.container.InputContainer", track: "av.AudioStream") -> "Iterator[Frames]":
    """Yield the frames of a track, with silence where it starts late or has a gap; a damaged packet is skipped."""
    import av
    import numpy as np

    channels = min(track.channels, 2)
    to_floats = av.AudioResampler(format="fltp", layout=("mono", "stereo")[channels - 1], rate=track.rate)
    start_s = (container.start_time or 0) / MICROSECONDS
    position, end = 0, _duration_s(container) * track.rate
    try:
        for packet in container.demux(track):
            try:
                decoded = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in decoded:
                gap = round(((frame.time or 0.0) - start_s) * track.rate) - position
                # Timestamps beyond the end of the file are wrong.
                if gap > MIN_GAP_S * track.rate and position + gap <= end:
                    position += gap
                    yield from _silence(gap, channels, track.rate)
                for converted in to_floats.resample(frame):
                    position += converted.samples
                    yield np.ascontiguousarray(converted.to_ndarray().T)
    except av.FFmpegError as error:
        raise ContainerError(error.strerror) from error


def _silence(count: int, channels: int, block: int) -> "Iterator[Frames]":
    """Yield `count` frames of silence in blocks, because a gap may last for hours."""
    import numpy as np

    for start in range(0, count, block):
        yield np.zeros((min(block, count - start), channels), np.float32)


def _duration_s(container: "av.container.InputContainer") -> float:
    """Return the duration in seconds, 0 if the container does not give it."""
    return float((container.duration or 0) / MICROSECONDS)
