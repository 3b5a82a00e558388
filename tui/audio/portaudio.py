"""Access to PortAudio: loaded on first use, serialised by a lock, silenced on stderr, and called with a timeout."""

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

from tui.errors import SourceError

CALL_TIMEOUT_S = 5.0
"""Maximum time to open or close a device, in seconds."""

EXIT_TIMEOUT_S = 2.0
"""Maximum time in seconds that the exit of the process waits for a pending call: exiting during one crashes."""

lock = threading.Lock()
"""Held while PortAudio opens or closes a device."""

_pending_calls: set[threading.Thread] = set()
"""Threads with a call that has not returned."""


def load() -> ModuleType:
    """Import and return `sounddevice`, which starts PortAudio.

    Raises:
        SourceError: PortAudio is not installed or cannot be started.
    """
    try:
        import sounddevice
    except OSError as error:
        raise SourceError(
            "PortAudio, which records from microphones, is not installed.",
            "Install it: sudo apt install libportaudio2 libasound2-plugins, or brew install portaudio. "
            "All other sources work without it.",
        ) from error
    except Exception as error:
        # `sounddevice.PortAudioError` cannot be named before the import has succeeded.
        raise SourceError(f"PortAudio cannot be started: {error}.", "See: livegist doctor") from error
    # The operating system closes all devices at exit; PortAudio's own exit handler would hang with the sound server.
    atexit.unregister(sounddevice._exit_handler)
    module: ModuleType = sounddevice
    return module


def warm_up() -> None:
    """Start PortAudio, and unload what only its start needs.

    Raises:
        SourceError: PortAudio is not installed, cannot be started or does not respond.
    """
    with exclusive():
        load()
        unload_plugins()


def restart(sounddevice: ModuleType) -> None:
    """Restart PortAudio to find devices plugged in since its last start; this closes open streams."""
    with quiet_stderr():
        if sounddevice._initialized:
            sounddevice._terminate()
        sounddevice._initialize()


def unload_plugins() -> None:
    """Unload the plugins of ALSA that no open device uses; call it with `lock` held.

    To enumerate the devices PortAudio opens each of them, and ALSA keeps the plugins of all: the encoder of AC-3 loads
    FFmpeg with its codecs, which hold 11 MB. The next enumeration loads them again, in some milliseconds.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with contextlib.suppress(OSError):
        # Frees the cached configuration, too. `aplay` makes the same call; PortAudio reads the configuration again.
        ctypes.CDLL("libasound.so.2", mode=os.RTLD_NOLOAD).snd_config_update_free_global()


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Redirect descriptor 2 to the null device: ALSA and JACK write to it from C, which would corrupt the screen.

    This affects the whole process: output of other threads is lost meanwhile, and programs started meanwhile inherit
    the redirection. Use it only around the call that writes.
    """
    try:
        original = os.dup(2)
    except OSError:
        # Descriptor 2 is closed, so there is no output to suppress.
        yield
        return
    try:
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, 2)
        os.close(null_device)
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)


async def call_with_timeout(call: Callable[[], object]) -> None:
    """Make a call to PortAudio in a thread, and wait at most `CALL_TIMEOUT_S` for it.

    If the sound server hangs, the call stays pending in a daemon thread, for which the exit waits only briefly.

    Raises:
        SourceError: the sound system does not respond in time.
    """
    answer: concurrent.futures.Future[None] = concurrent.futures.Future()

    def run() -> None:
        try:
            call()
            answer.set_result(None)
        except Exception as error:  # noqa: BLE001 - raised again where the result is awaited
            answer.set_exception(error)
        finally:
            _pending_calls.discard(thread)

    answer.set_running_or_notify_cancel()
    thread = threading.Thread(target=run, name="portaudio", daemon=True)
    _pending_calls.add(thread)
    thread.start()
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            await asyncio.wrap_future(answer)
    except TimeoutError:
        raise _not_responding() from None


@atexit.register
def _wait_for_calls() -> None:
    """Wait briefly for pending calls before the process exits."""
    until = time.monotonic() + EXIT_TIMEOUT_S
    for thread in list(_pending_calls):
        thread.join(max(0.0, until - time.monotonic()))


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock for opening and closing devices: PortAudio is not thread-safe.

    Raises:
        SourceError: another call has not returned in time.
    """
    if not lock.acquire(timeout=CALL_TIMEOUT_S):
        raise _not_responding()
    try:
        yield
    finally:
        lock.release()


def _not_responding() -> SourceError:
    return SourceError(
        f"The sound system did not respond within {CALL_TIMEOUT_S:.0f} s.",
        "Restart its server (PulseAudio, PipeWire), or record with a program: cmd:parec …",
    )
