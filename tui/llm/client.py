"""Client for chat completions of any OpenAI-compatible server, streamed or not, with retries."""

import asyncio
import os
import random as chance
import re
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from tui import proxy as proxies
from tui.codec import decode_lenient
from tui.credentials import redacted
from tui.errors import ChatError
from tui.llm.protocol import (
    Completion,
    Message,
    append_delta,
    parse_completion,
    parse_delta,
    parse_error,
    parse_models,
    request,
    require_text,
)
from tui.llm.reasoning import ReasoningFilter
from tui.retry_after import parse_retry_after
from tui.trust import loopback_context
from tui.urls import host, is_complete, is_loopback, may_carry_key

if TYPE_CHECKING:
    import httpx2

__all__ = ["ChatClient", "Completion", "Message", "parse_completion", "parse_error"]

VENDOR = "assemblyai.com"
CONNECT_S = 10.0
"""Connection timeout in seconds."""
BACKOFF_S = 0.5
"""Maximum delay before the first retry, in seconds; it doubles for each further retry."""
MAX_RETRY_AFTER_S = 20.0
"""Maximum delay before a retry, in seconds; a server that asks for a longer one is not retried."""
UNKNOWN_AUTHORITY = ("self-signed certificate", "unable to get local issuer certificate")
"""Parts of OpenSSL's texts about a certificate of an authority that this machine does not know."""
FINISHED = re.compile(r'"finish_reason":\s*"')
"""What the last event of an answer contains."""
STREAM_REFUSALS = frozenset({400, 404, 405, 415, 422, 501})
"""Statuses that mean, together with the word "stream" in the error, that streaming is not supported."""


