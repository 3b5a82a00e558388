"""Options of a gateway on a cluster."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tui.credentials import SERVE_TOKEN
from tui.errors import UsageError
from tui.gateway.options import GatewayOptions

LOCAL = "local"
"""Address that stands for a cluster of this machine alone, which starts and ends with the command."""


class ClusterOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway of each replica, and how many replicas there are."""

    gateway: GatewayOptions = GatewayOptions()
    """Its `max_sessions` is that of one ingress replica."""
    min_replicas: int = 1
    """Fewest ingress replicas, and fewest recogniser replicas."""
    max_replicas: int = 4
    """Most ingress replicas, and most recogniser replicas."""
    replica_cpus: float = 1.0
    """CPUs that Ray reserves for a recogniser replica; also its threads, unless `gateway.threads` says otherwise."""
    replica_gpus: float = 0.0
    """GPUs that Ray reserves for a recogniser replica; a fraction shares one."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_replicas <= self.max_replicas:
            raise UsageError(f"{self.min_replicas} to {self.max_replicas} replicas are not a valid range.")

    @property
    def threads(self) -> int:
        """CPU threads of a recogniser replica."""
        return self.gateway.threads or max(1, int(self.replica_cpus))


OWN = frozenset(ClusterOptions.__struct_fields__) - {"gateway"}
ELSEWHERE = {
    "tls": "Serve's http_options name a certificate: ssl_certfile and ssl_keyfile.",
    "tls_cert": "It is ssl_certfile in Serve's http_options.",
    "tls_key": "It is ssl_keyfile in Serve's http_options.",
    "voices": "Known voices need a gateway of one process.",
    "exit_with_stdin": "Ray's tools end the application.",
}
"""Options of a gateway that have no effect in the application, and what to do instead."""
FILES = ("turn_model", "speaker_model", "llm_file", "tls_cert", "tls_key")
"""Options of a gateway that name a file."""


def parse(arguments: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> ClusterOptions:
    """Return the options in the arguments of `serve run` or a Serve config file, such as `model` and `max_replicas`.

    Raises:
        UsageError: an argument is unknown or invalid, or there is no token: Ray decides where the application listens.
    """
    unknown = sorted(set(arguments) - OWN - set(GatewayOptions.__struct_fields__))
    if unknown:
        raise UsageError(f"Unknown argument: {', '.join(unknown)}.")
    for name, hint in ELSEWHERE.items():
        if name in arguments:
            raise UsageError(f"{name} is not an argument of the application.", hint)
    settings = {"token": environment.get(SERVE_TOKEN, ""), **arguments}
    own = {name: settings.pop(name) for name in OWN & set(settings)}
    try:
        options = msgspec.convert({**own, "gateway": settings}, ClusterOptions, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"Invalid argument: {error}") from error
    if not options.gateway.token:
        raise UsageError(
            "The gateway needs a token.", f"Set the argument token, or the environment variable {SERVE_TOKEN}."
        )
    return options


def with_absolute_paths(options: GatewayOptions) -> GatewayOptions:
    """Return options whose files and folders do not depend on the folder in which this process runs.

    A relative path that leads nowhere, such as a model's name, is left as it is.
    """
    changes: dict[str, str] = {}
    for name in ("model", *FILES):
        path = Path(getattr(options, name)).expanduser()
        if path.is_dir() if name == "model" else path.is_file():
            changes[name] = str(path.absolute())
    return msgspec.structs.replace(options, **changes)
