"""Sessions of a gateway whose process is to end while another goes on with them, as on a cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.gateway_harness import CLIPS, PATIENCE_S, Caller, calling, read, silence
from tui.gateway.app import GatewayOptions, Server, build
from tui.gateway.gateway import Gateway
from tui.stream.close_codes import Retry, classify_close


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    one = Server(build(GatewayOptions()), "127.0.0.1", 0)
    running = asyncio.create_task(one.run_until_stopped())
    yield one
    one.stop()
    await running


@asynccontextmanager
async def speaking(server: Server) -> AsyncIterator[tuple[Caller, Gateway]]:
    """Give a client in the middle of a turn, and the gateway."""
    async with calling(server.url) as caller:
        await caller.say(read(CLIPS[4]))
        await caller.until("Turn", end_of_turn=False)
        yield caller, server._gateway


async def test_a_session_restarts_after_the_open_turn(server: Server) -> None:
    async with speaking(server) as (caller, gateway):
        restarting = asyncio.create_task(gateway.restart_sessions(PATIENCE_S, PATIENCE_S))
        await asyncio.sleep(0)
        await caller.say(silence(3))
        await caller.until("Turn", end_of_turn=True)
        await caller.say(silence(1))
        code, reason = await caller.ended()
        await restarting
    assert code == 1012
    assert classify_close(code, reason).retry is Retry.YES
    assert caller.all("Termination") == [], "clients take it for the end of the session"


async def test_a_turn_that_goes_on_for_too_long_is_left_to_the_next_connection(server: Server) -> None:
    async with speaking(server) as (caller, gateway):
        await gateway.restart_sessions(0, PATIENCE_S)
        code, _ = await caller.ended()
    assert code == 1012
    assert caller.finals == [], "half a turn would be repeated"


async def test_a_client_that_terminates_meanwhile_gets_its_turn(server: Server) -> None:
    async with speaking(server) as (caller, gateway):
        restarting = asyncio.create_task(gateway.restart_sessions(PATIENCE_S, PATIENCE_S))
        await asyncio.sleep(0)
        await caller.send("Terminate")
        assert await caller.ended() == (1000, "")
        await restarting
    assert len(caller.finals) == 1
    assert caller.received[-1]["type"] == "Termination"
