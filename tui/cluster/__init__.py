"""`livegist serve --cluster`: the gateway as a Ray Serve application; `tui.cluster:app` for Ray's own tools.

Ingress replicas hold the sockets and the sessions' state, recogniser replicas the speech model. Ray places, scales,
checks and restarts them.
"""

import importlib.util
import os
from typing import Any

from tui.errors import MissingExtraError

# Read when Ray is imported: it sends nothing to its makers, not even that it sends nothing, as `ray start` does.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_USAGE_STATS_REPORT_URL", "http://127.0.0.1:9/")
# Seconds after which Serve's controller kills a proxy that is not ready: on a busy machine, Ray's 5 s are too short.
os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")
LOOPBACK_ONLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Environment in which Ray takes the loopback address for this machine's, as it does by itself on macOS and Windows.
Read when Ray is imported, too."""


def app(arguments: dict[str, Any]) -> Any:
    """Return the application for `serve run tui.cluster:app` and Serve's config files.

    Args:
        arguments: settings of `ClusterOptions` and `GatewayOptions`, such as `model` and `max_replicas`.

    Raises:
        LivegistError: one is unknown or invalid, there is no token, or Ray is not installed.
    """
    require_ray()
    from tui.cluster.application import application
    from tui.cluster.options import parse

    return application(parse(arguments))


def require_ray() -> None:
    """Raise an error if Ray is not installed.

    Raises:
        MissingExtraError: it is not.
    """
    if not importlib.util.find_spec("ray"):
        raise MissingExtraError("A gateway on a cluster", "cluster")
