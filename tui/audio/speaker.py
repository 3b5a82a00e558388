"""Sound out: a recording made audible through the default output."""

import threading
from collections import deque

from tui.audio.portaudio import load, quiet_stderr
from tui.audio.wav import SAMPLE_BYTES
from tui.errors import SourceError

AHEAD_S = 0.5
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
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._most = int(AHEAD_S * sample_rate) * SAMPLE_BYTES
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
            self._waiting.append(pcm)
            self._bytes += len(pcm)
            while self._bytes > self._most:
                self._bytes -= len(self._waiting.popleft())

    def clear(self) -> None:
        """Forget what waits."""
        with self._lock:
            self._waiting.clear()
            self._bytes = 0

    def close(self) -> None:
        """Stop at once."""
        self._stream.abort()
        self._stream.close()

    def _fill(self, out: memoryview, frames: int, time: object, status: object) -> None:
        """Give PortAudio what waits, then silence."""
        wanted = frames * SAMPLE_BYTES
        with self._lock:
            pcm = b""
            while self._waiting and len(pcm) < wanted:
                pcm += self._waiting.popleft()
            if len(pcm) > wanted:
                self._waiting.appendleft(pcm[wanted:])
            pcm = pcm[:wanted]
            self._bytes -= len(pcm)
        out[:] = pcm.ljust(wanted, b"\0")
