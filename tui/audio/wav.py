"""WAV headers: written for recordings, parsed for all sources."""

import struct
from collections.abc import Iterator
from typing import Literal

import msgspec

HEADER_BYTES = 44
"""Length of the header we write: RIFF, a `fmt ` chunk of 16 bytes, and the start of `data`."""
MAX_HEADER_BYTES = 1 << 20
"""Maximum length of a header that is read, in bytes."""
SAMPLE_BYTES = 2
"""Bytes of one s16le sample."""
SIZE_LIMIT = 0xFFFF_FFFF
"""Maximum size of a chunk. Programs that write to a pipe give it, or 0, as the size of audio of unknown length."""

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
    """The bytes are not the start of a supported WAV."""


class Format(msgspec.Struct, frozen=True):
    """Format of PCM, little-endian with interleaved channels."""

    sample_rate: int
    channels: int = 1
    encoding: Encoding = "s16"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8}[self.encoding]


class Header(msgspec.Struct, frozen=True):
    """A parsed WAV header."""

    format: Format
    offset: int
    """Start of the audio, in bytes from the start of the file."""
    size: int | None
    """Bytes of audio; `None` means until the end of the file."""


def header(sample_rate: int, size: int) -> bytes:
    """Return the 44-byte header for `size` bytes of s16le mono PCM; sizes above 4 GiB are limited to `SIZE_LIMIT`."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", min(size + HEADER_BYTES - 8, SIZE_LIMIT), b"WAVE",
        b"fmt ", 16, _PCM, 1, sample_rate, sample_rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES,
        b"data", min(size, SIZE_LIMIT),
    )  # fmt: skip


def parse(start: bytes) -> Header | None:
    """Parse the header of a WAV from its first bytes; return `None` if more bytes are needed.

    Raises:
        InvalidWavError: not a WAV, or an encoding other than PCM of 8 to 32 bits or floats.
    """
    if start[:4] != b"RIFF"[: len(start)] or start[8:12] != b"WAVE"[: max(0, len(start) - 8)]:
        raise InvalidWavError("it does not start with RIFF … WAVE")
    found: Format | None = None
    for name, at, size in _chunks(start):
        if name == b"data":
            if found is None:
                raise InvalidWavError("its audio precedes its format")
            return Header(found, at, size if 0 < size < SIZE_LIMIT else None)
        if name == b"fmt ":
            if at + size > len(start):
                return None
            found = _format(start[at : at + size])
    return None


def is_unfinished(start: bytes, length: int) -> bool:
    """Return whether a WAV was never closed: its header gives 0 as the size of the audio, but bytes follow it.

    Args:
        start: first bytes of the file, with the whole header.
        length: length of the file, in bytes.
    """
    if start[:4] != b"RIFF" or start[8:12] != b"WAVE" or int.from_bytes(start[4:8], "little") + 8 == length:
        return False
    data = next(((at, size) for name, at, size in _chunks(start) if name == b"data"), None)
    return data is not None and data[1] == 0 and data[0] < length


def _chunks(start: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each chunk, the position of its content, and its size in bytes."""
    at = 12
    while at + 8 <= len(start):
        name, size = struct.unpack_from("<4sI", start, at)
        yield name, at + 8, size
        # Chunks start at even positions.
        at += 8 + size + size % 2


def _format(chunk: bytes) -> Format:
    if len(chunk) < 16:
        raise InvalidWavError("its format is truncated")
    tag, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        (tag,) = struct.unpack_from("<H", chunk, 24)
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None or not channels or not sample_rate:
        raise InvalidWavError(f"its encoding ({tag}, {bits} bits) is not plain PCM")
    return Format(sample_rate, channels, encoding)
