"""The header of a WAV: written for the recording, read from whatever comes in."""

import struct
from typing import Literal

import msgspec

HEADER_BYTES = 44
"""Length of the header we write: RIFF, a `fmt ` chunk of 16 bytes, and the start of `data`."""
SAMPLE_BYTES = 2
"""Bytes of one s16le sample."""
SIZE_LIMIT = 0xFFFF_FFFF
"""Largest size a chunk can tell. A program that writes to a pipe puts it, or 0, for "until the end"."""

Encoding = Literal["u8", "s16", "s24", "s32", "f32", "f64"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENCODINGS: dict[tuple[int, int], Encoding] = {
    (_PCM, 8): "u8",
    (_PCM, 16): "s16",
    (_PCM, 24): "s24",
    (_PCM, 32): "s32",
    (_FLOAT, 32): "f32",
    (_FLOAT, 64): "f64",
}


class InvalidWavError(ValueError):
    """These bytes are not the start of a WAV that we can read."""


class Format(msgspec.Struct, frozen=True):
    """How the bytes of PCM are to be read; all of them little-endian, channels interleaved."""

    sample_rate: int
    channels: int = 1
    encoding: Encoding = "s16"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8}[self.encoding]


class Header(msgspec.Struct, frozen=True):
    """What stands before the sound."""

    format: Format
    offset: int
    """Where the sound starts, in bytes from the start of the file."""
    size: int | None
    """Bytes of sound; `None` means until the end."""


def header(sample_rate: int, size: int) -> bytes:
    """Return the 44 bytes before `size` bytes of s16le mono PCM; sizes past 4 GiB are given as the largest there is."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", min(size + HEADER_BYTES - 8, SIZE_LIMIT), b"WAVE",
        b"fmt ", 16, _PCM, 1, sample_rate, sample_rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES,
        b"data", min(size, SIZE_LIMIT),
    )  # fmt: skip


def parse(start: bytes) -> Header | None:
    """Read the header of a WAV from its first bytes; `None` means that more of them are needed.

    Raises:
        NotWav: it is none, or of an encoding other than PCM of 8 to 32 bits or floats.
    """
    if start[:4] != b"RIFF"[: len(start)] or start[8:12] != b"WAVE"[: max(0, len(start) - 8)]:
        raise InvalidWavError("it does not start with RIFF … WAVE")
    found: Format | None = None
    at = 12
    while at + 8 <= len(start):
        name, size = struct.unpack_from("<4sI", start, at)
        at += 8
        if name == b"data":
            if found is None:
                raise InvalidWavError("its sound comes before its format")
            return Header(found, at, size if 0 < size < SIZE_LIMIT else None)
        if name == b"fmt ":
            if at + size > len(start):
                return None
            found = _format(start[at : at + size])
        # Chunks start at even positions.
        at += size + size % 2
    return None


def _format(chunk: bytes) -> Format:
    if len(chunk) < 16:
        raise InvalidWavError("its format is cut short")
    tag, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        (tag,) = struct.unpack_from("<H", chunk, 24)
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None or not channels or not sample_rate:
        raise InvalidWavError(f"its encoding ({tag}, {bits} bits) is not plain PCM")
    return Format(sample_rate, channels, encoding)
