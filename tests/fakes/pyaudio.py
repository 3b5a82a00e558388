"""What the tutorial's client uses of PyAudio. The microphone plays the WAV that MICROPHONE names, then silence."""

import os
import time
import wave

paInt16 = 8  # noqa: N816


class PyAudio:
    def open(self, *, rate: int, channels: int, format: int, input: bool, frames_per_buffer: int) -> "Stream":
        return Stream(os.environ["MICROPHONE"], rate, channels)

    def terminate(self) -> None:
        pass


class Stream:
    def __init__(self, path: str, rate: int, channels: int) -> None:
        self._file = wave.open(path)  # noqa: SIM115
        assert (self._file.getframerate(), self._file.getnchannels()) == (rate, channels)
        self._rate = rate
        self._recorded_until = time.monotonic()

    def read(self, frames: int, exception_on_overflow: bool = True) -> bytes:
        """Return the next frames when a microphone would have recorded them."""
        self._recorded_until += frames / self._rate
        time.sleep(max(0.0, self._recorded_until - time.monotonic()))
        return bytes(self._file.readframes(frames)).ljust(2 * frames, b"\0")

    def is_active(self) -> bool:
        return True

    def stop_stream(self) -> None:
        pass

    def close(self) -> None:
        self._file.close()
