"""Chat completions with tools, which the gateway passes to an LLM server unchanged."""

import asyncio
import json

import pytest

from tests.gateway_harness import serving
from tests.http_server import Answer
from tests.http_server import serving as answering
from tests.integration.chat_request import post

TOOLS = {
    "model": "any",
    "messages": [
        {"role": "user", "content": "What is 2 + 2?"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {}}]},
        {"role": "tool", "tool_call_id": "1", "content": "4"},
    ],
    "tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "add"}},
    "response_format": {"type": "json_object"},
    "stop": ["x"],
    "n": 2,
    "seed": 7,
    "max_completion_tokens": 50,
}


CALLED = {
    "id": "chatcmpl-1",
    "model": "upstream-1",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": None, "tool_calls": [{"id": "2", "type": "function"}]},
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2},
}


async def test_a_server_gets_a_request_with_tools_as_it_is_and_its_answer_comes_back_as_it_is() -> None:
    async with answering(Answer(body=CALLED)) as server:
        with serving(llm_url=server.url) as address:
            answer = await asyncio.to_thread(post, address.replace("ws", "http", 1), TOOLS)
    assert server.asked[0].body == TOOLS
    assert answer.json().items() >= CALLED.items()
    assert answer.json()["request_id"]


async def test_a_model_that_is_set_is_requested_with_tools_too() -> None:
    async with answering(Answer(body=CALLED)) as server:
        with serving(llm_url=server.url, llm_model="upstream-1") as address:
            await asyncio.to_thread(post, address.replace("ws", "http", 1), TOOLS)
    assert server.asked[0].body == TOOLS | {"model": "upstream-1"}


async def test_a_streamed_answer_with_tool_calls_comes_back_as_it_is() -> None:
    events = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    ]
    pieces = [f"data: {json.dumps(event)}\n\n".encode() for event in events] + [b"data: [DONE]\n\n"]
    sent = Answer(headers={"content-type": "text/event-stream"}, pieces=pieces)
    async with answering(sent) as server:
        with serving(llm_url=server.url) as address:
            answer = await asyncio.to_thread(post, address.replace("ws", "http", 1), TOOLS | {"stream": True})
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert [json.loads(line) for line in lines[:-1]] == events
    assert lines[-1] == "[DONE]"
    assert server.asked[0].body == TOOLS | {"stream": True}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_server_that_refuses_tools_is_quoted(stream: bool) -> None:
    refusal = {"error": {"message": "tools do not stream here"}}
    async with answering(Answer(status=400, body=refusal)) as server:
        with serving(llm_url=server.url) as address:
            failed = await asyncio.to_thread(post, address.replace("ws", "http", 1), TOOLS | {"stream": stream})
    assert (failed.status_code, failed.json()["code"]) == (400, 400)
    assert "tools do not stream here" in failed.json()["message"]