class ChatClient:
    """Client of one server.

    Args:
        base_url: URL of the server, such as `https://llm-gateway.assemblyai.com`, with or without `/v1`.
        key: API key; empty sends none.
        timeout_s: maximum wait for a response or for the next event of a stream, in seconds.
        retries: maximum number of retries after a 429, a 5xx or a failed connection.
        sleep: waits for a number of seconds.
        random: returns a number from 0 to 1, for the jitter.
        now: returns Unix time in seconds.

    Raises:
        ChatError: the URL is not valid, or the key would be sent to it unencrypted.
    """

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        timeout_s: float = 60.0,
        retries: int = 2,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = chance.random,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not is_complete(base_url):
            raise ChatError(
                f"Invalid LLM URL: {base_url!r}.", "Write llm_url as https://host or http://127.0.0.1:port."
            )
        if key and not may_carry_key(base_url):
            raise ChatError(
                f"The key would be sent to {host(base_url)} unencrypted.", "Use an https:// URL in llm_url."
            )
        if not key.isascii() or not key.isprintable():
            raise ChatError("The LLM server's key contains a character that no key has.", "Copy the key again.")
        self._base_url = api_root(base_url)
        self._key = key
        self._timeout_s = timeout_s
        self._retries = retries
        self._sleep = sleep
        self._random = random
        self._now = now
        self._http_client: httpx2.AsyncClient | None = None

    async def complete(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> Completion:
        """Return the complete answer; a `temperature` of `None` uses the model's default.

        Raises:
            ChatError: the request failed, also after the retries.
        """
        async with await self._post(request(messages, model, max_tokens, temperature)) as response:
            return parse_completion(_decode_json(await self._read(response)))

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncGenerator[str | Completion, None]:
        """Yield the answer's text as it streams, and last the complete `Completion`.

        If the server does not support streaming, the request is repeated without it. There is no retry once text was
        yielded. Wrap the generator in `contextlib.aclosing` if iteration may stop early.

        Raises:
            ChatError: the request failed, or the answer broke off.
        """
        async with await self._post_streaming(request(messages, model, max_tokens, temperature)) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                whole = parse_completion(_decode_json(await self._read(response)))
                if whole.text:
                    yield whole.text
                yield whole
                return
            whole, reasoning = Completion(""), ReasoningFilter()
            async with aclosing(self._deltas(response)) as pieces:
                async for piece in pieces:
                    text = reasoning.feed(piece.text)
                    whole = append_delta(whole, replace(piece, text=text))
                    if text:
                        yield text
            if text := reasoning.end():
                yield text
            yield require_text(append_delta(whole, Completion(text)))

    async def forward(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the response to a request as it is.

        Raises:
            ChatError: the request failed, also after the retries, or the response is not an object.
        """
        async with await self._post(body) as response:
            answer = _decode_json(await self._read(response))
        if not isinstance(answer, dict):
            raise ChatError("The LLM server sent a response that is not an object.")
        return answer

    async def forward_stream(self, body: dict[str, Any]) -> AsyncGenerator[str, None]:
        """Yield the data of the events that answer a request, as they are and without `[DONE]`.

        Raises:
            ChatError: the request failed, also after the retries, or the answer broke off.
        """
        async with await self._post(body) as response, aclosing(self._events(response)) as events:
            async for data in events:
                yield data

    async def models(self) -> list[str] | None:
        """Return the ids of the server's models, or `None` if the server does not list them."""
        import httpx2

        try:
            response = await self._client().get("/models")
        except (httpx2.HTTPError, httpx2.InvalidURL, ChatError):
            return None
        return parse_models(response.content) if response.is_success else None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http_client is not None:
            await self._http_client.aclose()

    async def _post_streaming(self, body: dict[str, Any]) -> "_Reply":
        """Request a stream with usage, else a stream without usage, else an answer without streaming."""
        streamed = body | {"stream": True}
        for variant in (streamed | {"stream_options": {"include_usage": True}}, streamed):
            try:
                return await self._post(variant)
            except _StreamingUnsupportedError:
                continue
        return await self._post(body)

    async def _post(self, body: dict[str, Any]) -> "_Reply":
        """Return the response to `body`, its content unread, retrying as configured."""
        for retry in range(self._retries + 1):
            try:
                return await self._send_once(body)
            except ChatError as error:
                pause_s = self._pause_s(retry, error)
                if pause_s is None:
                    raise
                await self._sleep(pause_s)
        raise AssertionError("the last attempt either returns or raises")

    def _pause_s(self, retry: int, error: ChatError) -> float | None:
        """Return the seconds to wait before the next retry, or `None` to give up.

        The delay is drawn uniformly from zero to a limit that doubles (AWS's "full jitter"), and added to the delay
        that the server asks for.
        """
        requested_s = error.retry_after_s or 0.0
        if not error.retry or retry >= self._retries or requested_s > MAX_RETRY_AFTER_S:
            return None
        return min(MAX_RETRY_AFTER_S, requested_s + self._random() * BACKOFF_S * 2.0**retry)

    async def _send_once(self, body: dict[str, Any]) -> "_Reply":
        import httpx2

        try:
            client = self._client()
            response = await client.send(client.build_request("POST", "/chat/completions", json=body), stream=True)
        except httpx2.ReadTimeout as error:
            raise self._timeout_error() from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._connection_error(error) from error
        if response.is_success:
            return _Reply(response)
        async with _Reply(response):
            wait_s = parse_retry_after(response.headers.get("retry-after"), self._now())
            if response.status_code == httpx2.codes.PROXY_AUTHENTICATION_REQUIRED:
                raise ChatError(*proxies.unauthorized(self._proxy_variable() or proxies.SYSTEM_SETTINGS))
            refused = parse_error(response.status_code, await self._read(response), retry_after_s=wait_s)
            refused.message = redacted(refused.message, self._key)
        if body.get("stream") and response.status_code in STREAM_REFUSALS and "stream" in refused.message.lower():
            raise _StreamingUnsupportedError(refused.message, refused.hint, status=refused.status)
        raise refused

    async def _deltas(self, response: "httpx2.Response") -> AsyncGenerator[Completion, None]:
        """Yield the deltas of an event stream until `[DONE]`, or until it closes after a `finish_reason`."""
        async with aclosing(self._events(response)) as events:
            async for data in events:
                yield parse_delta(_decode_json(data))

    async def _events(self, response: "httpx2.Response") -> AsyncGenerator[str, None]:
        """Yield the data of an event stream until `[DONE]`, or until it closes after a `finish_reason`."""
        import httpx2

        events = aiter(httpx2.EventSource(response))
        finished = False
        try:
            while True:
                async with asyncio.timeout(self._timeout_s):
                    event = await anext(events)
                if event.data == "[DONE]":
                    return
                finished = finished or bool(FINISHED.search(event.data))
                yield event.data
        except StopAsyncIteration:
            if not finished:
                raise _connection_broken("the connection closed") from None
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _connection_broken(str(error) or "no more data arrived") from error

    async def _read(self, response: "httpx2.Response") -> bytes:
        import httpx2

        try:
            async with asyncio.timeout(self._timeout_s):
                return await response.aread()
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise self._timeout_error() from error
        except httpx2.HTTPError as error:
            raise self._connection_error(error) from error

    def _client(self) -> "httpx2.AsyncClient":
        if self._http_client is None:
            import httpx2

            headers = {"Authorization": authorization(self._base_url, self._key)} if self._key else {}
            try:
                self._http_client = httpx2.AsyncClient(
                    base_url=self._base_url,
                    headers=headers,
                    timeout=httpx2.Timeout(self._timeout_s, connect=min(CONNECT_S, self._timeout_s)),
                    verify=self._tls_verification(),
                    # A proxy from the environment would send a loopback request, and its key, off this machine.
                    trust_env=not is_loopback(self._base_url),
                )
            except (ImportError, ValueError, httpx2.InvalidURL) as error:
                raise _unusable_proxy() from error
        return self._http_client

    def _tls_verification(self) -> ssl.SSLContext | bool:
        """Return the TLS setting: the system's certificates (3 MB of memory), or none for plain HTTP to loopback."""
        plain = self._base_url.lower().startswith("http://") and is_loopback(self._base_url)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else loopback_context(self._base_url) or True

    def _timeout_error(self) -> ChatError:
        return ChatError(
            f"{host(self._base_url)} did not respond within {self._timeout_s:g} s.", "Try again, or use another model."
        )

    def _connection_error(self, error: Exception) -> ChatError:
        import httpx2

        server, variable = host(self._base_url), self._proxy_variable()
        # An error without a text comes from a connection that was closed or reset.
        reason = str(error) or "the connection was closed"
        if any(part in reason for part in UNKNOWN_AUTHORITY):
            return ChatError(
                f"The certificate of {server} cannot be trusted.",
                "If you trust it, set SSL_CERT_FILE to the file of its authority.",
            )
        if isinstance(error, httpx2.ProxyError) and reason.startswith("407"):
            return ChatError(*proxies.unauthorized(variable or proxies.SYSTEM_SETTINGS))
        if variable:
            return ChatError(*proxies.unusable(variable, server, reason.rstrip(".")), retry=True)
        return ChatError(f"{server} cannot be reached: {reason}", "Check the network and llm_url.", retry=True)

    def _proxy_variable(self) -> str:
        """Return the environment variable of the proxy that is used for the server; empty if there is none."""
        from urllib.request import proxy_bypass

        if is_loopback(self._base_url) or proxy_bypass(host(self._base_url)):
            return ""
        return next(iter(proxies.proxy_variables((urlsplit(self._base_url).scheme, "all"))), "")


def _unusable_proxy() -> ChatError:
    """Return the error for the first proxy variable that is not valid; httpx rejects all of them for one."""
    import httpx2

    for variable in proxies.proxy_variables(("http", "https", "all")):
        proxy = os.environ[variable]
        try:
            httpx2.AsyncClient(proxy=proxy if "://" in proxy else f"http://{proxy}", trust_env=False)
        except ImportError:
            return ChatError(*proxies.unsupported(variable, "httpx2[socks]"))
        except (ValueError, httpx2.InvalidURL):
            return ChatError(*proxies.invalid(variable))
    return ChatError(*proxies.invalid(proxies.SYSTEM_SETTINGS))


class _StreamingUnsupportedError(ChatError):
    """The server does not support streaming."""


class _Reply(AbstractAsyncContextManager["httpx2.Response"]):
    """A response that is closed at the end of its `async with`."""

    def __init__(self, response: "httpx2.Response") -> None:
        self._response = response

    async def __aenter__(self) -> "httpx2.Response":
        return self._response

    async def __aexit__(self, *exception: object) -> None:
        await self._response.aclose()


def api_root(base_url: str) -> str:
    """Return the base URL of the API: `/v1` is appended unless the URL contains a version.

    Many examples of other programs name the whole path of the chats, which is removed.
    """
    base = base_url.rstrip("/").removesuffix("/chat/completions")
    return base if re.search(r"//[^/]+/(.*/)?v\d+\w*(/|$)", base) else f"{base}/v1"


def is_vendor(url: str) -> bool:
    """Return whether `url` belongs to AssemblyAI."""
    return f".{host(url)}".endswith(f".{VENDOR}")


def authorization(url: str, key: str) -> str:
    """Return the value of the `Authorization` header: the raw key for AssemblyAI, a bearer token for others."""
    return key if is_vendor(url) else f"Bearer {key}"


def _decode_json(body: bytes | str) -> Any:
    try:
        return decode_lenient(body)
    except msgspec.DecodeError as error:
        raise ChatError(
            f"The LLM server sent a response that is not JSON: {error}",
            "Check that llm_url is an OpenAI-compatible server.",
        ) from error


def _connection_broken(reason: str) -> ChatError:
    return ChatError(f"The answer broke off: {reason}.", "Ask again.")
