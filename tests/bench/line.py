"""What is sent to a viewer on another machine, byte by byte: what `attach --ssh` carries."""

import os
import select
import subprocess
import time

from tests.bench.stage import LIVEGIST

SETTLE_S = 3.0
"""Seconds in which the snapshot is sent, once."""


def bytes_per_second(seconds: float) -> float:
    """Return bytes a second that `livegist relay` writes for ssh to carry."""
    relay = subprocess.Popen([LIVEGIST, "relay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert relay.stdout is not None
        _count(relay.stdout.fileno(), SETTLE_S)
        started = time.monotonic()
        received = _count(relay.stdout.fileno(), seconds)
        return received / (time.monotonic() - started)
    finally:
        relay.terminate()
        relay.wait()


def _count(pipe: int, seconds: float) -> int:
    until, received = time.monotonic() + seconds, 0
    while (left := until - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            piece = os.read(pipe, 65536)
            assert piece, "the relay has ended"
            received += len(piece)
    return received
