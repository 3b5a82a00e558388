"""Who may open a session on the gateway, how many, and for how long."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.gateway_harness import CLIPS, TUTORIAL, calling, read, serving

SENTENCE = "He might even have been made amiable himself."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(max_sessions=4) as address:
        yield address


async def test_each_route_but_the_health_asks_for_the_token() -> None:
    with serving(token="right") as url:
        http = url.replace("ws", "http", 1)
        asked = {
            path: httpx2.get(f"{http}{path}").status_code
            for path in ("/v1/models", "/v1/models/extractive", "/metrics")
        }
        allowed = httpx2.get(f"{http}/v1/models", headers={"Authorization": "bearer right"})
    assert set(asked.values()) == {401}
    assert [model["id"] for model in allowed.json()["data"]] == ["extractive"]


async def test_an_idle_client_is_disconnected(url: str) -> None:
    async with calling(url, inactivity_timeout=5) as caller:
        code, reason = await caller.ended()
    assert code == 3006
    assert "inactivity" in reason


async def test_one_session_too_many_is_refused() -> None:
    with serving(max_sessions=1) as url:
        async with calling(url) as first:
            await first.until("Begin")
            async with calling(url) as second:
                assert await second.ended() == (3009, "Too many concurrent sessions")
            await first.send("Terminate")
            assert (await first.ended())[0] == 1000
        async with calling(url) as third:
            await third.until("Begin")


async def test_a_session_ends_when_its_time_is_over() -> None:
    with serving(max_session_s=1.0) as url:
        async with calling(url) as caller:
            code, reason = await caller.ended()
    assert code == 3008
    assert "expired" in reason


async def test_a_gateway_that_stops_finishes_the_open_turn() -> None:
    with ExitStack() as stack:
        url = stack.enter_context(serving())
        async with calling(url, **TUTORIAL) as caller:
            await caller.say(read(CLIPS[4]))
            await caller.until("SpeechStarted")
            ended = asyncio.create_task(caller.ended())
            await asyncio.to_thread(stack.close)
            assert (await ended)[0] == 1000
    assert caller.finals[0]["transcript"] == SENTENCE
    assert caller.all("LLMGatewayResponse")


async def test_a_token_opens_one_session_and_expires() -> None:
    with serving(token="right") as url:
        http = url.replace("ws", "http", 1)

        def token(**query: Any) -> httpx2.Response:
            return httpx2.get(f"{http}/v3/token", params=query, headers={"Authorization": "right"})

        asked_at = time.time()
        granted = token(expires_in_seconds=60, max_session_duration_seconds=60).json()
        assert granted["expires_in_seconds"] == 60
        async with calling(url, token=granted["token"], key="") as caller:
            begin = await caller.until("Begin")
        assert asked_at - 1 <= begin["expires_at"] - 60 <= time.time()
        async with calling(url, token=granted["token"], key="") as caller:
            assert await caller.ended() == (1008, "Unauthorized connection: Token already used")
        async with calling(url, key="lgt-forged.0") as caller:
            assert (await caller.ended())[0] == 1008
        short = token(expires_in_seconds=1).json()["token"]
        error = ""
        while error != "Unauthorized connection: Token expired":
            await asyncio.sleep(0.1)
            async with calling(url, token=short, key="") as caller:
                error = json.loads(await caller.websocket.recv()).get("error", "")
        assert [token(expires_in_seconds=asked).status_code for asked in (0, 601, "soon")] == [400, 400, 400]
        assert httpx2.get(f"{http}/v3/token", params={"expires_in_seconds": 60}).status_code == 401


async def test_a_web_page_of_another_origin_is_refused(url: str) -> None:
    http = url.replace("ws", "http", 1)
    headers = {"host": url.removeprefix("ws://")}
    assert httpx2.get(f"{http}/v1/models", headers=headers | {"origin": "https://evil.example"}).status_code == 403
    assert httpx2.get(f"{http}/v1/models", headers={"host": "evil.example"}).status_code == 403
    assert httpx2.get(f"{http}/v1/models", headers=headers | {"origin": "http://127.0.0.1:3000"}).status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{url}/v3/ws", origin=Origin("https://evil.example"))
    assert refused.value.response.status_code == 403
