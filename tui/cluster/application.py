"""The Ray Serve application: its deployments, and how Ray scales them."""

from typing import Any

import msgspec
from ray import serve

from tui.cluster.draining import CHECK_S
from tui.cluster.ingress import DRAIN_S, Ingress
from tui.cluster.options import ClusterOptions
from tui.cluster.recogniser import RecogniserReplica
from tui.cluster.shared_state import SharedState

INGRESS_CPUS = 0.25
"""CPUs that Ray reserves for an ingress replica."""
SHARE_OF_SESSIONS = 0.75
"""Share of the sessions that a replica takes, from which Ray starts another."""
MORE_REQUESTS = 16
"""Requests beside its sessions that an ingress replica takes at once: answers, metrics, and refusals of sessions."""
ONGOING_CLIPS = 2.0
"""Clips per recogniser replica, in work and waiting, from which Ray starts another."""
MAX_CLIPS = 64
"""Most clips that a recogniser replica holds; its scheduler chooses which is next."""
UPSCALE_S = 10.0
"""Seconds of load after which Ray starts a replica."""
GRACE_S = 15.0
"""Seconds, beside those of draining, after which Ray kills a replica that is to end."""


def application(
    options: ClusterOptions,
    *,
    ingress: type[Ingress] = Ingress,
    recogniser: type[RecogniserReplica] = RecogniserReplica,
) -> Any:
    """Return the application.

    Args:
        options: of its replicas.
        ingress: the class of ingress replicas.
        recogniser: the class of recogniser replicas.
    """
    shared = _deployment("Shared", SharedState, num_replicas=1, ray_actor_options={"num_cpus": 0}).bind()
    recognisers = _deployment(
        "Recogniser",
        recogniser,
        max_ongoing_requests=MAX_CLIPS,
        autoscaling_config=_scaling(options, ONGOING_CLIPS),
        ray_actor_options={"num_cpus": options.replica_cpus, "num_gpus": options.replica_gpus},
    ).bind(msgspec.structs.replace(options.gateway, threads=options.threads), shared)
    sessions = options.gateway.max_sessions
    return _deployment(
        "Ingress",
        serve.ingress()(ingress),
        max_ongoing_requests=sessions + MORE_REQUESTS,
        autoscaling_config=_scaling(options, SHARE_OF_SESSIONS * sessions),
        ray_actor_options={"num_cpus": INGRESS_CPUS},
        health_check_period_s=CHECK_S,
        graceful_shutdown_timeout_s=DRAIN_S + GRACE_S,
    ).bind(options.gateway, recognisers, shared)


def _deployment(name: str, replica: type, **settings: Any) -> Any:
    logs = {"enable_access_log": False, "log_level": "WARNING"}
    return serve.deployment(replica, name=name, logging_config=logs, **settings)


def _scaling(options: ClusterOptions, target: float) -> dict[str, Any]:
    return {
        "min_replicas": options.min_replicas,
        "max_replicas": options.max_replicas,
        "target_ongoing_requests": target,
        "upscale_delay_s": UPSCALE_S,
    }
