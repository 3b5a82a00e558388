"""Audio of a track: its recording, and what records into it."""

from tui.audio.recording import Recording
from tui.engine.capture import Capture

SAMPLE_RATE = 16_000
"""Samples per second of every recording."""


class TrackAudio:
    """Recording of a track, and what records into it.

    Args:
        name: name of the track; empty if the session has one without a name.
        recording: the audio to send.
        capture: records into `recording`; `None` if a stored session is resumed, which records nothing.
    """

    def __init__(self, name: str, recording: Recording, capture: Capture | None) -> None:
        self.name = name
        self.recording = recording
        self.capture = capture
