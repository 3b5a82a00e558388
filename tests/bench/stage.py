"""What measuring needs: a home of its own, a sound system, an endpoint, and programs that use them."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import sound
from tests.bench.endpoint import Endpoint
from tests.bench.terminal import Terminal
from tests.conftest import Pulse
from tui.engine.client import EngineClient
from tui.engine.process import LOCK_NAME, SOCKET_NAME, is_running
from tui.model.commands import Command, Option, Start, Stop
from tui.model.events import Event
from tui.paths import runtime_dir

LIVEGIST = str(Path(sys.executable).with_name("livegist"))
WAIT_S = 30.0
"""Longest wait for anything that has to happen before something can be measured."""


class Stage:
    """Sound, endpoint and home of one run.

    Args:
        folder: for everything that is written.
        pulse: the sound system.
        endpoint: where speech and prompts go.
    """

    def __init__(self, folder: Path, pulse: Pulse, endpoint: Endpoint) -> None:
        self.folder = folder
        self.endpoint = endpoint
        self._pulse = pulse
        self._speech, self._room = sound.speech(folder), sound.room(folder)
        self._playing: subprocess.Popen[bytes] | None = None

    def speak(self) -> Path:
        """Have people read into the microphone; return the WAV they read."""
        return self._play(self._speech)

    def be_quiet(self) -> None:
        """Play silence to the microphone."""
        self._play(self._room)

    def _play(self, path: Path) -> Path:
        self.hush()
        self._playing = self._pulse.play(path)
        return path

    def hush(self) -> None:
        """Play nothing more."""
        if self._playing is not None:
            self._playing.terminate()
            self._playing.wait()
            self._playing = None

    def options(self, source: str = "mic") -> list[str]:
        """Return the options of a program that listens here."""
        return ["--source", source, "--url", self.endpoint.url, "--llm-url", self.endpoint.chat_url]

    @contextmanager
    def dashboard(self, *arguments: str) -> Iterator[Terminal]:
        """Run a dashboard, and end it and its engine afterwards."""
        terminal = Terminal([LIVEGIST, *(arguments or self.options())])
        try:
            yield terminal
        finally:
            terminal.end()
            stop_engine()

    @contextmanager
    def engine(self, source: str = "mic") -> Iterator[int]:
        """Run an engine without a viewer that listens; give its process."""
        with (self.folder / "engine.log").open("ab") as log:
            process = subprocess.Popen([LIVEGIST, "engine"], stderr=log)
        try:
            options: dict[str, Option] = {"source": source, "url": self.endpoint.url, "llm_url": self.endpoint.chat_url}
            ask(Start(options))
            yield process.pid
        finally:
            stop_engine()
            process.wait(WAIT_S)


def ask(command: Command, enough: Callable[[Event], bool] = lambda event: True) -> None:
    """Send the engine a command and listen until an event is published that is `enough`."""

    async def exchange() -> None:
        client = EngineClient(runtime_dir() / SOCKET_NAME)
        first = True
        async with asyncio.timeout(WAIT_S):
            async for event in client.events():
                if first:
                    await client.send(command)
                elif enough(event):
                    return
                first = False

    asyncio.run(exchange())


def engine_pid() -> int:
    """Return the process of the engine that runs in this home."""
    deadline = time.monotonic() + WAIT_S
    while True:
        with suppress(OSError, ValueError):
            return int((runtime_dir() / LOCK_NAME).read_text())
        if time.monotonic() > deadline:
            raise TimeoutError("no engine has started")
        time.sleep(0.05)


def stop_engine() -> None:
    """End the engine, if one runs, without waiting for what is still to come."""
    if is_running(runtime_dir()):
        with suppress(TimeoutError):
            ask(Stop())
        subprocess.run([LIVEGIST, "stop"], check=True, stdout=subprocess.DEVNULL, timeout=WAIT_S)


@contextmanager
def stage() -> Iterator[Stage]:
    """Set everything up, and clear it away again."""
    for name in list(os.environ):
        if name.startswith("LIVEGIST_") or name == "ASSEMBLYAI_API_KEY":
            del os.environ[name]
    with TemporaryDirectory(prefix="lg-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        pulse = Pulse(folder)
        endpoint = Endpoint()
        try:
            pulse.ready()
            os.environ |= pulse.env | {"LIVEGIST_HOME": str(folder / "home"), "LIVEGIST_ANALYSE_AT_END": "false"}
            made = Stage(folder, pulse, endpoint)
            try:
                yield made
            finally:
                made.hush()
        finally:
            endpoint.end()
            pulse.stop()
