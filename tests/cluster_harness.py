"""A Ray cluster of three nodes on this machine, whose replicas read coded speech and note what they receive."""

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import ray
from ray import serve
from ray.cluster_utils import Cluster

from tests.coded_speech import CodedDetector, CodedRecogniser
from tui.cluster import application as application_module
from tui.cluster.application import application
from tui.cluster.deploying import NAME
from tui.cluster.ingress import Ingress
from tui.cluster.options import ClusterOptions
from tui.cluster.recogniser import RecogniserReplica
from tui.gateway import vad
from tui.gateway.client_session import ClientSession
from tui.gateway.options import GatewayOptions
from tui.gateway.recogniser import Clip, Recogniser, Transcription

FOLDER = "CLUSTER_TEST_FOLDER"
"""Environment variable that names the folder of the replicas' notes."""
DECODE_S = 0.05
"""Time of a decode: a replica is often killed in one."""
STORE_BYTES = 80_000_000
FAST = {"upscale_delay_s": 0.5, "downscale_delay_s": 2.0, "look_back_period_s": 2.0, "metrics_interval_s": 0.5}
"""Settings of Ray's autoscaler by which it decides within seconds."""
ATTEMPTS = 3
"""How often the cluster is started."""
START_S = 120.0
"""Longest wait for its nodes."""


class Place(msgspec.Struct, frozen=True):
    """Where a replica runs."""

    pid: int
    node: str


class Received(msgspec.Struct, frozen=True):
    """A connection that an ingress replica served."""

    place: Place
    audio: bytes


class CodedReplica(RecogniserReplica):
    """A recogniser replica that reads coded speech."""

    @staticmethod
    def load(options: GatewayOptions) -> Recogniser:
        return NotingRecogniser()


class NotingRecogniser(CodedRecogniser):
    """Notes where it ran."""

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        _note("recogniser")
        time.sleep(DECODE_S)
        return super().transcribe(clips)


class CodedIngress(Ingress):
    """An ingress replica that detects coded speech and stores the audio of each connection."""

    def __init__(self, options: GatewayOptions, recogniser: Any, shared: Any) -> None:
        vad.VoiceDetector = lambda model: CodedDetector()  # type: ignore[misc, assignment, return-value]
        ClientSession._take_audio = _noting(ClientSession._take_audio)  # type: ignore[method-assign]
        super().__init__(options, recogniser, shared)


def _noting(take: Any) -> Any:
    def take_and_note(session: ClientSession, frame: bytes) -> None:
        path = Path(os.environ[FOLDER]) / f"ingress-{session._started_at * 1e9:020.0f}-{session.id}.raw"
        if not path.exists():
            path.with_suffix(".json").write_bytes(msgspec.json.encode(_place()))
        with path.open("ab") as file:
            file.write(frame)
        take(session, frame)

    return take_and_note


def _note(role: str) -> None:
    path = Path(os.environ[FOLDER]) / f"{role}.json"
    new = path.with_name(f"{uuid.uuid4().hex}.new")
    new.write_bytes(msgspec.json.encode(_place()))
    new.replace(path)


def _place() -> Place:
    return Place(os.getpid(), ray.get_runtime_context().get_node_id())


class TestCluster:
    """The running cluster."""

    __test__ = False

    def __init__(self, cluster: Cluster, folder: Path, port: int) -> None:
        self._cluster = cluster
        self._folder = folder
        self.url = f"ws://127.0.0.1:{port}"

    @property
    def address(self) -> str:
        """Address of the head node."""
        return str(self._cluster.address)

    def deploy(self, *, scales: bool = False, **options: Any) -> None:
        """Deploy the application; if it runs already, replace its replicas one after the other.

        Args:
            scales: whether Ray may end all replicas but one of each kind, within seconds.
            options: of the gateway.
        """
        gateway = GatewayOptions(turn_model="off", **options)
        chosen = ClusterOptions(gateway=gateway, min_replicas=1 if scales else 2, max_replicas=2, replica_cpus=0.5)
        own, faster = application_module._scaling, FAST if scales else {}
        with patch.object(application_module, "_scaling", lambda *settings: own(*settings) | faster):
            app = application(chosen, ingress=CodedIngress, recogniser=CodedReplica)
        serve.run(app, name=NAME, route_prefix="/")

    def forget(self) -> None:
        """Remove the notes."""
        for path in self._folder.iterdir():
            path.unlink()

    @property
    def received(self) -> list[Received]:
        """What was received on each connection, in the order of their starts."""
        return [
            Received(msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Place), path.read_bytes())
            for path in sorted(self._folder.glob("ingress-*.raw"))
        ]

    @property
    def recogniser(self) -> Place:
        """Where a clip was transcribed last."""
        return msgspec.json.decode((self._folder / "recogniser.json").read_bytes(), type=Place)

    def kill_node(self, id: str) -> None:
        """Kill all processes of a node."""
        (node,) = [node for node in self._cluster.worker_nodes if node.node_id == id]
        self._cluster.remove_node(node, allow_graceful=False)


NODE = {"num_cpus": 2, "object_store_memory": STORE_BYTES, "node_ip_address": "127.0.0.1"}


@contextmanager
def running(folder: Path, port: int) -> Iterator[TestCluster]:
    """Run a cluster: a head without replicas, and two nodes with an ingress and a recogniser replica each."""
    os.environ[FOLDER] = str(folder)
    cluster = _start()
    try:
        cluster.wait_for_nodes(START_S)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        serve.start(http_options={"host": "127.0.0.1", "port": port}, proxy_location="EveryNode")
        running = TestCluster(cluster, folder, port)
        running.deploy()
        yield running
    finally:
        ray.shutdown()
        cluster.shutdown()
        del os.environ[FOLDER]


def _start() -> Cluster:
    """Start the nodes, again if Ray gives up: it waits 30 s for a node, which a busy machine may not keep."""
    for attempts_left in reversed(range(ATTEMPTS)):
        cluster = Cluster()
        try:
            cluster.add_node(**NODE | {"num_cpus": 0, "include_dashboard": False})
            for _ in range(2):
                cluster.add_node(wait=False, **NODE)
        except Exception:  # Ray raises no narrower one.
            cluster.shutdown()
            if not attempts_left:
                raise
        else:
            return cluster
    raise AssertionError
