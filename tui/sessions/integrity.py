"""Checks of a session's files for damage, described for a person."""

from pathlib import Path

from tui.audio import wav
from tui.audio.wav import HEADER_BYTES, SAMPLE_BYTES
from tui.text import plural

MISSING_S = 1.0
"""Minimum seconds of missing audio that are reported: the journal is slightly ahead of the recording on disk."""
STREAMINFO_BYTES = 42
"""Length of a FLAC file's start up to the end of STREAMINFO (RFC 9639, section 8.2)."""


def journal_damage(lost_lines: int) -> str:
    """Describe the damage to a journal; empty if there is none."""
    if not lost_lines:
        return ""
    return f"{plural(lost_lines, 'line')} of the journal cannot be read; the rest is intact"


def recording_damage(path: Path, length_s: float) -> str:
    """Describe the damage to a recording; empty if there is none.

    Args:
        path: a WAV written by livegist, or a FLAC.
        length_s: seconds recorded, according to the journal.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(max(HEADER_BYTES, STREAMINFO_BYTES))
    except FileNotFoundError:
        return "the recording is missing" if length_s >= MISSING_S else ""
    except OSError as error:
        return f"the recording cannot be read: {error.strerror}"
    recorded_s = _flac_s(start) if path.suffix == ".flac" else _wav_s(start, size)
    if recorded_s is None:
        return "the recording is damaged"
    lost_s = length_s - recorded_s
    return f"the last {lost_s:.0f} s of the recording are missing" if lost_s >= MISSING_S else ""


def recorded_s(path: Path) -> float:
    """Return the seconds in a WAV that may still grow; 0 if it cannot be read."""
    try:
        with path.open("rb") as file:
            return _wav_s(file.read(HEADER_BYTES), path.stat().st_size) or 0.0
    except OSError:
        return 0.0


def _wav_s(start: bytes, size: int) -> float | None:
    """Return the duration of a WAV by the size of its file; the header of a truncated WAV may be wrong."""
    try:
        header = wav.parse(start)
    except wav.InvalidWavError:
        return None
    if header is None:
        return None
    return max(0, size - header.offset) / SAMPLE_BYTES / header.format.sample_rate


def _flac_s(start: bytes) -> float | None:
    """Return the duration of a FLAC by its header; `None` if the header is not valid."""
    if len(start) < STREAMINFO_BYTES or not start.startswith(b"fLaC"):
        return None
    packed = int.from_bytes(start[18:26])
    sample_rate, samples = packed >> 44, packed & (1 << 36) - 1
    return samples / sample_rate if sample_rate else None
