"""What tests of several rooms share: a home of their own, an endpoint, a sound system, and what has to be installed."""

import ctypes.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from tests import fake_endpoint
from tests.command import internal_errors
from tests.fake_endpoint import Endpoint
from tui.cluster import LOOPBACK_ONLY

hypothesis.settings.register_profile("livegist", deadline=None)
# A busy machine makes an example slow without anything being wrong: pytest-timeout bounds the test as a whole.
hypothesis.settings.load_profile("livegist")

# Before a test imports Ray.
os.environ.update(LOOPBACK_ONLY)

DATA = Path(__file__).parent / "data"
"""Speech read by people, with the words beside it."""
START_S = 30.0
"""Longest wait for a server that a fixture starts."""

ALSA_CONFIG = """\
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""
"""ALSA's own settings, but the default device is PulseAudio, as on a desktop."""


def needs(*names: str) -> None:
    """Skip the test unless each of `names`, a program or a shared library, is installed."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    missing = [name for name in names if not shutil.which(name, path=places) and not ctypes.util.find_library(name)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


@pytest.fixture(name="needs")
def needs_fixture() -> Callable[..., None]:
    """Give `needs` to tests that would rather not import it."""
    return needs


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """Make a folder whose path is short enough for the unix sockets in it."""
    with tempfile.TemporaryDirectory(prefix="lg-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def home(short_dir: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give each test an empty `LIVEGIST_HOME`, and none of the person's own settings and keys.

    A test fails at its end if a process reported an internal error there, unless it is marked with `internal_error`.
    """
    for name in list(os.environ):
        if name.startswith("LIVEGIST_") or name == "ASSEMBLYAI_API_KEY":
            monkeypatch.delenv(name)
    folder = short_dir / "home"
    monkeypatch.setenv("LIVEGIST_HOME", str(folder))
    yield folder
    if request.node.get_closest_marker("internal_error") is None:
        assert internal_errors(folder) == []


@pytest.fixture
async def server() -> AsyncIterator[Endpoint]:
    """Run an endpoint that transcribes `fake_endpoint.speech`."""
    async with fake_endpoint.running() as running:
        yield running


DEVICES = (
    "module-null-sink sink_name=spk rate=16000 channels=1 norewinds=1 sink_properties=device.description=Speaker",
    "module-remap-source master=spk.monitor source_name=mic source_properties=device.description=Microphone",
)
"""What makes the speaker and the microphone."""


class Pulse:
    """A PulseAudio server of our own: what is played into its speaker is recorded by its microphone.

    Args:
        folder: where its socket and settings are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
            "PULSE_COOKIE": str(folder / "cookie"),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SERVER": f"unix:{folder}/native",
        }
        """What a program has to find in its environment to use this server."""
        # Without "norewinds" the sink renders two seconds at a time, and a microphone that opens is silent for as long.
        (folder / "asound.conf").write_text(ALSA_CONFIG)
        self.log = (folder / "pulse.log").open("wb")
        self.process = subprocess.Popen(
            [
                "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--disable-shm=yes", "--exit-idle-time=-1",
                "-L", f"module-native-protocol-unix auth-anonymous=1 socket={folder}/native",
                *(word for device in DEVICES for word in ("-L", device)),
            ],
            env={**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )  # fmt: skip

    def ready(self) -> None:
        """Wait until the server answers, and make `mic` its default source."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.pactl("set-default-source", "mic")
                return
            except subprocess.CalledProcessError:
                said = (self.folder / "pulse.log").read_text()
                assert self.process.poll() is None, f"PulseAudio ended: {said}"
                assert time.monotonic() < deadline, f"PulseAudio does not answer: {said}"
                time.sleep(0.02)

    def pactl(self, *arguments: str) -> str:
        """Run `pactl` and return what it prints; loading a module prints its number."""
        done = subprocess.run(
            ["pactl", *arguments],
            env={**os.environ, **self.env},
            check=True,
            capture_output=True,
            text=True,
            timeout=10,
        )
        return done.stdout.strip()

    def play(self, path: Path) -> "subprocess.Popen[bytes]":
        """Start to play a WAV into the speaker; the caller waits for its end."""
        return subprocess.Popen(["paplay", "--device=spk", str(path)], env={**os.environ, **self.env})

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Point this process at the server once it answers; end the server after that."""
        try:
            self.ready()
            with pytest.MonkeyPatch.context() as patch:
                for name, value in self.env.items():
                    patch.setenv(name, value)
                yield
        finally:
            self.stop()

    def stop(self) -> None:
        """End the server, also one that is stopped by a signal."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(START_S)
        self.log.close()


@pytest.fixture(scope="session")
def pulse() -> Iterator[Pulse]:
    """Run PulseAudio for all tests that ask for it, and point this process at it."""
    needs("pulseaudio", "pactl", "paplay", "portaudio")
    plugin = "alsa-lib/libasound_module_pcm_pulse.so"
    if not any(found for folder in ("lib/", "lib/*/", "lib64/") for found in Path("/usr").glob(folder + plugin)):
        pytest.skip("needs libasound2-plugins")
    with tempfile.TemporaryDirectory(prefix="lg-pulse-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        server = Pulse(Path(folder))
        with server.in_use():
            yield server
