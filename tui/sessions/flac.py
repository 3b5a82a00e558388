"""Compresses a recording to FLAC at half the size; the WAV is deleted only after a comparison of all samples."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tui.audio.wav import HEADER_BYTES
from tui.errors import SessionError
from tui.sessions.store import StoredSession

if TYPE_CHECKING:
    import soundfile

BLOCK = 1 << 18
"""Number of samples read at a time."""


def compress(stored: StoredSession) -> int:
    """Replace the WAV of each track by a FLAC with the same samples; return the number of bytes saved.

    Raises:
        SessionError: the compression failed; the WAV is unchanged.
    """
    return sum(_compress(path) for path in stored.recordings)


def _compress(wav: Path) -> int:
    flac = wav.with_suffix(".flac")
    if wav == flac:
        return 0
    if not wav.exists():
        raise _failed(wav, "it is missing")
    # libsndfile cannot write a FLAC without samples.
    if wav.stat().st_size == HEADER_BYTES:
        return 0
    new = flac.with_suffix(".new")
    try:
        import soundfile

        # Created before libsndfile opens it, so that the file is never readable for other users.
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        _copy(wav, new)
        if not _same(wav, new):
            raise _failed(wav, "the FLAC does not contain the same samples")
        with new.open("rb") as file:
            os.fsync(file.fileno())
        saved = wav.stat().st_size - new.stat().st_size
        new.replace(flac)
        wav.unlink()
    except OSError as error:
        raise _failed(wav, error.strerror or str(error)) from error
    except soundfile.SoundFileError as error:
        raise _failed(wav, str(getattr(error, "error_string", error))) from error
    finally:
        new.unlink(missing_ok=True)
    return saved


def _copy(wav: Path, flac: Path) -> None:
    import soundfile

    with (
        soundfile.SoundFile(wav) as source,
        soundfile.SoundFile(flac, "w", source.samplerate, source.channels, "PCM_16", format="FLAC") as target,
    ):
        while len(block := source.read(BLOCK, dtype="int16")):
            target.write(block)


def _same(wav: Path, flac: Path) -> bool:
    import soundfile

    with soundfile.SoundFile(wav) as one, soundfile.SoundFile(flac) as other:
        if (one.frames, one.samplerate, one.channels) != (other.frames, other.samplerate, other.channels):
            return False
        return _same_samples(one, other)


def _same_samples(one: "soundfile.SoundFile", other: "soundfile.SoundFile") -> bool:
    while len(block := one.read(BLOCK, dtype="int16")):
        if block.tobytes() != other.read(BLOCK, dtype="int16").tobytes():
            return False
    return True


def _failed(wav: Path, reason: str) -> SessionError:
    return SessionError(
        f"{wav} cannot be compressed: {reason.rstrip('.')}.",
        "The recording is unchanged. Check that the disk is not full.",
    )
