"""Run the application on Ray until a signal."""

import contextlib
import json
import os
import signal
import sys
import threading

from msgspec.structs import replace

from tui.cluster import LOOPBACK_ONLY, require_ray
from tui.cluster.options import LOCAL, ClusterOptions, with_absolute_paths
from tui.errors import UsageError
from tui.gateway.app import TRUST, check_access, select_certificate
from tui.gateway.gateway import Gateway
from tui.listening import listen
from tui.urls import bracketed


def run(options: ClusterOptions, address: str, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; print the address as one line of JSON once clients may connect.

    Args:
        options: of the application.
        address: of a Ray cluster, as `ray.init` takes it; `LOCAL` for this machine alone.
        host: address to bind to on the nodes; any but loopback needs a token.
        port: 0 takes a port that is free on this machine.

    Raises:
        UsageError: `options.gateway.tls` on a cluster that may have other machines.
        LivegistError: the address is open to others without a token or taken, the model is not on this machine although
            the cluster is, or Ray or the application cannot be started.
    """
    gateway = with_absolute_paths(options.gateway)
    if gateway.tls and not gateway.tls_cert and address != LOCAL:
        raise UsageError(
            "--tls makes a certificate for this machine alone; a cluster may have others.",
            "Give --tls-cert and --tls-key files that are in the same place on every node.",
        )
    require_ray()
    check_access(gateway, host)
    certificate = select_certificate(gateway, host)
    if certificate and certificate.authority:
        sys.stderr.write(TRUST.format(path=certificate.authority))
    if address == LOCAL:
        os.environ.update(LOOPBACK_ONLY)
        # Its models' errors are clearer here than from a replica.
        Gateway(gateway)
    if address == LOCAL or not port:
        # Ray would only log that the port is taken.
        with listen(host, port) as free:
            port = free.getsockname()[1]
    from tui.cluster.deploying import connected, deployed

    with contextlib.suppress(KeyboardInterrupt), connected(address):
        # Only now: Ray's own handlers write a stack trace.
        _interrupt_on_signals(exit_with_stdin=gateway.exit_with_stdin)
        with deployed(replace(options, gateway=gateway), host, port, certificate):
            line = {
                "listening": f"{'wss' if certificate else 'ws'}://{bracketed(host)}:{port}",
                "model": gateway.model,
                "cluster": address,
            }
            if certificate and certificate.authority:
                line["certificate"] = str(certificate.authority)
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            threading.Event().wait()


def _interrupt_on_signals(*, exit_with_stdin: bool) -> None:
    """Raise `KeyboardInterrupt` in this thread at the first SIGTERM or SIGINT, or when stdin ends if that is asked."""

    def interrupt(number: int, frame: object) -> None:
        for later in (signal.SIGTERM, signal.SIGINT):
            signal.signal(later, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupt)
    if exit_with_stdin:
        threading.Thread(target=_wait_for_stdin_end, daemon=True).start()


def _wait_for_stdin_end() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
