"""Connect to a Ray cluster, and deploy the application on it."""

import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.context import _get_global_client as get_serve_client
from ray.serve.exceptions import RayServeException

from tui.cluster.application import application
from tui.cluster.options import LOCAL, ClusterOptions
from tui.errors import LivegistError
from tui.urls import bracketed, is_loopback

if TYPE_CHECKING:
    from tui.gateway.certificate import Certificate

ERRORS = (RuntimeError, RayError, RayServeException)
"""Errors of Serve."""
LOGS = "The replicas' logs are in /tmp/ray/session_latest/logs."
NAME = "livegist"
"""Name of the application on the cluster."""
REACH_S = 10.0
"""Longest wait for the head node's answer."""
STORE_BYTES = 200_000_000
"""Ray's object store on a cluster of this machine: clips are small and short-lived."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to a cluster; start and end one that is of this machine alone.

    Args:
        address: as `ray.init` takes it.

    Raises:
        LivegistError: there is none.
    """
    local = {"include_dashboard": False, "object_store_memory": STORE_BYTES} if address == LOCAL else {}
    try:
        _reach(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
    except Exception as error:
        ray.shutdown()
        where, hint = f"There is no Ray cluster at {address}", "Start one with: ray start --head"
        if local:
            where, hint = "Ray cannot be started on this machine", "Try again when the machine is less busy."
        raise LivegistError(f"{where}: {error}", hint) from error
    try:
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def deployed(options: ClusterOptions, host: str, port: int, certificate: "Certificate | None") -> Iterator[None]:
    """Run the application on the cluster, and delete it at the end.

    Raises:
        LivegistError: it cannot be started, or Ray Serve listens otherwise already.
    """
    http: dict[str, Any] = {"host": host, "port": port}
    if certificate:
        http |= {"ssl_certfile": str(certificate.chain), "ssl_keyfile": str(certificate.key)}
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    try:
        was_running = bool(serve.status().proxies)
        _start_serve(http)
    except ERRORS as error:
        raise LivegistError(f"Ray Serve cannot be started: {error}", LOGS) from error
    try:
        try:
            serve.run(application(options), name=NAME, route_prefix="/")
        except ERRORS as error:
            raise LivegistError(f"The application cannot be started: {_reason() or error}", LOGS) from error
        yield
    finally:
        serve.delete(NAME)
        if not was_running and not serve.status().applications:
            serve.shutdown()


def _reason() -> str:
    """Return why a replica of the application cannot be started; empty if nothing says so."""
    found = serve.status().applications.get(NAME)
    messages = [deployment.message for deployment in found.deployments.values()] if found else []
    return next(filter(None, map(last_error, messages)), "")


def last_error(message: str) -> str:
    """Return the text of the error at the end of the traceback in a message of Ray; empty without one. Pure."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    name, colon, text = lines[-1].partition(": ") if lines and "Traceback" in message else ("", "", "")
    return text if colon and name.replace(".", "").isidentifier() else ""


def _start_serve(http: dict[str, Any]) -> None:
    """Start Serve on the cluster. If it runs already, it must listen as wanted: it ignores new options.

    Raises:
        LivegistError: it does not.
    """
    serve.start(http_options=http, proxy_location="EveryNode")
    running = get_serve_client().http_config
    if any(getattr(running, name) != value for name, value in ({"ssl_certfile": None} | http).items()):
        scheme = "https" if running.ssl_certfile else "http"
        raise LivegistError(
            f"Ray Serve runs on this cluster already, at {scheme}://{bracketed(running.host)}:{running.port}.",
            "Use the same --host, --port and certificate, or end it with: serve shutdown",
        )


def _reach(address: str) -> None:
    """Raise an error if nothing listens at `HOST:PORT`: Ray itself would try for minutes.

    Ray replaces a loopback address by this machine's own, so that one is not tried here.

    Raises:
        OSError: nothing does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and not is_loopback(f"ws://{host}"):
        with socket.create_connection((host.strip("[]"), int(port)), REACH_S):
            pass
