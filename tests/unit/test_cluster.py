"""The parts of a gateway on a cluster that need no cluster."""

import asyncio
import importlib
import importlib.util
import json
import re
import socket
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.coded_speech import CodedRecogniser, Spoken, speak
from tests.make_docs import ROOT
from tui import cluster
from tui.cli import main
from tui.cluster.draining import OVERDUE_S, CheckTimes
from tui.cluster.metric_totals import GONE_S, Gains, MetricTotals
from tui.cluster.options import ClusterOptions, parse, with_absolute_paths
from tui.cluster.recogniser import ClipScheduler
from tui.cluster.remote_recogniser import (
    RETRY_S,
    CallLostError,
    Description,
    PackedClip,
    RemoteRecogniser,
    pack,
    unpack,
)
from tui.errors import LivegistError, UsageError
from tui.gateway.metrics import Metrics
from tui.gateway.options import GatewayOptions
from tui.gateway.recogniser import Clip, Transcription

DESCRIPTION = Description("tiny.en", ("en",))


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def clip(*numbers: int, final: bool = False) -> Clip:
    return Clip((speak([Spoken(number) for number in numbers]) / 32_768).astype(np.float32), final)


def test_a_call_whose_replica_ended_is_made_again() -> None:
    clock, calls = Clock(), []

    def transcribe(clips: list[PackedClip]) -> list[Transcription]:
        calls.append(clips)
        if len(calls) < 3:
            raise CallLostError("The actor died.")
        return [Transcription(language="de")]

    remote = RemoteRecogniser(DESCRIPTION, 4, transcribe, clock, clock.sleep)
    assert remote.transcribe([clip(1)]) == [Transcription(language="de")]
    assert len(calls) == 3


@given(arrays(np.int16, st.integers(0, 50)))
def test_a_clip_arrives_as_it_was_sent(samples: npt.NDArray[np.int16]) -> None:
    sent = Clip(samples.astype(np.float32) / np.float32(32_768), True, ("de",), "Hello", "Before", 0.5, (1, 2))
    arrived = unpack(pack(sent))
    assert np.array_equal(arrived.samples, sent.samples)
    assert arrived.samples.dtype == np.float32
    assert arrived.final
    assert arrived == msgspec.structs.replace(sent, samples=arrived.samples)


def test_calls_are_not_made_for_ever() -> None:
    clock = Clock()

    def transcribe(clips: list[PackedClip]) -> list[Transcription]:
        raise CallLostError("The actor died.")

    with pytest.raises(RuntimeError, match=r"no recogniser answers: The actor died\."):
        RemoteRecogniser(DESCRIPTION, 4, transcribe, clock, clock.sleep).transcribe([clip(1)])
    assert RETRY_S < clock.now - 100 < RETRY_S + 1


async def test_clips_of_different_callers_are_decoded_together() -> None:
    scheduler = ClipScheduler(CodedRecogniser())
    answers = await asyncio.gather(
        scheduler.transcribe([clip(1)]), scheduler.transcribe([clip(2, 3)]), scheduler.transcribe([clip(4, final=True)])
    )
    assert [[transcription.text for transcription in answer] for answer in answers] == [["w1"], ["w2 w3"], ["w4"]]
    assert dict(scheduler.counts())["recogniser_audio_seconds_total", ""] > 1
    scheduler.running.cancel()


async def test_a_model_that_fails_raises_in_its_caller() -> None:
    def faults(clip: Clip, words: Any) -> Any:
        raise RuntimeError("out of memory")

    scheduler = ClipScheduler(CodedRecogniser(faults))
    with pytest.raises(RuntimeError, match="out of memory"):
        await scheduler.transcribe([clip(1, final=True)])
    assert not scheduler.running.done()
    scheduler.running.cancel()


def lines(totals: MetricTotals) -> list[str]:
    return [line.removeprefix("livegist_gateway_") for line in totals.text().splitlines() if not line.startswith("#")]


def test_sums_go_on_when_replicas_come_and_go() -> None:
    clock = Clock()
    totals, first, second = MetricTotals(clock), Metrics(), Metrics()
    first.count("turns_total", 5)
    first.count("refusals_total", label='code="3009"')
    second.count("turns_total", 2)
    gains = Gains(lambda: first.counts)
    taken, arrived = gains.take()
    totals.add("a", "ingress", taken, {"sessions": 3})
    arrived()
    totals.add("b", "ingress", Gains(lambda: second.counts).take()[0], {"sessions": 1})
    assert {"turns_total 7", 'refusals_total{code="3009"} 1', "sessions 4", 'replicas{role="ingress"} 2'} <= set(
        lines(totals)
    )
    clock.sleep(GONE_S + 1)
    first.count("turns_total")
    totals.add("a", "ingress", gains.take()[0], {"sessions": 2})
    assert {"turns_total 8", "sessions 2", 'replicas{role="ingress"} 1'} <= set(lines(totals))


