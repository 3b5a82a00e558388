"""Measure a gateway on a cluster of two one-core nodes on this machine, beside `livegist serve` in one process.

    python -m tests.bench.cluster [--sessions 1,2,3,4] [--rounds 100]

First what the cluster adds to the delay of a final, with a recogniser that takes no time: both gateways are asked in
turn. Then sessions of continuous speech at once with tiny.en, and what its processes take. Needs two cores and sox.
"""

import argparse
import asyncio
import multiprocessing
import os
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tui.cluster import LOOPBACK_ONLY

os.environ.update(LOOPBACK_ONLY)

import httpx2
import ray
from ray import serve
from ray.cluster_utils import Cluster

from tests.bench.gateway import CONTINUOUS, HELD_S, counted, crowd, gateway, percent, percentiles, since
from tests.bench.processes import stat
from tests.bench.table import at, columns
from tests.cluster_harness import FOLDER, CodedIngress, CodedReplica
from tests.coded_speech import CodedDetector, CodedRecogniser, Spoken, speak
from tests.gateway_harness import Caller, calling
from tests.hard_speech import Recording, recordings
from tests.scoring import errors, final_delays
from tui.cluster.application import application
from tui.cluster.deploying import NAME
from tui.cluster.metric_totals import REPORT_S
from tui.cluster.options import ClusterOptions
from tui.gateway import app, vad
from tui.gateway import gateway as gateway_module
from tui.gateway.options import GatewayOptions
from tui.gateway.recogniser import Recogniser

LIMIT_MS = 40
"""Most that the cluster may add at the 95th percentile."""
REPLICA_CPUS = 0.75
"""Beside it an ingress replica fits a node of one core."""
MAX_SESSIONS = 32
WARM_UP = 5
"""First turns of a session, which do not count."""
STORE_BYTES = 80_000_000
SPOKEN = speak([Spoken(number) for number in range(1, 11)])
"""Ten words that a recogniser reads without a model."""
ROLES = {
    "ray::ServeReplica:livegist:Ingress": "an ingress replica",
    "ray::ServeReplica:livegist:Recogniser": "a recogniser replica",
    "ray::ProxyActor": "a node's proxy",
    "ray::ServeReplica:livegist:Shared": "the cluster: shared state",
    "ray::ServeController": "the cluster: Serve's controller",
    "gcs_server": "the cluster: Ray's control store",
    "raylet": "a node's raylet and agents",
    "ray::DashboardAgent": "a node's raylet and agents",
    "ray::RuntimeEnvAgent": "a node's raylet and agents",
    "log_monitor.py": "a node's raylet and agents",
}
"""Title of a process, and what it is in the tables."""


class InstantReplica(CodedReplica):
    """Reads coded speech at once."""

    @staticmethod
    def load(options: GatewayOptions) -> Recogniser:
        return CodedRecogniser()


def serve_coded(listening: "multiprocessing.Queue[str]") -> None:
    """Run a gateway in one process that reads coded speech at once."""
    vad.VoiceDetector = lambda model: CodedDetector()  # type: ignore[misc, assignment, return-value]
    gateway_module.load_recogniser = lambda model, options: CodedRecogniser()
    server = app.Server(app.build(GatewayOptions(turn_model="off")), "127.0.0.1", 0)
    listening.put(server.url)
    asyncio.run(server.run_until_stopped())


@contextmanager
def plain_coded() -> Iterator[str]:
    """Run such a gateway; give its address."""
    context = multiprocessing.get_context("spawn")
    listening: multiprocessing.Queue[str] = context.Queue()
    process = context.Process(target=serve_coded, args=(listening,), daemon=True)
    process.start()
    yield listening.get()
    process.terminate()
    process.join()


@contextmanager
def cluster() -> Iterator[str]:
    """Run a cluster of two nodes, each on a core of its own; give the address where an application will listen."""
    cores = sorted(os.sched_getaffinity(0))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    node = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "node_ip_address": "127.0.0.1"}
    os.sched_setaffinity(0, cores[:1])
    running = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    os.sched_setaffinity(0, cores[1:2])
    running.add_node(**node)
    os.sched_setaffinity(0, cores)
    try:
        ray.init(address=running.address, log_to_driver=False, logging_level="ERROR")
        serve.start(http_options={"host": "127.0.0.1", "port": port}, proxy_location="EveryNode")
        yield f"ws://127.0.0.1:{port}"
    finally:
        ray.shutdown()
        running.shutdown()


@contextmanager
def deployed(replicas: int, url: str, *, coded: bool = False) -> Iterator[None]:
    """Run the application with as many replicas of each kind."""
    options = ClusterOptions(
        gateway=GatewayOptions(turn_model="off" if coded else "", max_sessions=MAX_SESSIONS),
        min_replicas=replicas,
        max_replicas=replicas,
        replica_cpus=REPLICA_CPUS,
    )
    kinds = {"ingress": CodedIngress, "recogniser": InstantReplica} if coded else {}
    serve.run(application(options, **kinds), name=NAME, route_prefix="/")
    while httpx2.get(f"{url.replace('ws', 'http', 1)}/healthz").status_code != 200:
        time.sleep(0.1)
    yield
    serve.delete(NAME)


async def final_delay(caller: Caller) -> float:
    """Speak ten words; return the seconds from the last of them to the final turn."""
    await caller.say(SPOKEN)
    began = time.monotonic()
    await caller.send("ForceEndpoint")
    await caller.until("Turn", end_of_turn=True)
    return time.monotonic() - began


