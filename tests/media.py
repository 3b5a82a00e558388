"""Media containers for tests, written with PyAV."""

from pathlib import Path

import av
import numpy as np


def write_container(path: Path, pcm: bytes, codec: str, *, rate: int = 48_000, channels: int = 1) -> Path:
    """Write s16le mono PCM of 16 kHz as the audio of a container; return `path`."""
    layout = "mono" if channels == 1 else "stereo"
    with av.open(path, "w") as container:
        track = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[None, :], format="s16", layout="mono")
        frame.sample_rate = 16_000
        to_codec = av.AudioResampler(track.codec_context.format, layout, rate, track.codec_context.frame_size or 960)
        for converted in (*to_codec.resample(frame), *to_codec.resample(None)):
            container.mux(track.encode(converted))
        container.mux(track.encode(None))
    return path


def write_late_audio(path: Path, pcm: bytes, *, start_s: float) -> Path:
    """Write a container whose picture starts at 0 and whose audio, s16le mono PCM of 16 kHz, starts later."""
    with av.open(path, "w") as container:
        picture = container.add_stream("rawvideo", rate=10, width=16, height=16, pix_fmt="gray")
        track = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        container.mux(picture.encode(av.VideoFrame(16, 16, "gray")))
        container.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16_000, round(start_s * 16_000)
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return path


def write_silent_video(path: Path) -> Path:
    """Write a container with a picture and no audio; return `path`."""
    with av.open(path, "w") as container:
        picture = container.add_stream("rawvideo", rate=10, width=16, height=16, pix_fmt="gray")
        container.mux(picture.encode(av.VideoFrame(16, 16, "gray")))
        container.mux(picture.encode(None))
    return path
