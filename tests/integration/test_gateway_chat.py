"""Chat completions over HTTP by the extractive summariser, and the other routes of the gateway."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway_harness import CLIPS, PATIENCE_S, TUTORIAL, calling, read, serving
from tests.integration.chat_request import CHAT, PROMPT, post
from tui.llm.client import ChatClient, Completion, Message


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as address:
        yield address.replace("ws", "http", 1)


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


def test_a_streamed_answer_has_the_format_of_the_vendor(url: str) -> None:
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
def test_an_invalid_request_is_refused_in_the_first_format(url: str, body: Any) -> None:
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
def test_options_that_the_extractive_model_cannot_follow_are_refused(
    url: str, asked: dict[str, Any], status: int, said: str, stream: bool
) -> None:
    answer = post(url, CHAT | asked | {"stream": stream})
    assert answer.status_code == status
    assert said in answer.json()["error"] if status == 400 else "We ship on Monday." in answer.text


def test_a_message_with_tool_calls_needs_no_content(url: str) -> None:
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]}
    reported = {"role": "tool", "tool_call_id": "1", "content": "4"}
    answer = post(url, CHAT | {"messages": [called, reported, *CHAT["messages"]]})  # type: ignore[misc]
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


def test_a_request_too_large_is_refused(url: str) -> None:
    assert post(url, {"model": "m" * 5_000_000}).status_code == 413


def test_a_transcript_longer_than_a_day_is_cut_and_the_answer_says_so(url: str) -> None:
    long = "Provide a brief summary.\n\nTranscript: " + "We ship on Monday. " * 25_000
    text = post(url, {"model": "any", "messages": [{"role": "user", "content": long}]}).json()
    assert text["choices"][0]["message"]["content"].startswith("(The first ")


def test_an_unknown_path_or_method_is_refused_in_the_first_format(url: str) -> None:
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


def test_a_gateway_with_a_token_answers_only_clients_that_send_it() -> None:
    with serving(token="right") as address:
        url = address.replace("ws", "http", 1)
        assert post(url, CHAT).status_code == 401
        assert post(url, CHAT, authorization="wrong").status_code == 401
        assert post(url, CHAT, authorization="right").status_code == 200
        assert post(url, CHAT, authorization="Bearer right").status_code == 200
        assert httpx2.get(f"{url}/metrics").status_code == 401
        assert httpx2.get(f"{url}/healthz").status_code in (200, 503)


async def test_a_request_that_does_not_come_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.gateway.completions.BODY_TIMEOUT_S", 0.2)
    host, port = url.removeprefix("http://").split(":")
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{")
        assert b" 408 " in await reader.readline()
        writer.close()
