import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from tests.http_server import Answer, Server, serving
from tui.errors import ChatError
from tui.llm.client import ChatClient, Completion, Message, api_root, authorization

ASK = [Message("user", "What was said?")]
WHOLE = {
    "model": "small-1",
    "choices": [{"message": {"role": "assistant", "content": "Nothing — at all."}, "finish_reason": "stop"}],
    "usage": {"input_tokens": 12, "output_tokens": 4},
}


def client(server: Server, slept: list[float] | None = None, **options: Any) -> ChatClient:
    """Return a client that notes its pauses instead of making them, each as long as it may be."""

    async def note(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)

    return ChatClient(server.url, **{"sleep": note, "random": lambda: 1.0, **options})


async def complete(chat: ChatClient) -> Completion:
    try:
        return await chat.complete(ASK, model="small", max_tokens=50)
    finally:
        await chat.aclose()


async def streamed(chat: ChatClient) -> list[str | Completion]:
    try:
        return [piece async for piece in chat.stream(ASK, model="small", max_tokens=50)]
    finally:
        await chat.aclose()


def event(fields: Any) -> bytes:
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n".encode()


def delta(text: str | None, finish: str | None = None) -> bytes:
    return event({"model": "small-1", "choices": [{"delta": {"content": text}, "finish_reason": finish}]})


USAGE = event({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 4}})
DONE = b"data: [DONE]\n\n"
STORY = b": a comment\n\n" + delta(None) + delta("Nothing — ") + delta("at all.") + delta("", "stop") + USAGE + DONE


def events(*pieces: bytes, breaks: bool = False, hangs: bool = False) -> Answer:
    return Answer(
        headers={"content-type": "text/event-stream; charset=utf-8"}, pieces=pieces, breaks=breaks, hangs=hangs
    )


async def test_an_answer_comes_with_its_model_and_tokens() -> None:
    async with serving(Answer(body=WHOLE)) as server:
        answer = await complete(client(server))
    assert answer == Completion("Nothing — at all.", "small-1", 12, 4, "stop")
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.body == {
        "model": "small",
        "messages": [{"role": "user", "content": "What was said?"}],
        "max_tokens": 50,
    }


async def test_a_key_goes_as_a_bearers_and_no_key_sends_no_header() -> None:
    async with serving(Answer(body=WHOLE), Answer(body=WHOLE)) as server:
        await complete(client(server, key="secret"))
        await complete(client(server))
    assert [asked.headers.get("authorization") for asked in server.asked] == ["Bearer secret", None]


def test_only_the_vendor_gets_its_key_raw() -> None:
    assert authorization("https://llm-gateway.eu.assemblyai.com/v1", "k") == "k"
    assert authorization("https://notassemblyai.com/v1", "k") == "Bearer k"
    assert authorization("https://assemblyai.com.example.com", "k") == "Bearer k"


@pytest.mark.parametrize("url", ["http://example.com", "http://10.0.0.1:8000/v1", "http://127.0.0.1@example.com"])
def test_a_key_is_never_sent_unencrypted(url: str) -> None:
    with pytest.raises(ChatError, match="unencrypted"):
        ChatClient(url, "secret")
    ChatClient(url)


@pytest.mark.parametrize("url", ["", "llm.example", "https://", "https://llm example"])
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(ChatError, match=r"^Invalid LLM URL: ") as refused:
        ChatClient(url)
    assert refused.value.hint == "Write llm_url as https://host or http://127.0.0.1:port."


async def test_requests_share_a_connection_until_the_client_is_closed() -> None:
    async with serving(Answer(body=WHOLE), Answer(body=WHOLE)) as server:
        chat = client(server)
        for _ in range(2):
            assert (await chat.complete(ASK, model="small", max_tokens=50)).text == "Nothing — at all."
        assert (len(server.asked), server.connections) == (2, 1)
        await chat.aclose()
        async with asyncio.timeout(10):
            await server.unused.wait()


async def test_a_proxy_from_the_environment_never_sees_a_request_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as proxy, serving(Answer(body=WHOLE)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await complete(client(server, key="secret"))).text
    assert not proxy.asked


@pytest.mark.parametrize(
    ("base", "root"),
    [
        ("https://llm-gateway.assemblyai.com", "https://llm-gateway.assemblyai.com/v1"),
        ("http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1"),
        ("https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
        ("https://example.com/v1beta/openai", "https://example.com/v1beta/openai"),
        ("https://v1", "https://v1/v1"),
        ("http://127.0.0.1:11434/v1/chat/completions", "http://127.0.0.1:11434/v1"),
        ("https://example.com/chat/completions/", "https://example.com/v1"),
    ],
)
def test_the_address_may_name_its_version_or_not(base: str, root: str) -> None:
    assert api_root(base) == root


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, len(STORY)])
async def test_a_stream_reads_the_same_wherever_it_is_split(size: int) -> None:
    split = [STORY[at : at + size] for at in range(0, len(STORY), size)]
    async with serving(events(*split)) as server:
        got = await streamed(client(server))
    assert got == ["Nothing — ", "at all.", Completion("Nothing — at all.", "small-1", 12, 4, "stop")]
    assert server.asked[0].body["stream"] is True


