"""Room of an endpoint for sessions, from the health page of a gateway."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from tui.engine.routing import chat_root
from tui.trust import loopback_context
from tui.urls import is_loopback

if TYPE_CHECKING:
    import httpx2

CHECK_S = 2.0
"""Seconds between two requests."""
TIMEOUT_S = 5.0
"""Longest wait for an answer."""


class Health(msgspec.Struct, frozen=True):
    """The part of `/healthz` that says how many sessions a gateway has room for."""

    sessions: int
    """Open sessions of all clients."""
    max_sessions: int


async def watch_room(url: str, report: Callable[[Health], None]) -> None:
    """Report again and again what an endpoint says of its sessions; return if it does not say.

    Args:
        url: WebSocket URL of the endpoint. Behind it may be several replicas: each answer is then of one of them.
        report: receives the answers.
    """
    import httpx2

    address = f"{chat_root(url)}/healthz"
    async with httpx2.AsyncClient(
        timeout=TIMEOUT_S, trust_env=not is_loopback(url), verify=loopback_context(address) or True
    ) as client:
        answered = False
        while True:
            try:
                health = await _health(client, address)
            except (httpx2.HTTPError, OSError):
                if not answered:
                    return
                # The endpoint may be starting again.
                health = None
            except (msgspec.MsgspecError, httpx2.InvalidURL):
                return
            answered = True
            if health is not None:
                report(health)
            await asyncio.sleep(CHECK_S)


async def _health(client: "httpx2.AsyncClient", address: str) -> Health | None:
    """Return what an endpoint says of its sessions; `None` while it cannot say.

    Raises:
        HTTPError: it does not answer.
        MsgspecError: it does not say.
    """
    answer = await client.get(address)
    return msgspec.json.decode(answer.content, type=Health) if answer.status_code < 500 else None
