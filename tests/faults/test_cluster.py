"""Faults of a gateway on a cluster, in the middle of sessions: not a sample is lost, and no turn is doubled."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import numpy as np
import pytest
from ray import serve

from tests.cluster_harness import TestCluster, running
from tests.coded_speech import Spoken, read, speak
from tests.fake_endpoint import Call
from tests.faults import engines
from tests.faults.engines import Watch, assert_all_arrived, fast, options
from tests.gateway_harness import calling
from tui.cluster.deploying import NAME
from tui.model.commands import Start
from tui.model.events import State, StateChanged

SENTENCES = [Spoken(number, 0 if number % 5 else 1_200) for number in range(1, 36)]
SOUND = speak(SENTENCES).astype("<i2").tobytes()
"""Seven sentences of five words; the source repeats them."""
pytestmark = [pytest.mark.filterwarnings("ignore:The `metrics_interval_s` field"), pytest.mark.timeout(900)]
PATIENCE_S = 180.0
"""Longest wait for any condition: the machine may be busy, and Ray starts processes."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(tmp_path_factory.mktemp("cluster"), port) as one:
        yield one


class Session:
    """A session that records until it is asked to end, four times as fast as real time."""

    def __init__(self, watch: Watch, cluster: TestCluster, end: Callable[[], None]) -> None:
        self.watch = watch
        self.cluster = cluster
        self._end = end

    async def until_turns(self, more: int) -> None:
        """Wait until some more turns have ended."""
        count = len(self.watch.finals) + more
        await self.watch.until(lambda: len(self.watch.finals) >= count, PATIENCE_S)

    async def until_elsewhere(self) -> None:
        """Wait until another connection has brought turns."""
        before = len(self.cluster.received)
        async with asyncio.timeout(PATIENCE_S):
            while len(self.cluster.received) == before:  # noqa: ASYNC110 - other processes write it
                await asyncio.sleep(0.05)
        await self.until_turns(2)

    async def end(self) -> None:
        """End the session; check that all audio arrived, and that each word is in the transcript once and in order."""
        self._end()
        await self.watch.until_over(PATIENCE_S)
        record, recorded = self.watch.record, self.watch.recorded
        assert record.state is State.ENDED, record.reason
        assert record.stats.untranscribed_s == 0
        assert_all_arrived(recorded, [Call({}, {}, audio=bytearray(one.audio)) for one in self.cluster.received])
        said = [word.text for word in read((np.frombuffer(recorded, "<i2") / 32_768).astype(np.float32))]
        assert " ".join(turn.text for turn in self.watch.finals).split() == said
        assert self.watch.ended == sorted(set(self.watch.ended)), "no turn's end is published twice"


@asynccontextmanager
async def recording(cluster: TestCluster, folder: Path) -> AsyncIterator[Session]:
    """Start a session; wait for some turns."""
    cluster.forget()
    watch, ended = Watch(), folder / "ended"
    settings = options(SOUND, cluster.url, folder)
    source = f"cmd:sh -c 'until [ -e {ended} ]; do cat {folder / 'sound.raw'}; done'"
    async with engines.running(watch, clock=fast) as engine:
        await engine.execute(Start({**settings, "source": source}))
        session = Session(watch, cluster, ended.touch)
        await session.until_turns(3)
        yield session


def counted(cluster: TestCluster) -> dict[str, float]:
    """Return the counters that the cluster exports."""
    response = httpx2.get(f"{cluster.url.replace('ws', 'http', 1)}/metrics")
    assert response.status_code == 200
    lines = [line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines if "_total" in name or "_sum" in name}


def test_the_command_refuses_another_port_than_that_of_a_serve_that_runs(cluster: TestCluster) -> None:
    command = [sys.executable, "-P", "-m", "tui", "serve", "--cluster", cluster.address, "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1, done.stderr
    address = cluster.url.replace("ws", "http", 1)
    assert done.stderr.startswith(f"livegist: Ray Serve runs on this cluster already, at {address}.\n"), done.stderr
    assert counted(cluster), "the application goes on"


async def test_a_recogniser_replica_that_is_killed_is_not_noticed(cluster: TestCluster, tmp_path: Path) -> None:
    async with recording(cluster, tmp_path) as session:
        for _ in range(2):
            os.kill(cluster.recogniser.pid, signal.SIGKILL)
            await session.until_turns(3)
        await session.end()
    assert session.watch.record.stats.reconnects == 0


async def test_the_health_page_of_each_replica_counts_all_sessions(cluster: TestCluster, tmp_path: Path) -> None:
    async with recording(cluster, tmp_path) as session:
        in_a_row = 0
        async with asyncio.timeout(PATIENCE_S):
            while in_a_row < 8:
                health = httpx2.get(f"{cluster.url.replace('ws', 'http', 1)}/healthz").json()
                in_a_row = in_a_row + 1 if health["sessions"] == 1 and health["max_sessions"] > 8 else 0
                await asyncio.sleep(0.1)
        await session.end()


async def test_a_session_goes_on_in_another_ingress_replica(cluster: TestCluster, tmp_path: Path) -> None:
    async with recording(cluster, tmp_path) as session:
        before = counted(cluster)
        os.kill(cluster.received[-1].place.pid, signal.SIGKILL)
        await session.until_elsewhere()
        await session.end()
    assert len({one.place.pid for one in cluster.received}) == 2
    after = counted(cluster)
    assert all(after[name] >= value for name, value in before.items()), "sums go on without the replica that ended"


async def test_a_session_goes_on_on_another_node(cluster: TestCluster, tmp_path: Path) -> None:
    async with recording(cluster, tmp_path) as session:
        cluster.kill_node(cluster.received[-1].place.node)
        await session.until_elsewhere()
        await session.end()
    assert len({one.place.node for one in cluster.received}) == 2


async def test_a_rolling_update_lets_sessions_go_on(cluster: TestCluster, tmp_path: Path) -> None:
    async with recording(cluster, tmp_path) as session:
        before = cluster.received[-1].place
        await asyncio.gather(asyncio.to_thread(cluster.deploy, scales=True, max_sessions=2), session.until_elsewhere())
        await session.end()
    assert before not in [one.place for one in cluster.received[1:]]
    reasons = [event.reason for event in session.watch.events if isinstance(event, StateChanged)]
    assert any("The endpoint restarts" in reason for reason in reasons), "the replica closed the session by itself"


async def until_replicas(**expected: int) -> None:
    """Wait until these deployments have as many replicas, and none that starts or ends."""
    async with asyncio.timeout(PATIENCE_S):
        while any(states(name) != {"RUNNING": count} for name, count in expected.items()):  # noqa: ASYNC110 - others do
            await asyncio.sleep(0.1)


def states(deployment: str) -> dict[str, int]:
    """Return how many replicas of a deployment are in which state."""
    return dict(serve.status().applications[NAME].deployments[deployment].replica_states)


async def test_replicas_end_with_the_load_without_cutting_the_session_that_goes_on(
    cluster: TestCluster, tmp_path: Path
) -> None:
    # The update before allows one replica of each kind, and two sessions in each.
    async with recording(cluster, tmp_path) as session:
        async with calling(cluster.url):
            await until_replicas(Ingress=2)
        await until_replicas(Ingress=1, Recogniser=1)
        await session.until_turns(2)
        await session.end()