def test_what_was_not_reported_is_in_the_next_report() -> None:
    metrics = Metrics()
    gains = Gains(lambda: metrics.counts)
    metrics.count("turns_total")
    gains.take()
    metrics.count("turns_total")
    assert gains.take()[0] == {("turns_total", ""): 2}


def test_every_counter_of_a_cluster_is_exported_from_the_start() -> None:
    names = {line.split()[0] for line in lines(MetricTotals())}
    assert {"turns_total", "audio_seconds_total", "recogniser_busy_seconds_total", "sessions"} <= names


def test_a_replica_whose_health_is_no_longer_checked_is_overdue() -> None:
    clock = Clock()
    checks = CheckTimes(clock)
    clock.sleep(1000)
    assert not checks.overdue, "the first check may take as long as it wants"
    checks.note()
    clock.sleep(OVERDUE_S)
    assert not checks.overdue
    clock.sleep(0.1)
    assert checks.overdue


def test_arguments_are_settings_of_the_gateway_and_of_the_cluster() -> None:
    options = parse({"model": "base.en", "max_replicas": "8", "replica_gpus": 0.5, "token": "secret"}, {})
    assert (options.gateway.model, options.max_replicas, options.replica_gpus) == ("base.en", 8, 0.5)


def test_the_token_may_come_from_the_environment() -> None:
    assert parse({}, {"LIVEGIST_TOKEN": "secret"}).gateway.token == "secret"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "The gateway needs a token."),
        ({"token": "t", "colour": "blue"}, "Unknown argument: colour."),
        ({"token": "t", "max_replicas": "many"}, "Invalid argument: "),
        ({"token": "t", "min_replicas": 9}, "9 to 4 replicas are not a valid range."),
        ({"token": "t", "tls": True}, "tls is not an argument of the application."),
        ({"token": "t", "voices": "voices.json"}, "voices is not an argument of the application."),
    ],
)
def test_invalid_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(arguments, {})
    assert refused.value.message.startswith(message)


def test_files_do_not_depend_on_the_folder_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    for name in ("llm.gguf", "cert.pem", "small"):
        (tmp_path / name).touch()
    options = with_absolute_paths(
        GatewayOptions(model="model", turn_model="off", llm_file="llm.gguf", tls_cert="cert.pem")
    )
    assert (options.model, options.llm_file) == (str(tmp_path / "model"), str(tmp_path / "llm.gguf"))
    assert (options.turn_model, options.tls_cert, options.tls_key) == ("off", str(tmp_path / "cert.pem"), "")
    assert with_absolute_paths(GatewayOptions(model="small")).model == "small", "a file is not a speech model"


def test_the_reason_of_a_replica_that_cannot_start_is_at_the_end_of_its_traceback() -> None:
    from tui.cluster.deploying import last_error

    trace = 'Traceback (most recent call last):\n  File "gateway.py", line 9\n{}\n'
    assert last_error(trace.format("tui.errors.LivegistError: Model file not found: x.")) == "Model file not found: x."
    assert last_error(trace.format("and no error")) == ""
    assert last_error("The deployment is healthy: yes") == ""
    assert last_error("") == ""


@pytest.mark.parametrize(("cpus", "threads", "expected"), [(0.5, 0, 1), (4.0, 0, 4), (4.0, 2, 2)])
def test_a_replica_has_a_thread_for_each_cpu(cpus: float, threads: int, expected: int) -> None:
    options = parse({"token": "t", "replica_cpus": cpus, "threads": threads}, {})
    assert options.threads == expected


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else object())
    with pytest.raises(LivegistError) as refused:
        cluster.app({"token": "t"})
    assert refused.value.hint == "Install them with: pip install 'livegist[cluster]'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--max-replicas", "3"), "Replicas need --cluster."),
        (("--cluster", "--voices", "x"), "--voices needs one process: leave out --cluster."),
        (("--cluster", "--min-replicas", "9"), "9 to 4 replicas are not a valid range."),
        (("--cluster", "--host", "0.0.0.0"), "Anyone who reaches 0.0.0.0 could use this gateway."),
        (("--cluster", "--model", "no-such-model"), "Unknown speech model: no-such-model."),
        (("--cluster", "--llm-file", "no-such.gguf"), "Model file not found: no-such.gguf."),
        (("--cluster", "--speaker-model", "no-such.onnx"), "There is no speaker model no-such.onnx."),
        (("--cluster", "--turn-model", "no-such.onnx"), "There is no end-of-turn model no-such.onnx."),
    ],
)
def test_the_command_says_what_does_not_go_together(arguments: tuple[str, ...], message: str, home: Path) -> None:
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code != 0
    assert message in result.stderr


