"""Playback of a recording through the default output device."""

import threading
from collections import deque

from tui.audio.portaudio import load, quiet_stderr
from tui.audio.wav import SAMPLE_BYTES
from tui.errors import SourceError

MAX_BUFFERED_S = 0.5
"""Maximum seconds of queued audio; older audio is dropped, so that sound and screen stay in sync."""


class Speaker:
    """Plays s16le mono PCM.

    Args:
        sample_rate: samples per second; a rate above that of the audio plays it faster and at a higher pitch.

    Raises:
        SourceError: the output device is unavailable.
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
                f"The output device cannot be opened: {error}.", "Omit --listen, or see: livegist doctor"
            ) from error

    def play(self, pcm: bytes) -> None:
        """Queue audio for playback."""
        with self._lock:
            self._queue.append(pcm)
            self._queued_bytes += len(pcm)
            while self._queued_bytes > self._max_queued_bytes:
                self._queued_bytes -= len(self._queue.popleft())

    def clear(self) -> None:
        """Drop the queued audio."""
        with self._lock:
            self._queue.clear()
            self._queued_bytes = 0

    def close(self) -> None:
        """Stop playback at once."""
        self._stream.abort()
        self._stream.close()

    def _fill(self, out: memoryview, frames: int, time: object, status: object) -> None:
        """Fill PortAudio's buffer with queued audio, then with silence."""
        size = frames * SAMPLE_BYTES
        with self._lock:
            pcm = b""
            while self._queue and len(pcm) < size:
                pcm += self._queue.popleft()
            if len(pcm) > size:
                self._queue.appendleft(pcm[size:])
            pcm = pcm[:size]
            self._queued_bytes -= len(pcm)
        out[:] = pcm.ljust(size, b"\0")
