"""Formats of sound files other than WAV, recognised by their first bytes. Pure."""

SIGNATURE_BYTES = 12
"""Number of bytes that tell each format with a signature."""
HEADER_BYTES = 7
"""Number of bytes of the longest header of a frame."""

MP3 = "MP3"
WEB_PAGE = "a web page"
"""What a server sends in place of a file that it does not have."""

SIGNATURES = (
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "Ogg"),
    (0, b"ID3", MP3),
    (0, b"FORM", "AIFF"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (4, b"ftyp", "MP4"),
    (0, b"RF64", "RF64"),
    (0, b"riff\x2e\x91\xcf\x11", "Wave64"),
    (0, b".snd", "AU"),
    (0, b"caff", "CAF"),
    (0, b"#!AMR", "AMR"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (0, b"wvpk", "WavPack"),
)
"""Position, bytes and name of each format."""

MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Samples per second, by the version of MPEG as it stands in a frame (ISO/IEC 11172-3, 2.4.2.3)."""
MP3_KBIT_S = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates, by whether the version is MPEG 1."""


def file_format(start: bytes) -> str | None:
    """Return the name of the format of a file by its first bytes; `None` if these are too few to tell.

    The name is empty for raw PCM and for WAV. The header of a frame of MP3 or AAC has only a few fixed bits, which raw
    PCM may begin with, too: it must be followed by another one where the frame ends.
    """
    for position, signature, name in SIGNATURES:
        if start[position:].startswith(signature):
            return name
    if start[:100].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return WEB_PAGE
    if len(start) < SIGNATURE_BYTES:
        return None
    for frame_bytes, name in ((_mp3_frame_bytes, MP3), (_adts_frame_bytes, "AAC")):
        first = frame_bytes(start)
        if first and len(start) < first + HEADER_BYTES:
            return None
        if first and frame_bytes(start[first:]):
            return name
    return ""


def _mp3_frame_bytes(start: bytes) -> int:
    """Return the length of a frame of MPEG audio, layer III; 0 if there is none."""
    if len(start) < HEADER_BYTES or start[0] != 0xFF or start[1] & 0xE6 != 0xE2:
        return 0
    version, bit_rate, rate, padding = start[1] >> 3 & 3, start[2] >> 4, start[2] >> 2 & 3, start[2] >> 1 & 1
    if version not in MP3_RATES or rate == 3 or bit_rate in (0, 15):
        return 0
    is_first = version == 3
    return (144_000 if is_first else 72_000) * MP3_KBIT_S[is_first][bit_rate - 1] // MP3_RATES[version][rate] + padding


def _adts_frame_bytes(start: bytes) -> int:
    """Return the length of a frame of AAC in ADTS (ISO/IEC 13818-7, 6.2); 0 if there is none."""
    if len(start) < HEADER_BYTES or start[0] != 0xFF or start[1] & 0xF6 != 0xF0:
        return 0
    return (start[3] & 3) << 11 | start[4] << 3 | start[5] >> 5
