"""Remote use over a real sshd on loopback, through a proxy that fails."""

import asyncio
import os
import shlex
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fake_endpoint import Endpoint, said, speech
from tests.faults.engines import options
from tests.faults.proxy import Proxy, between
from tests.faults.screen import screen
from tests.faults.sshd import MACHINE, USER, Sshd, running_sshd
from tests.faults.test_terminal import SOUND, TURNS, assert_whole, over
from tests.server_harness import Viewer, hosted_until, hosting
from tests.terminal import LIVEGIST
from tests.viewer.scripted_engine import load
from tui.engine.ssh_client import SSHEngineClient, ssh_command
from tui.errors import EngineError
from tui.model.commands import Start, Stop
from tui.model.events import Rejected, Snapshot, State

RATE_LIMIT = 1500
"""Maximum number of bytes per second on the connection while a session is live."""


@pytest.fixture
def sshd(short_dir: Path) -> Iterator[Sshd]:
    with running_sshd(short_dir) as found:
        yield found


@pytest.fixture
async def line(sshd: Sshd) -> AsyncIterator[Proxy]:
    async with between(f"ws://127.0.0.1:{sshd.port}") as (proxy, _):
        yield proxy


def livegist() -> str:
    """Return the command that runs livegist over SSH, with the test's environment, which SSH does not pass on."""
    return f"env LIVEGIST_HOME={shlex.quote(os.environ['LIVEGIST_HOME'])} {shlex.join(LIVEGIST)}"


class Far(Viewer):
    """A viewer that is connected through a relay."""

    def __init__(self, sshd: Sshd, port: int, remote: str = "") -> None:
        super().__init__(Path("/nowhere"))
        self.client = SSHEngineClient(ssh_command(USER, sshd.options(port), remote or livegist()), "far")  # type: ignore[assignment]


@asynccontextmanager
async def far(sshd: Sshd, proxy: Proxy) -> AsyncIterator[Far]:
    viewer = Far(sshd, proxy.port)
    task = asyncio.create_task(viewer.watch())
    try:
        await viewer.until(lambda: bool(viewer.events) or task.done())
        yield viewer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_relay_carries_events_and_commands(server: Endpoint, sshd: Sshd, line: Proxy, tmp_path: Path) -> None:
    async with hosting() as hosted, far(sshd, line) as viewer:
        assert isinstance(viewer.events[0], Snapshot)
        await viewer.send(Stop())
        await viewer.until(lambda: isinstance(viewer.events[-1], Rejected))
        await viewer.send(Start(options(speech(1, 2, 3), server.url, tmp_path)))
        await viewer.until(lambda: viewer.record.state is State.ENDED)
        assert viewer.finals == [said(1), said(2), said(3)]
        assert hosted.engine.snapshot().state is State.ENDED


async def test_a_relay_starts_an_engine_if_there_is_none_and_leaves_with_its_line(
    sshd: Sshd, line: Proxy, home: Path
) -> None:
    async with far(sshd, line) as viewer:
        assert isinstance(viewer.events[0], Snapshot)
    done = await asyncio.to_thread(subprocess.run, (*LIVEGIST, "stop"), capture_output=True, text=True, timeout=40)
    assert "Stopped" in done.stdout


async def test_the_line_carries_no_more_than_it_should_while_a_busy_session_is_live(
    sshd: Sshd, line: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = 10.0
    async with hosting() as hosted, far(sshd, line):
        before = line.passed
        began = asyncio.get_running_loop().time()
        for at, event in load(seconds):
            await asyncio.sleep(began + at - asyncio.get_running_loop().time())
            hosted.publish(event)
        rate = (line.passed - before) / seconds
    with capsys.disabled():
        print(f"\n{rate:.0f} B/s over ssh, encryption and packets included")
    assert 100 < rate <= RATE_LIMIT


async def test_a_failed_login_shows_the_error_of_ssh(sshd: Sshd, line: Proxy) -> None:
    (sshd.folder / "key.pub").write_text("")
    with pytest.raises(EngineError, match="Permission denied") as refused:
        await Far(sshd, line.port).watch()
    assert f"without a password: ssh far {livegist()} --version" in refused.value.hint


async def test_a_machine_without_livegist_is_an_error_that_says_so(sshd: Sshd, line: Proxy) -> None:
    with pytest.raises(EngineError, match=r"no-such-livegist.*(not found|No such file)") as missing:
        await Far(sshd, line.port, "no-such-livegist").watch()
    assert missing.value.hint == "Install livegist on far, or name its path there with --remote."


async def test_output_of_the_login_shell_before_the_relay_is_ignored(sshd: Sshd, line: Proxy) -> None:
    async with hosting():
        viewer = Far(sshd, line.port, f"echo Welcome to this machine; {livegist()}")
        task = asyncio.create_task(viewer.watch())
        await viewer.until(lambda: bool(viewer.events))
        assert isinstance(viewer.events[0], Snapshot)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("how", ["cut", "blackhole"])
async def test_a_dropped_relay_comes_back_by_itself(
    server: Endpoint, sshd: Sshd, line: Proxy, tmp_path: Path, how: str
) -> None:
    given = [word for option in sshd.options(line.port) for word in ("--ssh-option", option)]
    async with hosting() as hosted:
        async with screen(*LIVEGIST, "attach", "--ssh", USER, *given, "--remote", livegist()) as shown:
            await shown.until(f"livegist@{MACHINE}", "READY")
            await hosted.engine.execute(Start(options(SOUND, server.url, tmp_path)))
            await shown.until("LIVE", said(1))
            if how == "cut":
                line.cut()
            else:
                line.blackhole()
            await shown.until("LINE LOST", f"Line to {USER} lost")
            line.restore()
            await shown.until("LIVE", said(3)) if how == "cut" else None
            await over(hosted)
            await shown.until("ENDED", said(TURNS))
            shown.type("q")
            assert await shown.ended() == 0
        assert_whole(hosted, server)


async def test_a_dropped_login_hangs_up_on_the_viewer_there_and_the_session_goes_on(
    server: Endpoint, sshd: Sshd, line: Proxy, tmp_path: Path
) -> None:
    given = [word for option in sshd.options(line.port) for word in ("-o", option)]
    login = ("ssh", "-tt", *given, USER, f"env TERM=xterm-256color {livegist()} attach")
    async with hosting() as hosted:
        async with screen(*login) as shown:
            await shown.until("READY")
            await hosted.engine.execute(Start(options(SOUND, server.url, tmp_path)))
            await shown.until("LIVE", said(1))
            line.cut()
            await shown.ended()
        await hosted_until(hosted, lambda reported: reported.viewers == 0)
        assert hosted.engine.snapshot().state is State.LIVE
        async with screen(*login) as again:
            await again.until(said(2))
            await over(hosted)
            await again.until("ENDED", said(TURNS))
        assert_whole(hosted, server)


@pytest.mark.parametrize("front", [(), ("--plain",)])
async def test_a_machine_that_cannot_be_reached_ends_with_exit_code_1_and_two_lines(front: tuple[str, ...]) -> None:
    async with screen(*LIVEGIST, "attach", "--ssh", "no.such.host.invalid", *front) as shown:
        text = await shown.until(
            "no.such.host.invalid cannot be reached:", "ssh no.such.host.invalid livegist --version"
        )
        assert await shown.ended() == 1
    assert "on its disk" not in text
