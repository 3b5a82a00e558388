"""An ingress replica: the gateway of `livegist serve`, with its recogniser in other replicas."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from ray import serve
from ray.exceptions import RayTaskError
from starlette.applications import Starlette

from tui.cluster.draining import CHECK_S, CheckTimes
from tui.cluster.remote_recogniser import CallLostError, Description, PackedClip, RemoteRecogniser
from tui.cluster.reporting import UNREACHABLE, report
from tui.gateway import tokens
from tui.gateway.app import build
from tui.gateway.gateway import Gateway
from tui.gateway.options import GatewayOptions
from tui.gateway.recogniser import Transcription
from tui.gateway.scheduler import Concurrency, Scheduler

CALL_S = 30.0
"""Longest wait for a replica's answer; then another is asked."""
TURN_END_S = 10.0
"""Longest wait of a session that is to restart for the end of its turn."""
SHARED_S = 2.0
"""Longest wait of a health check for the shared state, which Ray may be starting again."""
DRAIN_S = 30.0
"""Longest time in which the sessions of a replica that ends are closed."""

log = logging.getLogger(__name__)


class ClusterGateway(Gateway):
    """The gateway of one replica.

    Args:
        options: models, backends and limits.
        recogniser: handle of `RecogniserReplica`.
        shared: handle of `SharedState`.
    """

    def __init__(self, options: GatewayOptions, recogniser: Any, shared: Any) -> None:
        # A session has at most one final and one partial at a time. Replicas make batches, of clips of all ingresses.
        calls = 2 * options.max_sessions
        scheduler = Scheduler(lambda: connect(recogniser, calls), concurrency=Concurrency(calls, calls, 1))
        super().__init__(options, scheduler)
        self.checks = CheckTimes()
        """When Ray checked this replica's health."""
        self._shared = shared

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve until the block is left."""
        async with super().run():
            reporting = asyncio.create_task(report(self._shared, "ingress", lambda: self.metrics.counts, self.gauges))
            draining = asyncio.create_task(self._restart_sessions_at_end())
            try:
                yield
            finally:
                reporting.cancel()
                draining.cancel()
                await asyncio.wait((reporting, draining))

    async def metrics_text(self) -> str:
        """Return the sums of all replicas in Prometheus text format."""
        return str(await self._shared.metrics_text.remote())

    async def occupancy(self) -> tuple[int, int]:
        """Return the open sessions of all replicas, and how many they accept; if nothing says, those of this one."""
        try:
            async with asyncio.timeout(SHARED_S):
                sessions, most = await self._shared.occupancy.remote()
        except UNREACHABLE:
            sessions = most = 0
        return (sessions, most) if most else await super().occupancy()

    async def issue_token(self, expires_s: float, session_s: float | None) -> str:
        """Return a temporary token that any ingress replica takes."""
        return str(await self._shared.issue.remote(expires_s, session_s))

    async def redeem_token(self, token: str) -> tokens.Grant:
        """Return the rights of a temporary token.

        Raises:
            InvalidTokenError: it is forged, used or expired.
        """
        outcome = await self._shared.redeem.remote(token)
        if isinstance(outcome, str):
            raise tokens.InvalidTokenError(outcome)
        grant: tokens.Grant = outcome
        return grant

    async def _restart_sessions_at_end(self) -> None:
        """Let clients connect again, to another replica, once Ray ends this one: a session may last three hours."""
        while True:
            await asyncio.sleep(CHECK_S)
            if self.sessions and await self._is_ending():
                log.warning("This replica ends; its %d sessions go on elsewhere.", len(self.sessions))
                await self.restart_sessions(TURN_END_S, DRAIN_S)

    async def _is_ending(self) -> bool:
        """Return whether Ray ends this replica.

        Ray Serve tells a replica only when all its requests are done. Until then it no longer checks the replica's
        health. That it answers meanwhile tells an end from an outage of its controller.
        """
        if not self.checks.overdue:
            return False
        try:
            await asyncio.wait_for(asyncio.to_thread(serve.status), CALL_S)
        except UNREACHABLE:
            return False
        answered_at = self.checks.now
        await asyncio.sleep(2 * CHECK_S)
        return self.checks.last < answered_at


class Ingress:
    """The deployment.

    Args:
        options: models, backends and limits of a replica.
        recogniser: handle of `RecogniserReplica`.
        shared: handle of `SharedState`.
    """

    def __init__(self, options: GatewayOptions, recogniser: Any, shared: Any) -> None:
        self._gateway = ClusterGateway(options, recogniser, shared)

    def __serve_build_asgi_app__(self) -> Starlette:
        """Return the application, as Ray Serve asks for it."""
        return build(self._gateway.options, self._gateway)

    async def check_health(self) -> None:
        """Raise an error if the replica cannot serve; Ray then starts another."""
        self._gateway.checks.note()
        self._gateway.check()


def connect(recogniser: Any, calls: int) -> RemoteRecogniser:
    """Return the recogniser behind a handle, once one of its replicas has loaded the model.

    Args:
        recogniser: handle of `RecogniserReplica`.
        calls: how many calls may run at once.
    """

    def transcribe(clips: list[PackedClip]) -> list[Transcription]:
        call = recogniser.transcribe.remote(clips)
        try:
            transcriptions: list[Transcription] = call.result(timeout_s=CALL_S)
        except TimeoutError as error:
            call.cancel()
            raise CallLostError(f"no answer within {CALL_S:.0f} s") from error
        except RayTaskError as error:
            if isinstance(error.cause, UNREACHABLE):
                raise CallLostError(str(error.cause)) from error
            raise RuntimeError(str(error.cause)) from error
        except UNREACHABLE as error:
            raise CallLostError(str(error)) from error
        return transcriptions

    description: Description = recogniser.describe.remote().result()
    return RemoteRecogniser(description, calls, transcribe)
