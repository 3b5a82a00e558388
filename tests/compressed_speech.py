"""Sound as clients send it in Opus and AAC."""

import io

import av
import numpy as np
import numpy.typing as npt

RATE = 16_000
ENCODINGS = {"opus": ("ogg", "libopus"), "ogg_opus": ("ogg", "libopus"), "aac": ("adts", "aac")}


def encoded(encoding: str, samples: npt.NDArray[np.int16]) -> bytes:
    """Return samples in a container."""
    container, codec = ENCODINGS[encoding]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    return file.getvalue()


def messages(encoding: str, samples: npt.NDArray[np.int16], size: int = 700) -> list[bytes]:
    """Return samples as a client sends them: an Opus packet each, or pieces of a stream."""
    stream = encoded(encoding, samples)
    if encoding == "opus":
        with av.open(io.BytesIO(stream)) as file:
            return [bytes(packet) for packet in file.demux(audio=0) if packet.size]
    return [stream[at : at + size] for at in range(0, len(stream), size)]