async def test_reasoning_in_tags_is_not_part_of_an_answer() -> None:
    thinking = [delta("<thi"), delta("nk>Hm."), delta("</think>\n"), delta("\nShipping"), delta(".", "stop"), DONE]
    whole = WHOLE | {"choices": [{"message": {"content": "<think>Hm.</think>Shipping."}, "finish_reason": "stop"}]}
    async with serving(events(*thinking), Answer(body=whole)) as server:
        got = await streamed(client(server))
        answer = await client(server).complete(ASK, model="any", max_tokens=100)
    assert got == ["Shipping", ".", Completion("Shipping.", "small-1", finish_reason="stop")]
    assert answer.text == "Shipping."


@pytest.mark.parametrize("content", ["", "<think>Hm", None])
async def test_an_answer_without_text_at_the_limit_of_tokens_is_an_error(content: str | None) -> None:
    body = {"choices": [{"message": {"content": content}, "finish_reason": "length"}]}
    async with serving(Answer(body=body), events(delta(content, "length"), DONE)) as server:
        with pytest.raises(ChatError, match="before it wrote an answer"):
            await client(server).complete(ASK, model="any", max_tokens=100)
        with pytest.raises(ChatError, match="before it wrote an answer"):
            await streamed(client(server))


@pytest.mark.parametrize("key", ["schl\u00fcssel", "a\nb"])
def test_a_key_that_no_header_carries_is_named(key: str) -> None:
    with pytest.raises(ChatError, match="a character that no key has"):
        ChatClient("https://llm.example", key)


async def test_half_a_surrogate_pair_does_not_break_a_stream() -> None:
    half = b'data: {"choices": [{"delta": {"content": "so \\ud83d far"}}]}\n\n'
    async with serving(events(half, delta(".", "stop"), DONE)) as server:
        got = await streamed(client(server))
    assert got == ["so \ufffd far", ".", Completion("so \ufffd far.", "small-1", finish_reason="stop")]


async def test_a_stream_with_other_line_ends_and_no_done_is_whole_if_it_said_why_it_ends() -> None:
    async with serving(events((delta("Yes.") + delta(None, "length")).replace(b"\n", b"\r\n"))) as server:
        got = await streamed(client(server))
    assert got == ["Yes.", Completion("Yes.", "small-1", finish_reason="length")]


@pytest.mark.parametrize("cut", [True, False])
async def test_a_broken_stream_is_an_error_after_its_text(cut: bool) -> None:
    said: list[str | Completion] = []
    async with serving(events(delta("Nothing"), breaks=cut)) as server:
        chat = client(server)
        pieces = chat.stream(ASK, model="small", max_tokens=50)
        said.append(await anext(pieces))
        with pytest.raises(ChatError, match="broke off"):
            said.append(await anext(pieces))
        await chat.aclose()
    assert said == ["Nothing"]
    assert len(server.asked) == 1


async def test_a_silent_stream_times_out() -> None:
    async with serving(events(delta("Nothing"), hangs=True)) as server:
        with pytest.raises(ChatError, match="broke off"):
            await streamed(client(server, timeout_s=0.2))


async def test_comments_do_not_keep_a_silent_stream_alive() -> None:
    async with serving(events(*[b": still here\n\n"] * 3, hangs=True)) as server:
        with pytest.raises(ChatError, match="broke off"):
            await streamed(client(server, timeout_s=0.2))


async def test_an_error_within_a_stream_is_raised() -> None:
    failed = event({"error": {"message": "overloaded", "code": 529}})
    async with serving(events(delta("Nothing"), failed)) as server:
        with pytest.raises(ChatError, match="overloaded"):
            await streamed(client(server))


async def test_a_reader_may_leave_a_stream_early() -> None:
    async with serving(events(delta("Nothing"), delta("more"), hangs=True), Answer(body=WHOLE)) as server:
        chat = client(server)
        async with aclosing(chat.stream(ASK, model="small", max_tokens=50)) as pieces:
            assert await anext(pieces) == "Nothing"
        async with asyncio.timeout(10):
            await server.unused.wait()
        assert (await complete(chat)).text == "Nothing — at all."


async def test_a_server_that_knows_no_usage_in_streams_is_asked_for_a_bare_stream() -> None:
    refusal = Answer(400, {"code": 400, "message": "unknown field stream_options"})
    async with serving(refusal, events(STORY)) as server:
        got = await streamed(client(server))
    assert got[-1] == Completion("Nothing — at all.", "small-1", 12, 4, "stop")
    assert ["stream_options" in asked.body for asked in server.asked] == [True, False]


