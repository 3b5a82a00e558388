"""Recording of a track of a stored session, for playback."""

from pathlib import Path

import soundfile


class RecordedAudio:
    """The recording of a track, WAV or FLAC; reads as empty where it is missing or damaged.

    Args:
        track: name of the track.
        path: path of the recording.
    """

    def __init__(self, track: str, path: Path) -> None:
        self.track = track
        self.sample_rate = 16_000
        self._file: soundfile.SoundFile | None = None
        try:
            self._file = soundfile.SoundFile(path)
            self.sample_rate = self._file.samplerate
        except (soundfile.SoundFileError, OSError):
            # The transcript can be replayed without the recording.
            self._file = None

    @property
    def length_s(self) -> float:
        """Length in seconds; 0 if the recording cannot be read."""
        return self._file.frames / self.sample_rate if self._file is not None else 0.0

    def read(self, start_s: float, end_s: float) -> bytes:
        """Return the samples of a part, given in seconds."""
        first, last = round(start_s * self.sample_rate), round(end_s * self.sample_rate)
        if self._file is None or first >= self._file.frames:
            return b""
        try:
            self._file.seek(first)
            return bytes(self._file.read(last - first, dtype="int16").tobytes())
        except soundfile.SoundFileError:
            # A damaged part of a recording counts as silence.
            return b""

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
