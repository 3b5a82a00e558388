"""A proxy from the environment that cannot be used, and redirects to another server: the messages for the user."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests import fake_endpoint
from tests.fake_endpoint import Endpoint, speech
from tests.terminal import LIVEGIST
from tui.errors import ChatError
from tui.llm.client import ChatClient
from tui.llm.protocol import Message
from tui.stream.close_codes import Retry
from tui.stream.connection import ConnectError, Connection

STREAM, CHAT = "wss://speech.example/v3/ws", "https://llm.example"
GREETING = b"220 mail.example ESMTP\r\n"
NEEDS_PASSWORD = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
SERVER_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
SECRET = "hunter2"
"""A password in a proxy's address, which no message may show."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """Run a server that answers each request with `answer` and closes; give its `host:port`."""

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(attend, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def dead() -> str:
    """Give a `host:port` at which nothing listens."""
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
    return f"127.0.0.1:{port}"


async def stream_failure(url: str = STREAM) -> ConnectError:
    with pytest.raises(ConnectError) as refused:
        await Connection.open(url, "key")
    return refused.value


async def chat_failure(url: str = CHAT) -> ChatError:
    client = ChatClient(url, retries=0)
    with pytest.raises(ChatError) as failed:
        await client.complete([Message("user", "hello")], model="m", max_tokens=1)
    await client.aclose()
    return failed.value


@pytest.mark.parametrize(
    ("proxy", "message", "hint"),
    [
        (
            "foo://bar",
            "The proxy in https_proxy is not a valid proxy address.",
            "Write https_proxy as http://host:port",
        ),
        ("127.0.0.1:3128", "The proxy in https_proxy is not a valid", "Write https_proxy as http://host:port"),
        ("http://127.0.0.1:port", "The proxy in https_proxy is not a valid", "Write https_proxy as http://host:port"),
        (
            "socks5://127.0.0.1:9",
            "The SOCKS proxy in https_proxy needs a package",
            "pip install 'python-socks[asyncio]'",
        ),
    ],
)
def test_a_proxy_that_cannot_be_used_ends_a_session_with_a_hint(
    proxy: str, message: str, hint: str, tmp_path: Path
) -> None:
    sound = tmp_path / "sound.raw"
    sound.write_bytes(speech(1))
    done = subprocess.run(
        (*LIVEGIST, "stream", "--url", STREAM, "--source", f"cmd:cat {sound}"),
        env=os.environ | {"https_proxy": proxy, "ASSEMBLYAI_API_KEY": "key"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert message in said
    assert hint in said
    assert "mistake" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("answer", "message", "hint", "retry"),
    [
        (NEEDS_PASSWORD, "requires a user name and a password (status 407)", "Write HTTPS_PROXY as", Retry.NO),
        (FORBIDDEN, "speech.example cannot be reached through the proxy in HTTPS_PROXY: it answers with status 403.",
         "Check HTTPS_PROXY, or add speech.example to no_proxy", Retry.NO),
        (SERVER_ERROR, "it answers with status 500.", "Check HTTPS_PROXY", Retry.YES),
        (GREETING, "it does not answer as a proxy.", "Check HTTPS_PROXY", Retry.NO),
        (b"", "it closed the connection.", "Check HTTPS_PROXY", Retry.YES),
    ],
)  # fmt: skip
async def test_a_proxy_that_refuses_is_named_by_its_variable(
    answer: bytes, message: str, hint: str, retry: Retry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(answer) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:{SECRET}@{address}")
        ending = (await stream_failure()).close
    assert message in ending.meaning
    assert hint in ending.hint
    assert ending.retry is retry
    assert SECRET not in ending.meaning + ending.hint


async def test_a_proxy_that_is_down_is_named_by_its_variable(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@{dead}")
    ending = (await stream_failure()).close
    assert ending.meaning.startswith("speech.example cannot be reached through the proxy in https_proxy: ")
    assert ending.hint.startswith("Check https_proxy")
    assert ending.retry is Retry.YES
    assert SECRET not in ending.meaning


async def test_a_proxy_that_answers_a_page_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    async with answering(page) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        ending = (await stream_failure()).close
    assert re.search(
        r"the proxy in HTTPS_PROXY: (it closed the connection|what it answers is not TLS)\.", ending.meaning
    )


@pytest.mark.parametrize(
    ("answer", "meaning", "reason"),
    [
        (b"200 OK", "127.0.0.1 is not a WebSocket server: it answers with status 200.", ""),
        (b"404 Not Found", "The endpoint does not offer Streaming v3 at this address.", ""),
        (b"502 Bad Gateway", "The endpoint had an internal error.", ""),
    ],
)
async def test_a_web_page_of_an_endpoint_is_not_printed(answer: bytes, meaning: str, reason: str) -> None:
    page = b"<html><h1>Welcome</h1></html>"
    async with answering(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (answer, len(page), page)) as address:
        ending = (await stream_failure(f"ws://{address}/v3/ws")).close
    assert (ending.meaning, ending.reason) == (meaning, reason)


async def test_an_unencrypted_stream_uses_the_proxy_for_http(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{dead}")
    ending = (await stream_failure("ws://speech.example/v3/ws")).close
    assert ending.meaning.startswith("speech.example cannot be reached through the proxy in http_proxy: ")


@pytest.mark.parametrize(
    ("variable", "proxy", "message", "hint"),
    [
        ("https_proxy", "foo://bar", "The proxy in https_proxy is not a valid proxy address.", "Write https_proxy as"),
        ("ALL_PROXY", "foo://bar", "The proxy in ALL_PROXY is not a valid proxy address.", "Write ALL_PROXY as"),
        ("http_proxy", "http://127.0.0.1:port", "The proxy in http_proxy is not a valid", "Write http_proxy as"),
        ("all_proxy", "socks5://127.0.0.1:9", "The SOCKS proxy in all_proxy needs", "pip install 'httpx2[socks]'"),
    ],
)
async def test_a_chat_over_a_proxy_that_cannot_be_used_is_an_error_with_a_hint(
    variable: str, proxy: str, message: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    error = await chat_failure()
    assert message in error.message
    assert hint in error.hint
    assert not error.retry
    assert await ChatClient(CHAT).models() is None


@pytest.mark.parametrize("url", [CHAT, "http://llm.example"])
@pytest.mark.parametrize("answer", [NEEDS_PASSWORD, GREETING, b""])
async def test_a_chat_over_a_proxy_that_refuses_names_its_variable(
    answer: bytes, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(answer) as address:
        for variable in ("https_proxy", "http_proxy"):
            monkeypatch.setenv(variable, f"http://user:{SECRET}@{address}")
        error = await chat_failure(url)
    variable = f"{url.partition(':')[0]}_proxy"
    assert f"the proxy in {variable}" in error.message.replace("The", "the")
    assert variable in error.hint
    assert ("requires a user name and a password (status 407)" in error.message) is (answer == NEEDS_PASSWORD)
    assert error.retry is (answer != NEEDS_PASSWORD)
    assert SECRET not in error.message + error.hint


async def test_a_chat_over_a_proxy_that_is_down_names_its_variable(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{SECRET}@{dead}")
    error = await chat_failure()
    assert error.message.startswith("llm.example cannot be reached through the proxy in HTTPS_PROXY: ")
    assert error.hint.startswith("Check HTTPS_PROXY")
    assert SECRET not in error.message


async def test_a_host_in_no_proxy_is_not_said_to_be_behind_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "0.0.0.1")
    error = await chat_failure("https://0.0.0.1")
    assert error.message.startswith("0.0.0.1 cannot be reached: ")
    assert error.hint == "Check the network and llm_url."


@asynccontextmanager
async def redirecting(
    location: str, asked: list[Request] | None = None, status: HTTPStatus = HTTPStatus.FOUND
) -> AsyncIterator[str]:
    """Run a websocket server that redirects from `/old`; give its URL and note other requests in `asked`."""

    def redirect(connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/old":
            return None
        response = connection.respond(status, "")
        response.headers["Location"] = location.replace("{port}", str(connection.local_address[1]))
        return response

    async def attend(websocket: ServerConnection) -> None:
        if asked is not None and websocket.request is not None:
            asked.append(websocket.request)

    async with serve(attend, "127.0.0.1", 0, process_request=redirect) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def elsewhere() -> AsyncIterator[Endpoint]:
    async with fake_endpoint.running() as running:
        yield running


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_no_redirect_to_another_server_is_followed(elsewhere: Endpoint, host: str) -> None:
    async with redirecting(elsewhere.url.replace("127.0.0.1", host) + "/v3/ws") as url:
        with pytest.raises(ConnectError) as refused:
            await Connection.open(f"{url}/old", "secret")
    ending = refused.value.close
    server = elsewhere.url.replace("ws://127.0.0.1", host)
    assert ending.meaning == f"127.0.0.1 redirects to another server: {server}."
    assert ending.hint == "If you trust that server, put its address in --url."
    assert ending.retry is Retry.NO
    assert not elsewhere.calls


@pytest.mark.parametrize("location", ["/v3/ws", "ws://127.0.0.1:{port}/v3/ws", "http://127.0.0.1:{port}/v3/ws"])
async def test_a_redirect_within_the_server_is_followed_with_the_key(location: str) -> None:
    asked: list[Request] = []
    async with redirecting(location, asked) as url:
        with pytest.raises(ConnectError, match="The endpoint closed the connection"):
            await Connection.open(f"{url}/old", "secret")
    assert [(request.path, request.headers["Authorization"]) for request in asked] == [("/v3/ws", "secret")]


@pytest.mark.parametrize("location", ["https://127.0.0.1/v3/ws", "ws://127.0.0.1:port/", "nonsense://x"])
async def test_a_redirect_to_what_is_not_a_websocket_is_refused(location: str) -> None:
    async with redirecting(location) as url:
        with pytest.raises(ConnectError) as refused:
            await Connection.open(f"{url}/old", "secret")
    assert "redirects to another server" in refused.value.close.meaning
    assert refused.value.close.retry is Retry.NO


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.INTERNAL_SERVER_ERROR])
async def test_a_refusal_with_an_address_in_it_is_no_redirect(status: HTTPStatus) -> None:
    async with redirecting("ws://127.0.0.2/v3/ws", status=status) as url:
        ending = (await stream_failure(f"{url}/old")).close
    assert ending.code == status
    assert "redirect" not in ending.meaning


@pytest.mark.parametrize("url", ["http://127.0.0.1", "ws://127.0.0.1:port", "ws://127.0.0.1:99999/v3/ws?a=b"])
async def test_an_address_that_is_not_a_websocket_url_is_said_to_be_none(url: str) -> None:
    with pytest.raises(ConnectError) as refused:
        await Connection.open(url, "")
    assert refused.value.close.meaning == f"{url.partition('?')[0]} is not a valid WebSocket URL."
    assert refused.value.close.retry is Retry.NO