async def compare_paths(urls: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Ask the gateways in turn; return the delays of each, in milliseconds."""
    delays: dict[str, list[float]] = {name: [] for name in urls}
    while len(delays["plain"]) < rounds:
        # A client may send only so much more than real time.
        async with calling(urls["plain"]) as plain, calling(urls["cluster"]) as clustered:
            callers = {"plain": plain, "cluster": clustered}
            for count in range(WARM_UP + min(50, rounds)):
                for name, caller in callers.items():
                    delay_s = await final_delay(caller)
                    if count >= WARM_UP:
                        delays[name].append(1000 * delay_s)
    return delays


def path(url: str, rounds: int) -> None:
    """Print what the cluster adds."""
    with plain_coded() as plain, deployed(1, url, coded=True):
        delays = asyncio.run(compare_paths({"plain": plain, "cluster": url}, rounds))
    print(f"\nFrom the last word to the final turn, without the model's time, {len(delays['plain'])} turns each\n")
    p50, p95 = ({name: at(share, found) for name, found in delays.items()} for share in (0.5, 0.95))
    table = [("", "p50", "p95")]
    table += [(name, f"{p50[name]:.1f} ms", f"{p95[name]:.1f} ms") for name in delays]
    added = p95["cluster"] - p95["plain"]
    table.append(("added", f"{p50['cluster'] - p50['plain']:.1f} ms", f"{added:.1f} ms, of at most {LIMIT_MS} ms"))
    print(columns(table), flush=True)


def roles() -> dict[int, str]:
    """Return what each of Ray's processes on this machine is."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        for start, role in ROLES.items():
            if title.startswith(start) or f"/{start} " in title:
                found[int(folder.name)] = role
    return found


def memory_mb(pid: int) -> float:
    """Return the memory of a process, in which what several share counts once (`Pss` of proc_pid_smaps(5))."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    except OSError:
        return stat_memory_mb(pid)


def stat_memory_mb(pid: int) -> float:
    """Return the resident memory of a process, in which what several share counts for each."""
    found = stat(pid)
    return found.memory_mb if found else 0.0


def cpu_s() -> Counter[str]:
    """Return the seconds on a core that the processes of each role have used."""
    used: Counter[str] = Counter()
    for pid, role in roles().items():
        found = stat(pid)
        used[role] += found.cpu_s if found else 0.0  # type: ignore[assignment]
    return used


def held(name: str, url: str, recording: Recording, sizes: Iterable[int], used: Callable[[], Counter[str]]) -> None:
    """Print what several sessions at once get, until they are too many; and what they take of a core."""
    head = ("sessions", "final p50 / p95", "after the decision", "worst errors", "of a core for each session", "")
    table = [head]
    for size in sizes:
        before, used_before, began = counted(url), used(), time.monotonic()
        runs = asyncio.run(crowd(url, recording, size))
        took_s = time.monotonic() - began
        spent = used() - used_before
        time.sleep(2 * REPORT_S)
        mean_s = since(before, url, "final_seconds_sum") / max(1.0, since(before, url, "turns_total"))
        delays = [delay for run in runs for delay in final_delays(run, recording)]
        worst = max((errors(recording.reference, run.text) for run in runs), key=lambda found: found.rate)
        table.append(
            (
                str(size),
                f"{percentiles(delays)} s",
                f"{mean_s:.2f} s",
                percent([worst]),
                ", ".join(f"{role} {100 * s / took_s / size:.1f} %" for role, s in sorted(spent.items()) if s > 0.2),
                "held" if mean_s <= HELD_S else "not held",
            )
        )
        if mean_s > HELD_S:
            break
    print(f"\n{name}: sessions at once, {recording.name}, {recording.duration_s:.0f} s\n")
    print(columns(table), flush=True)


def memory() -> None:
    """Print the memory of each role, the largest process of each."""
    table = [("process", "memory", "how many")]
    found: dict[str, list[float]] = {}
    for pid, role in roles().items():
        found.setdefault(role, []).append(memory_mb(pid))
    table += [(role, f"{max(used):.0f} MB", str(len(used))) for role, used in sorted(found.items())]
    table.append(("all", f"{sum(map(sum, found.values())):.0f} MB", str(sum(map(len, found.values())))))
    print(f"\nMemory\n\n{columns(table)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", default="1,2,3,4,6,8", help="how many at once, until they are too many")
    parser.add_argument("--rounds", type=int, default=100, help="turns for the added delay; 0 for none")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sessions.split(",") if size]
    (recording,) = [made for made in recordings() if made.name == CONTINUOUS]
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"{len(os.sched_getaffinity(0))} cores, load {load}, Ray {ray.__version__}, tiny.en int8", flush=True)
    with ExitStack() as stack:
        os.environ[FOLDER] = stack.enter_context(tempfile.TemporaryDirectory())
        url = stack.enter_context(cluster())
        if options.rounds:
            path(url, options.rounds)
        for replicas in (1, 2) if sizes else ():
            with deployed(replicas, url):
                held(f"{replicas} recogniser and {replicas} ingress replicas", url, recording, sizes, cpu_s)
                memory()
    if sizes:
        with gateway() as plain:
            held("One process, two threads", plain, recording, sizes, Counter)


if __name__ == "__main__":
    main()
