"""Sound out: a recording made audible through the default output."""

import threading
from collections import deque

from tui.audio.portaudio import load, quiet_stderr
from tui.audio.wav import SAMPLE_BYTES
from tui.errors import SourceError

MAX_BUFFERED_S = 0.5
"""Most sound that waits to be heard; what is older goes, so that ear and eye stay together."""


class Speaker:
    """Plays s16le mono PCM.

    Args:
        sample_rate: of the sound; a higher one than it has plays it faster, and higher.

    Raises:
        SourceError: there is no output.
    """

    def __init__(self, sample_rate: int) -> None:
        sounddevice = load()
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._max_queued_bytes = int(MAX_BUFFERED_S * sample_rate) * SAMPLE_BYTES
        self._lock = threading.Lock()
        try:
            with quiet_stderr():
                self._stream = sounddevice.RawOutputStream(
                    samplerate=sample_rate, channels=1, dtype="int16", callback=self._fill
                )
                self._stream.start()
        except sounddevice.PortAudioError as error:
            raise SourceError(
                f"Nothing can be played: {error}.", "Leave out --listen, or see what `livegist doctor` says of sound."
            ) from error

    def play(self, pcm: bytes) -> None:
        """Have sound played after what waits."""
        with self._lock:
            self._queue.append(pcm)
            self._queued_bytes += len(pcm)
            while self._queued_bytes > self._max_queued_bytes:
                self._queued_bytes -= len(self._queue.popleft())

    def clear(self) -> None:
        """Forget what waits."""
        with self._lock:
            self._queue.clear()
            self._queued_bytes = 0

    def close(self) -> None:
        """Stop at once."""
        self._stream.abort()
        self._stream.close()

    def _fill(self, out: memoryview, frames: int, time: object, status: object) -> None:
        """Give PortAudio what waits, then silence."""
        wanted = frames * SAMPLE_BYTES
        with self._lock:
            pcm = b""
            while self._queue and len(pcm) < wanted:
                pcm += self._queue.popleft()
            if len(pcm) > wanted:
                self._queue.appendleft(pcm[wanted:])
            pcm = pcm[:wanted]
            self._queued_bytes -= len(pcm)
        out[:] = pcm.ljust(wanted, b"\0")
