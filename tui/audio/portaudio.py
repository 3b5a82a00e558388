"""The door to PortAudio: it is loaded late, makes noise, is not safe for threads, and may never answer."""

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

from tui.errors import SourceError

CALL_TIMEOUT_S = 5.0
"""Longest wait for the sound system to open or close a device."""

EXIT_TIMEOUT_S = 2.0
"""Longest wait of the end of the process for a call that has not come back: to end in the midst of one crashes."""

lock = threading.Lock()
"""Held while PortAudio opens and closes."""

_pending_calls: set[threading.Thread] = set()
"""Threads with a call that has not come back."""


def load() -> ModuleType:
    """Import and return `sounddevice`, which starts PortAudio.

    Raises:
        SourceError: PortAudio is not installed or cannot start.
    """
    try:
        import sounddevice
    except OSError as error:
        raise SourceError(
            "PortAudio, which listens to microphones, is not installed.",
            "Install it: sudo apt install libportaudio2 libasound2-plugins, or brew install portaudio. "
            "Everything but mic works without it.",
        ) from error
    except Exception as error:
        # What PortAudio raises has no name before its import has succeeded.
        raise SourceError(f"PortAudio does not start: {error}.", "More: livegist doctor") from error
    # At the end of the process the system closes everything; PortAudio would hang where a sound server does.
    atexit.unregister(sounddevice._exit_handler)
    module: ModuleType = sounddevice
    return module


def restart(sounddevice: ModuleType) -> None:
    """Let PortAudio look for devices anew: it finds those plugged in since its last start, and ends open streams."""
    with quiet_stderr():
        if sounddevice._initialized:
            sounddevice._terminate()
        sounddevice._initialize()


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Silence descriptor 2, for ALSA and JACK write to it from C and would do so across a screen.

    It is the whole process's: what other threads write there meanwhile is lost, and programs started meanwhile keep the
    silence. So hold it for no more than the call that makes the noise.
    """
    try:
        kept = os.dup(2)
    except OSError:
        # There is no descriptor 2, so there is nothing to silence.
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


async def call_with_timeout(call: Callable[[], object]) -> None:
    """Make a call to PortAudio in a thread, and wait for it no longer than `ANSWER_S`.

    A sound server that hangs holds the call for as long, in a thread that the end of the process hardly waits for.

    Raises:
        SourceError: the sound system does not answer.
    """
    answer: concurrent.futures.Future[None] = concurrent.futures.Future()

    def run() -> None:
        try:
            call()
            answer.set_result(None)
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
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
    """Let calls come back before the process ends, for a moment."""
    until = time.monotonic() + EXIT_TIMEOUT_S
    for thread in list(_pending_calls):
        thread.join(max(0.0, until - time.monotonic()))


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Keep others from opening and closing meanwhile, for PortAudio is not safe for threads.

    Raises:
        SourceError: another call has not come back for long.
    """
    if not lock.acquire(timeout=CALL_TIMEOUT_S):
        raise _not_responding()
    try:
        yield
    finally:
        lock.release()


def _not_responding() -> SourceError:
    return SourceError(
        f"The sound system has not answered for {CALL_TIMEOUT_S:.0f} s.",
        "Start its server (PulseAudio, PipeWire) again, or use a program: cmd:parec …",
    )
