"""Messages that wait for a slow client."""

import asyncio
import json
from typing import cast

import pytest
from starlette.websockets import WebSocket

from tui.gateway.send_queue import MAX_QUEUED, SendQueue, SlowClientError
from tui.stream.messages import WireTurn


class Slow:
    """A client that reads nothing until it is let go."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.reads = asyncio.Event()

    async def send_text(self, text: str) -> None:
        await self.reads.wait()
        self.read.append(text)


def partial(order: int, text: str, *, final: bool = False) -> WireTurn:
    return WireTurn(order, text, final, final, 0.0, ())


async def sent(send_queue: SendQueue, client: Slow) -> list[str]:
    """Let the client read all that waits; return what it read."""
    client.reads.set()
    send_queue.close()
    await send_queue.send_all(cast(WebSocket, client))
    return [json.loads(text)["transcript"] for text in client.read]


async def test_a_queued_partial_is_replaced_by_a_newer_one_of_its_turn() -> None:
    send_queue = SendQueue()
    for text in ("a", "a b", "a b c"):
        send_queue.put(partial(0, text))
    send_queue.put(partial(1, "d"))
    assert await sent(send_queue, Slow()) == ["a b c", "d"]


async def test_a_queued_final_is_never_replaced() -> None:
    send_queue = SendQueue()
    for turn in (partial(0, "a", final=True), partial(0, "A.", final=True), partial(1, "b")):
        send_queue.put(turn)
    assert await sent(send_queue, Slow()) == ["a", "A.", "b"]


async def test_a_client_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.gateway.send_queue.SEND_TIMEOUT_S", 0.01)
    send_queue = SendQueue()
    send_queue.put(partial(0, "a"))
    with pytest.raises(SlowClientError):
        await send_queue.send_all(cast(WebSocket, Slow()))


async def test_the_queue_is_bounded() -> None:
    send_queue = SendQueue()
    for order in range(MAX_QUEUED + 1):
        send_queue.put(partial(order, "a"))
    with pytest.raises(SlowClientError):
        await sent(send_queue, Slow())
