"""Reports of a replica's metrics to the cluster's sums."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from tui.cluster.metric_totals import REPORT_S, Gains
from tui.gateway.metrics import Counts

UNREACHABLE = (RayError, RayServeException, TimeoutError)
"""Errors of a call to another replica that ended or cannot be reached."""

log = logging.getLogger(__name__)


async def report(shared: Any, role: str, counts: Callable[[], Counts], gauges: Callable[[], dict[str, float]]) -> None:
    """Report until cancelled, and once more then.

    Args:
        shared: handle of `SharedState`.
        role: ingress or recogniser.
        counts: returns the counters.
        gauges: returns the gauges.
    """
    replica, gains = uuid.uuid4().hex, Gains(counts)

    async def once() -> None:
        gained, arrived = gains.take()
        try:
            await shared.report.remote(replica, role, gained, gauges())
        except UNREACHABLE as error:
            log.warning("Metrics were not reported: %s", error)
        else:
            arrived()

    while True:
        await once()
        await asyncio.sleep(REPORT_S)
