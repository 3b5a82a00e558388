"""What of a session on the disk is damaged, in words for a person."""

from pathlib import Path

from tui.audio import wav
from tui.audio.wav import HEADER_BYTES, SAMPLE_BYTES
from tui.text import plural

MISSING_S = 1.0
"""Seconds of sound that may be missing without a word: the journal tells a moment before the disk has it."""
STREAMINFO_BYTES = 42
"""Bytes of a FLAC up to the MD5 in its STREAMINFO (RFC 9639, section 8.2)."""


def journal_damage(lost_lines: int) -> str:
    """Return what of a journal is lost; empty if nothing is."""
    if not lost_lines:
        return ""
    return f"{plural(lost_lines, 'line')} of its journal cannot be read; the rest is whole"


def recording_damage(path: Path, length_s: float) -> str:
    """Return what of a recording is lost; empty if nothing is.

    Args:
        path: a WAV of ours or a FLAC.
        length_s: seconds that the journal says were recorded.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(max(HEADER_BYTES, STREAMINFO_BYTES))
    except FileNotFoundError:
        return "its recording is missing" if length_s >= MISSING_S else ""
    except OSError as error:
        return f"its recording cannot be read: {error.strerror}"
    recorded_s = _flac_s(start) if path.suffix == ".flac" else _wav_s(start, size)
    if recorded_s is None:
        return "its recording is damaged"
    lost_s = length_s - recorded_s
    return f"the last {lost_s:.0f} s of its recording are missing" if lost_s >= MISSING_S else ""


def _wav_s(start: bytes, size: int) -> float | None:
    """Return the seconds of a WAV by the size of its file, for one cut short holds other than its header says."""
    try:
        header = wav.parse(start)
    except wav.InvalidWavError:
        return None
    if header is None:
        return None
    return max(0, size - header.offset) / SAMPLE_BYTES / header.format.sample_rate


def _flac_s(start: bytes) -> float | None:
    """Return the seconds that a FLAC says it holds."""
    if len(start) < STREAMINFO_BYTES or not start.startswith(b"fLaC"):
        return None
    packed = int.from_bytes(start[18:26])
    sample_rate, samples = packed >> 44, packed & (1 << 36) - 1
    return samples / sample_rate if sample_rate else None
