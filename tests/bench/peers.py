"""What the peers cost: scribit as a dashboard, the tutorial's script as an engine."""

import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from tests.bench.keys import key_ms
from tests.bench.processes import Meter, memory_mb
from tests.bench.stage import Stage
from tests.bench.table import at
from tests.bench.terminal import Terminal

TESTS = Path(__file__).parent.parent


class Cost(msgspec.Struct, frozen=True):
    """What a peer's dashboard costs; `None` was not measured."""

    painted: float | None = None
    """Bytes a second."""
    cpu: float | None = None
    """Percent of a core."""
    memory_mb: float | None = None
    key_ms: float | None = None
    key_p99_ms: float | None = None


class Peer:
    """Scribit, in its own environment.

    Args:
        python: its interpreter.
        stage: where it runs.
    """

    def __init__(self, python: Path, stage: Stage) -> None:
        # Not resolved: a virtual environment's interpreter is a link, and knows itself by its name.
        self._python = str(python.absolute())
        self._stage = stage
        self._program = str(TESTS / "bench" / "peer.py")
        home = stage.folder / "peer"
        home.mkdir()
        self._env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_STATE_HOME": str(home)}
        found = subprocess.run(
            [self._python, self._program, "device"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._env["DEVICE"] = found.stdout.decode().strip()

    def _start(self) -> Terminal:
        return Terminal([self._python, self._program, self._stage.endpoint.url], self._env)

    def first_paint_ms(self, times: int) -> float:
        """Return the median time to its first frame."""
        taken: list[float] = []
        for _ in range(times):
            terminal = self._start()
            terminal.watch(2.0)
            assert terminal.first_paint_s is not None
            taken.append(1000 * terminal.first_paint_s)
            terminal.end()
        return statistics.median(taken)

    def live(self, settle_s: float, measure_s: float) -> Cost:
        """Return what it costs: keys before anything streams in, the rest in a session."""
        self._stage.speak()
        terminal = self._start()
        try:
            terminal.watch(settle_s)
            used_mb = memory_mb(terminal.pid)
            keys = key_ms(terminal, {"k": "nothing to copy", "c": "Session cleared."})
            terminal.press("space")
            terminal.wait_for(lambda text: "RECORDING" in text, 20.0)
            terminal.watch(settle_s)
            meter, painted, started = Meter(terminal.pid), terminal.painted, time.monotonic()
            terminal.watch(measure_s)
            bytes_s = (terminal.painted - painted) / (time.monotonic() - started)
            return Cost(bytes_s, meter.cpu_percent(), used_mb, at(0.5, keys), at(0.99, keys))
        finally:
            terminal.end()


def tutorial_cpu(url: str, microphone: Path, settle_s: float, measure_s: float) -> float:
    """Return the CPU of the tutorial's script in percent; its microphone is a file that is read in real time."""
    env = {"PYTHONPATH": str(TESTS / "fakes"), "MICROPHONE": str(microphone), "ENDPOINT": f"{url}/v3/ws"}
    process = subprocess.Popen(
        [sys.executable, str(TESTS / "data" / "tutorial_client.py")],
        env={**os.environ, **env},
        cwd=microphone.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(settle_s)
        meter = Meter(process.pid)
        time.sleep(measure_s)
        return meter.cpu_percent()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