async def test_a_model_that_does_not_stream_is_asked_for_a_plain_answer() -> None:
    refusal = Answer(400, {"error": "this model does not support streaming", "status": 400})
    async with serving(refusal, refusal, Answer(body=WHOLE)) as server:
        got = await streamed(client(server))
    assert got == ["Nothing — at all.", Completion("Nothing — at all.", "small-1", 12, 4, "stop")]
    assert [asked.body.get("stream") for asked in server.asked] == [True, True, None]


async def test_a_server_may_ignore_the_request_to_stream() -> None:
    async with serving(Answer(body=WHOLE)) as server:
        got = await streamed(client(server))
    assert got == ["Nothing — at all.", Completion("Nothing — at all.", "small-1", 12, 4, "stop")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
@pytest.mark.parametrize("ask", [complete, streamed])
async def test_temporary_failures_are_retried(status: int, ask: Callable[[ChatClient], Any]) -> None:
    async with serving(Answer(status, {"error": "busy"}), Answer(body=WHOLE)) as server:
        assert await ask(client(server))
    assert len(server.asked) == 2


async def test_retries_are_limited_and_delays_grow() -> None:
    slept: list[float] = []
    async with serving(*[Answer(503, {"error": "busy"})] * 4) as server:
        with pytest.raises(ChatError, match="busy"):
            await complete(client(server, retries=3, slept=slept))
    assert slept == [0.5, 1.0, 2.0]


async def test_a_pause_is_never_shorter_than_the_server_asks() -> None:
    slept: list[float] = []
    async with serving(Answer(429, {"error": "slow"}, {"retry-after": "3"}), Answer(body=WHOLE)) as server:
        await complete(client(server, slept=slept, random=lambda: 0.0))
    assert slept == [3.0]


async def test_a_long_retry_after_is_reported_and_not_retried() -> None:
    async with serving(Answer(429, {"error": "slow"}, {"retry-after": "3600"})) as server:
        with pytest.raises(ChatError) as refused:
            await complete(client(server))
    assert refused.value.retry_after_s == 3600
    assert refused.value.retry


async def test_permanent_failures_are_not_retried() -> None:
    async with serving(Answer(401, {"error": "bad key"})) as server:
        with pytest.raises(ChatError, match="bad key") as refused:
            await complete(client(server))
    assert "ASSEMBLYAI_API_KEY" in refused.value.hint
    assert len(server.asked) == 1


async def test_a_connection_closed_before_the_response_is_retried() -> None:
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    slept: list[float] = []
    server = Server([])
    server.url = f"http://127.0.0.1:{port}"
    with pytest.raises(ChatError, match=r"127\.0\.0\.1 cannot be reached"):
        await complete(client(server, slept=slept))
    listening.close()
    assert len(slept) == 2


async def test_a_timeout_is_not_retried() -> None:
    async with serving(Answer(body=b"", hangs=True)) as server:
        with pytest.raises(ChatError, match=r"did not respond within 0\.2 s"):
            await complete(client(server, timeout_s=0.2))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b"", b"[]", b'{"choices": "x"}', b"\xff", pytest.param(b"[" * 9000, id="deep")]
)
async def test_an_invalid_response_is_a_chat_error(body: bytes) -> None:
    async with serving(Answer(body=body)) as server:
        with pytest.raises(ChatError) as failed:
            await complete(client(server))
    assert failed.value.message
    assert failed.value.hint == "Check that llm_url is an OpenAI-compatible server."
    assert not failed.value.retry


async def test_the_models_are_listed_if_the_server_lists_them() -> None:
    listed = {"object": "list", "data": [{"id": "small-1", "object": "model"}, {"id": "big-2"}]}
    async with serving(Answer(body=listed), Answer(404, {"error": "no"}), Answer(body={"models": 1})) as server:
        chat = client(server)
        assert await chat.models() == ["small-1", "big-2"]
        assert await chat.models() is None
        assert await chat.models() is None
        await chat.aclose()
    assert server.asked[0].path == "/v1/models"


def test_tls_uses_the_system_certificates() -> None:
    assert ChatClient("https://llm.example")._tls_verification() is True


@pytest.mark.parametrize("url", ["https://127.0.0.1:9", "https://localhost:9"])
def test_tls_to_this_machine_verifies_certificate_and_name(url: str) -> None:
    trusted = ChatClient(url)._tls_verification()
    assert isinstance(trusted, ssl.SSLContext)
    assert (trusted.verify_mode, trusted.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "HTTP://localhost:9"])
def test_plain_http_loads_no_certificates(url: str) -> None:
    trusted = ChatClient(url)._tls_verification()
    assert isinstance(trusted, ssl.SSLContext)
    assert trusted.verify_mode is ssl.CERT_REQUIRED
    assert trusted.cert_store_stats()["x509"] == 0
