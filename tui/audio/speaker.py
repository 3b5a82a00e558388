"""Playback of a recording through the default output device."""

import threading
from collections import deque

from tui.audio import pulse
from tui.audio.portaudio import load, quiet_stderr
from tui.audio.wav import SAMPLE_BYTES
from tui.errors import SourceError

MAX_BUFFERED_S = 0.5
"""Maximum seconds of queued audio; older audio is dropped, so that sound and screen stay in sync."""
UNPLAYED_S = 2.0
"""Seconds of audio after which a device that takes none counts as lost: many report no error when unplugged."""
RECONNECT_HINT = "Connect it again, or choose another default output."


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
        self._max_unplayed_bytes = int(UNPLAYED_S * sample_rate) * SAMPLE_BYTES
        self._unplayed_bytes = 0
        """Bytes queued since the device took audio last."""
        self._stopped = False
        """Whether the stream has stopped, by itself or by `close`."""
        self._lock = threading.Lock()
        try:
            with quiet_stderr():
                self._stream = sounddevice.RawOutputStream(
                    samplerate=sample_rate,
                    channels=1,
                    dtype="int16",
                    callback=self._fill,
                    finished_callback=self._on_finished,
                )
                self._from_server = sounddevice.query_devices(self._stream.device)["name"] in pulse.PLUGINS
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
            # A process that was stopped queues all audio since then at once, before the device can take any.
            self._unplayed_bytes += min(len(pcm), self._max_queued_bytes)
            while self._queued_bytes > self._max_queued_bytes:
                self._queued_bytes -= len(self._queue.popleft())

    async def check(self) -> None:
        """Check that the device plays; of a device of the sound server, the server is asked whether it runs.

        Raises:
            SourceError: the device stopped, or took no audio for two seconds.
        """
        if self._stopped:
            text = "The output device stopped."
        elif self._unplayed_bytes > self._max_unplayed_bytes:
            text = f"The output device took no audio for {UNPLAYED_S:.0f} s."
        else:
            return
        if self._from_server:
            raise await pulse.lost_source(text, RECONNECT_HINT)
        raise SourceError(text, RECONNECT_HINT)

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
            self._unplayed_bytes = 0
            pcm = b""
            while self._queue and len(pcm) < size:
                pcm += self._queue.popleft()
            if len(pcm) > size:
                self._queue.appendleft(pcm[size:])
            pcm = pcm[:size]
            self._queued_bytes -= len(pcm)
        out[:] = pcm.ljust(size, b"\0")

    def _on_finished(self) -> None:
        self._stopped = True
