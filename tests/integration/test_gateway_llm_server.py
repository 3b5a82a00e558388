"""Answers from an LLM server behind the gateway: requests, retries, failures and time limits."""

import asyncio

import numpy as np
import pytest

from tests.gateway_harness import CLIPS, TUTORIAL, calling, read, serving, silence
from tests.http_server import Answer
from tests.http_server import serving as answering
from tests.integration.chat_request import CHAT, post

SENTENCE = "He might even have been made amiable himself."


ANSWER = {
    "model": "upstream-1",
    "choices": [{"message": {"role": "assistant", "content": "Shipping."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2},
}


async def test_a_server_elsewhere_is_asked_about_each_turn_with_its_key_and_its_model() -> None:
    async with answering(Answer(body=ANSWER)) as server:
        with serving(llm_url=server.url, llm_key="secret", llm_model="upstream-1") as address:
            async with calling(address, **TUTORIAL) as caller:
                await caller.say(read(CLIPS[4]))
                await caller.send("Terminate")
                await caller.ended()
    answer = caller.all("LLMGatewayResponse")[0]["data"]
    assert answer["choices"][0]["message"]["content"] == "Shipping."
    assert (answer["model"], answer["usage"]["output_tokens"]) == ("upstream-1", 2)
    assert server.asked[0].headers["authorization"].endswith("secret")
    assert server.asked[0].body["model"] == "upstream-1"
    assert server.asked[0].body["messages"][0]["content"].endswith(f"Transcript: {SENTENCE}")


async def test_a_busy_server_is_asked_again_when_it_says() -> None:
    busy = Answer(status=429, body={"error": "busy"}, headers={"retry-after": "0"})
    async with answering(busy, Answer(status=500, body={"message": "oops"}), Answer(body=ANSWER)) as server:
        with serving(llm_url=server.url) as address:
            answer = await asyncio.to_thread(post, address.replace("ws", "http", 1), CHAT)
    assert answer.json()["choices"][0]["message"]["content"] == "Shipping."
    assert len(server.asked) == 3


@pytest.mark.parametrize("stream", [False, True])
async def test_a_temperature_is_passed_on(stream: bool) -> None:
    async with answering(Answer(body=ANSWER), Answer(body=ANSWER)) as server:
        with serving(llm_url=server.url) as address:
            url = address.replace("ws", "http", 1)
            await asyncio.to_thread(post, url, CHAT | {"temperature": 0.3, "stream": stream})
            await asyncio.to_thread(post, url, CHAT | {"stream": stream})
    assert [asked.body.get("temperature") for asked in server.asked] == [0.3, None]


async def test_a_turn_without_an_answer_is_a_warning_and_the_session_goes_on() -> None:
    async with answering(Answer(status=400, body={"error": {"message": "no such model"}})) as server:
        with serving(llm_url=server.url) as address:
            async with calling(address, **TUTORIAL) as caller:
                await caller.say(read(CLIPS[4]))
                await caller.send("Terminate")
                assert (await caller.ended())[0] == 1000
    assert "no such model" in caller.all("Warning")[0]["warning"]
    assert caller.all("LLMGatewayResponse") == []


@pytest.mark.parametrize(("stream", "status", "reported"), [(False, 400, 400), (True, 400, 400), (False, 401, 502)])
async def test_a_backends_failure_has_the_second_format(stream: bool, status: int, reported: int) -> None:
    async with answering(Answer(status=status, body={"error": {"message": "no such model"}})) as server:
        with serving(llm_url=server.url) as address:
            failed = await asyncio.to_thread(post, address.replace("ws", "http", 1), CHAT | {"stream": stream})
    assert (failed.status_code, failed.json()["code"]) == (reported, reported)
    assert {"code", "message", "request_id", "metadata"} == failed.json().keys()
    assert "no such model" in failed.json()["message"]


async def test_a_long_retry_time_of_the_server_is_passed_on() -> None:
    busy = Answer(status=429, body={"error": "busy"}, headers={"retry-after": "90"})
    async with answering(busy) as server:
        with serving(llm_url=server.url) as address:
            failed = await asyncio.to_thread(post, address.replace("ws", "http", 1), CHAT)
    assert (failed.status_code, failed.headers["retry-after"]) == (429, "90")


async def test_a_hanging_server_does_not_keep_a_session_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.gateway.client_session.ANSWER_DRAIN_S", 0.5)
    async with answering(Answer(hangs=True)) as server:
        with serving(llm_url=server.url) as address:
            async with calling(address, **TUTORIAL) as caller:
                await caller.say(read(CLIPS[4]))
                await caller.send("Terminate")
                assert (await caller.ended())[0] == 1000
    assert caller.received[-1]["type"] == "Termination"


async def test_turns_that_wait_for_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.gateway.client_session.ANSWER_DRAIN_S", 0.5)
    monkeypatch.setattr("tui.gateway.client_session.MAX_QUEUED_ANSWERS", 1)
    async with answering(Answer(hangs=True)) as server:
        with serving(llm_url=server.url) as address:
            async with calling(address, **TUTORIAL) as caller:
                for _ in range(2):
                    await caller.say(np.concatenate([read(CLIPS[4]), silence(1.5)]))
                await caller.send("Terminate")
                assert (await caller.ended())[0] == 1000
    [warning] = caller.all("Warning")
    assert warning["warning"].startswith("Turn 1 got no answer")
