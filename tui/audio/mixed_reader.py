"""Mixed reader: the sum of several recordings, read by position while they grow."""

from collections.abc import Sequence

from tui.audio.level import mixed
from tui.audio.recording import Recording
from tui.audio.wav import SAMPLE_BYTES


class MixedReader:
    """The recordings of several tracks as one; a track that has ended is silent.

    Args:
        recordings: recordings with the same sample rate.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._recordings = tuple(recordings)
        self.sample_rate = self._recordings[0].sample_rate

    def add(self, recording: Recording) -> None:
        """Add a recording that is as long as the mix is now, or longer."""
        self._recordings += (recording,)

    @property
    def position(self) -> int:
        """Number of samples that all tracks have, except those that have ended."""
        growing = [recording.position for recording in self._recordings if not recording.closed]
        return min(growing) if growing else max(recording.position for recording in self._recordings)

    @property
    def closed(self) -> bool:
        """Whether all recordings have ended."""
        return all(recording.closed for recording in self._recordings)

    def read(self, position: int, samples: int) -> bytes:
        """Return at most `samples` samples of s16le from `position` on."""
        count = max(0, min(samples, self.position - position))
        blocks = [recording.read(position, count) for recording in self._recordings]
        return mixed(blocks).ljust(count * SAMPLE_BYTES, b"\0")

    async def wait_beyond(self, position: int) -> None:
        """Wait until there is audio after `position` on all tracks, or all have ended."""
        while self.position <= position and not self.closed:
            behind = min(
                (recording for recording in self._recordings if not recording.closed),
                key=lambda recording: recording.position,
            )
            await behind.wait_beyond(position)
