"""Decode a client's Opus or AAC to 16 kHz PCM, with PyAV."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tui.gateway.pcm import RATE

CODECS = {"opus": "opus", "ogg_opus": "opus", "aac": "aac"}
"""FFmpeg's decoder, by encoding."""
MAX_MESSAGE_MS = 10_000
"""Longest duration of a message; an encoder that makes large pages sends some seconds in each."""
MAX_PACKET_BYTES = 64 * 1024
"""Most bytes of an Ogg packet that continues over several pages."""
OPUS_HEADERS = (b"OpusHead", b"OpusTags")
"""Starts of the packets without sound (RFC 7845, 5)."""


class InvalidAudioError(Exception):
    """The audio does not have the encoding that the client named."""


class CompressedDecoder:
    """Decodes and resamples one connection's messages.

    Args:
        encoding: `opus` for one packet a message, `ogg_opus` for an Ogg stream, `aac` for an ADTS stream.
    """

    durations_ms = (0, MAX_MESSAGE_MS)
    """Shortest and longest duration of a message; a message of a stream may hold no whole packet."""

    def __init__(self, encoding: str) -> None:
        import av

        self._encoding = encoding
        self._codec: Any = av.CodecContext.create(CODECS[encoding], "r")
        self._ogg = OggPackets()
        self._resampler: Any = None
        self._format: Any = None

    def decode(self, frame: bytes) -> tuple[npt.NDArray[np.int16], float]:
        """Return the samples of a message at 16 kHz, and their duration in ms.

        Raises:
            InvalidAudioError: it cannot be decoded.
        """
        import av

        samples: list[npt.NDArray[np.int16]] = []
        duration_ms = 0.0
        try:
            for packet in self._packets(frame):
                for decoded in self._codec.decode(packet):
                    duration_ms += decoded.samples / decoded.sample_rate * 1000
                    samples += self._resample(decoded)
        except (av.error.FFmpegError, ValueError) as error:
            raise InvalidAudioError(f"not {self._encoding}: {error}") from error
        return _joined(samples), duration_ms

    def flush(self) -> npt.NDArray[np.int16]:
        """Return the samples that the resampler still holds."""
        return _joined(self._flushed())

    def _packets(self, frame: bytes) -> Iterator[Any]:
        import av

        match self._encoding:
            case "opus":
                packets = [frame] if frame else []
            case "ogg_opus":
                packets = [packet for packet in self._ogg.feed(frame) if not packet.startswith(OPUS_HEADERS)]
            case _:
                yield from self._codec.parse(frame) if frame else ()
                return
        for packet in packets:
            yield av.Packet(packet)

    def _resample(self, decoded: Any) -> list[npt.NDArray[np.int16]]:
        """Return decoded audio as mono samples at 16 kHz; the format may change in mid-stream."""
        import av

        samples: list[npt.NDArray[np.int16]] = []
        found = (decoded.format.name, decoded.layout.name, decoded.sample_rate)
        if found != self._format:
            samples = self._flushed()
            self._format = found
            self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        return samples + [part.to_ndarray()[0] for part in self._resampler.resample(decoded)]

    def _flushed(self) -> list[npt.NDArray[np.int16]]:
        return [part.to_ndarray()[0] for part in self._resampler.resample(None)] if self._resampler else []


class OggPackets:
    """Splits an Ogg stream into its packets (RFC 3533, 6)."""

    def __init__(self) -> None:
        self._buffer = b""
        self._packet = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the packets that are complete with the next bytes.

        Raises:
            ValueError: it is not an Ogg stream.
        """
        self._buffer += data
        while len(self._buffer) >= 27:
            if not self._buffer.startswith(b"OggS"):
                raise ValueError("an Ogg page starts with OggS")
            lengths = self._buffer[27 : 27 + self._buffer[26]]
            start = 27 + len(lengths)
            end = start + sum(lengths)
            if len(lengths) < self._buffer[26] or len(self._buffer) < end:
                return
            page, self._buffer = self._buffer[start:end], self._buffer[end:]
            yield from self._split(page, lengths)

    def _split(self, page: bytes, lengths: bytes) -> Iterator[bytes]:
        """Yield the packets that end in a page: each ends with a segment below 255 bytes."""
        at = 0
        for length in lengths:
            self._packet += page[at : at + length]
            at += length
            if length < 255:
                yield self._packet
                self._packet = b""
            elif len(self._packet) > MAX_PACKET_BYTES:
                raise ValueError("a packet is too long")


def _joined(samples: list[npt.NDArray[np.int16]]) -> npt.NDArray[np.int16]:
    return np.concatenate(samples) if samples else np.zeros(0, np.int16)