def test_a_certificate_of_this_machine_is_not_for_other_nodes(home: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--cluster", "10.0.0.1:6379", "--tls"])
    assert result.exit_code == 2
    assert "--tls makes a certificate for this machine alone; a cluster may have others." in result.stderr
    assert "--tls-cert and --tls-key" in result.stderr


def test_a_port_that_is_taken_is_reported_before_ray_starts(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", "--cluster", "--port", str(port)])
    assert result.exit_code == 1
    assert f"127.0.0.1:{port} cannot be bound: Address already in use." in result.stderr


def test_replicas_are_one_to_four_by_default() -> None:
    assert (ClusterOptions().min_replicas, ClusterOptions().max_replicas) == (1, 4)


def test_every_metric_of_the_grafana_dashboard_is_exported() -> None:
    dashboard = json.loads((ROOT / "docs/grafana.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 0
    named = set()
    for panel in panels:
        assert panel["type"] == "timeseries"
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["targets"]
        for target in panel["targets"]:
            found = re.findall(r"livegist_gateway_\w+", target["expr"])
            assert found, target
            named |= set(found)
    exported = dict(re.findall(r"^# TYPE (\w+) (\w+)$", MetricTotals().text(), re.MULTILINE))
    assert named <= set(exported)
    expressions = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    for name in named:
        is_rate = f"rate({name}[" in expressions
        assert is_rate == (exported[name] == "counter"), f"{name} is a {exported[name]}"


def documented(kind: str) -> dict[str, Any]:
    """Return the YAML block of the documentation that has this key."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/cluster.md").read_text(encoding="utf-8"), re.M | re.S)
    [found] = [block for block in map(yaml.safe_load, blocks) if kind in block]
    return dict(found)


def kubernetes() -> dict[str, Any]:
    """Return the documented `RayService`."""
    return dict(documented("kind")["spec"])


@pytest.mark.parametrize("text", ["a config file", "KubeRay"])
def test_ray_serve_accepts_the_documented_configs(text: str) -> None:
    from ray.serve.schema import ServeDeploySchema

    config = documented("applications") if text == "a config file" else yaml.safe_load(kubernetes()["serveConfigV2"])
    schema = ServeDeploySchema.model_validate(config)
    assert not schema.http_options.model_extra
    [application] = schema.applications
    module, _, name = application.import_path.partition(":")
    built = getattr(importlib.import_module(module), name)({"token": "t", **application.args})
    from ray.serve._private.build_app import build_app

    deployments = {deployment.name for deployment in build_app(built, name=application.name).deployments}
    assert deployments == {"Shared", "Recogniser", "Ingress"}
    assert {deployment.name for deployment in application.deployments} <= deployments


@pytest.mark.parametrize("gpus", [0, 1])
def test_the_autoscaler_of_ray_accepts_the_documented_pods(gpus: int) -> None:
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

    cluster = kubernetes()["rayClusterConfig"]
    assert cluster["enableInTreeAutoscaling"], "without it, Ray adds no pods"
    if gpus:
        cluster["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = 1
    config = _derive_autoscaling_config_from_ray_cr(
        {"metadata": {"name": "livegist", "namespace": "default"}, "spec": cluster}
    )
    workers = config["available_node_types"]["workers"]
    assert (workers["min_workers"], workers["max_workers"]) == (2, 20)
    assert (workers["resources"]["CPU"], workers["resources"].get("GPU", 0)) == (4, gpus)
    assert config["available_node_types"]["headgroup"]["resources"]["CPU"] == 0, "replicas are placed on workers"


def test_ray_reserves_the_gpus_and_shrinks_to_the_fewest_replicas() -> None:
    from ray.serve._private.build_app import build_app

    built = cluster.app({"token": "t", "min_replicas": 2, "max_replicas": 5, "replica_gpus": 0.5, "device": "cuda"})
    deployments = {each.name: each for each in build_app(built, name="livegist").deployments}
    assert deployments["Recogniser"].ray_actor_options["num_gpus"] == 0.5
    assert deployments["Ingress"].ray_actor_options.get("num_gpus", 0) == 0
    for name in ("Recogniser", "Ingress"):
        scaling = deployments[name]._deployment_config.autoscaling_config
        assert (scaling.min_replicas, scaling.max_replicas, scaling.downscale_delay_s) == (2, 5, 600.0)
