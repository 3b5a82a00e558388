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


async def watch_room(url: str, held: Callable[[], int], report: Callable[[int], None]) -> None:
    """Report again and again for how many sessions of this client there is room; return if the endpoint does not say.

    Behind several replicas each answer is of one of them: it says how many sessions more that one accepts.

    Args:
        url: WebSocket URL of the endpoint.
        held: returns the number of sessions that this client holds.
        report: receives the number of sessions for which there is room, those that are held included.
    """
    import httpx2

    address = f"{chat_root(url)}/healthz"
    async with httpx2.AsyncClient(
        timeout=TIMEOUT_S, trust_env=not is_loopback(url), verify=loopback_context(address) or True
    ) as client:
        answered = False
        while True:
            try:
                room = await _room(client, address)
            except (httpx2.HTTPError, OSError):
                if not answered:
                    return
                # The endpoint may be starting again.
                room = None
            except (msgspec.MsgspecError, httpx2.InvalidURL):
                return
            answered = True
            if room is not None:
                report(held() + room)
            await asyncio.sleep(CHECK_S)


async def _room(client: "httpx2.AsyncClient", address: str) -> int | None:
    """Return how many sessions more an endpoint accepts; `None` while it cannot say.

    Raises:
        HTTPError: it does not answer.
        MsgspecError: it does not say.
    """
    answer = await client.get(address)
    if answer.status_code >= 500:
        return None
    health = msgspec.json.decode(answer.content, type=Health)
    return max(0, health.max_sessions - health.sessions)
