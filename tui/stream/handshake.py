"""Opening a WebSocket: proxies, redirects, failed handshakes. Imports `websockets`, so import it late."""

import re
import socket
import ssl
import time
from urllib.parse import urljoin, urlsplit

from msgspec.structs import replace
from websockets.asyncio.client import connect
from websockets.exceptions import (
    InvalidHandshake,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.proxy import get_proxy, parse_proxy
from websockets.uri import WebSocketURI, parse_uri

from tui import proxy as proxies
from tui.retry_after import parse_retry_after
from tui.stream import close_codes
from tui.stream.close_codes import CloseInfo, Retry
from tui.urls import ENCRYPTED, bracketed, host, is_loopback

FAILURES = (InvalidHandshake, InvalidProxy, InvalidURI, OSError, EOFError, ImportError)
"""Errors that `connect` and `find_proxy` raise; `TimeoutError` is an `OSError`."""


ANOTHER_SERVER_HINT = "Check the address in --url; a network may also ask you to log in with a browser first."
UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""Codes of OpenSSL for a certificate that is self-signed, or signed by an authority that this machine does not know."""


class RedirectError(InvalidHandshake):
    """Redirect to another origin, which gets neither the key nor the audio."""

    def __init__(self, location: str) -> None:
        self.server = urlsplit(location).netloc.rpartition("@")[2] if host(location) else "its address is not valid"
        """`host:port`, or a note that the address is not valid."""
        super().__init__(f"redirected to another server: {self.server}")


class SameOriginConnect(connect):
    """Connect that follows redirects only within the requested scheme, host and port."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the address to follow, or the error that ends the connection."""
        if isinstance(exc, InvalidStatus) and 300 <= exc.response.status_code < 400:
            headers = exc.response.headers
            for location in headers.get_all("Location"):
                # Reverse proxies write https:// also where wss:// was requested.
                address = re.sub("^http", "ws", urljoin(self.uri, location), flags=re.IGNORECASE)
                if not _same_origin(self.ws_uri, address):
                    return RedirectError(address)
                del headers["Location"]
                headers["Location"] = address
        return super().process_redirect(exc)


def find_proxy(url: str) -> str | None:
    """Return the proxy for `url`, `None` for a direct connection, which loopback always is.

    Raises:
        InvalidURI: `url` is not a valid WebSocket URL.
        InvalidProxy: the proxy's address is not valid.
    """
    try:
        uri = parse_uri(url)
    except ValueError as error:
        raise InvalidURI(url, str(error)) from error
    if is_loopback(url) or (proxy := get_proxy(uri)) is None:
        return None
    try:
        parse_proxy(proxy)
    except ValueError as error:
        raise InvalidProxy(proxy, str(error)) from error
    return proxy


def failure(url: str, proxy: str | None, error: Exception) -> CloseInfo:
    """Return the reason and the hint for one of `FAILURES`.

    Args:
        url: the address of the endpoint.
        proxy: the proxy used, `None` if there is none or its address is not valid.
        error: the error raised.
    """
    name = host(url)
    retry, hint = Retry.YES, "Check the network."
    match error:
        case InvalidStatus(response=response):
            if response.status_code < 400:
                # Not a refusal, but another server, such as the log-in page of a hotel.
                meaning = f"{name} is not a WebSocket server: it answers with status {response.status_code}."
                return CloseInfo(close_codes.LOST, "", retry, meaning, ANOTHER_SERVER_HINT)
            refused = close_codes.classify_close(response.status_code, _text(response.body))
            asked_s = parse_retry_after(response.headers.get("Retry-After"), time.time())
            return replace(refused, retry_after_s=asked_s or 0.0)
        case InvalidProxy() | ImportError() | ProxyError():
            return _proxy_failure(url, error)
        case ssl.SSLCertVerificationError():
            retry, meaning = Retry.NO, f"The certificate of {name} cannot be trusted: {error.verify_message}."
            hint = (
                "If you trust it, set SSL_CERT_FILE to the file of its authority."
                if error.verify_code in UNKNOWN_AUTHORITY
                else "Check the clock of this machine and the address in --url."
            )
        case OSError() if proxy is not None:
            return _proxy_failure(url, error)
        case socket.gaierror():
            meaning = f"The host name {name} was not found."
        case ConnectionRefusedError():
            address = urlsplit(url)
            port = address.port or (443 if address.scheme in ENCRYPTED else 80)
            meaning = f"Nothing listens at {bracketed(name)}:{port}."
            hint = "Is the endpoint running?"
        case TimeoutError():
            meaning = f"{name} does not answer."
        case OSError():
            meaning = f"{name} cannot be reached: {error.strerror or error}."
        case InvalidURI():
            retry, meaning = Retry.NO, f"{url.partition('?')[0]} is not a valid WebSocket URL."
            hint = "Write ws:// or wss://."
        case RedirectError(server=server):
            retry, meaning = Retry.NO, f"{name} redirects to another server: {server}."
            hint = "If you trust that server, put its address in --url."
        case _ if isinstance(error.__cause__, EOFError | OSError):
            meaning = f"{name} closed the connection before it answered."
        case _:
            meaning = f"{name} is not a WebSocket server: {error}."
            hint = "Check the address in --url."
    return CloseInfo(close_codes.LOST, "", retry, meaning, hint)


def _proxy_failure(url: str, error: Exception) -> CloseInfo:
    """Return the reason and the hint for a proxy that cannot be used for `url`."""
    secure = url.lower().startswith("wss:")
    # The order in which `websockets` looks for one.
    schemes = ("wss", "socks", "https") if secure else ("ws", "socks", "https", "http")
    variable = next(iter(proxies.proxy_variables(schemes)), proxies.SYSTEM_SETTINGS)
    retry = Retry.NO
    match error:
        case InvalidProxy():
            fault = proxies.invalid(variable)
        case ImportError():
            fault = proxies.unsupported(variable, "python-socks[asyncio]")
        case InvalidProxyStatus(response=response) if response.status_code == 407:
            fault = proxies.unauthorized(variable)
        case InvalidProxyStatus(response=response):
            retry = Retry.YES if response.status_code >= 500 else Retry.NO
            fault = proxies.unusable(variable, host(url), f"it answers with status {response.status_code}")
        case ProxyError() if not isinstance(error.__cause__, OSError | EOFError):
            fault = proxies.unusable(variable, host(url), "it does not answer as a proxy")
        case _:
            retry, fault = Retry.YES, proxies.unusable(variable, host(url), _reason(error))
    return CloseInfo(close_codes.LOST, "", retry, *fault)


def _reason(error: Exception) -> str:
    match error:
        case ProxyError() | ConnectionResetError():
            return "it closed the connection"
        case socket.gaierror():
            return "its host name was not found"
        case TimeoutError():
            return "no answer"
        case ssl.SSLError():
            return "what it answers is not TLS"
        case OSError(strerror=str(reason)) if reason:
            return reason
        case _:
            return str(error)


def _text(body: bytes | bytearray) -> str:
    """Return the reason in the body of a refusal; empty for a web page."""
    return "" if body.lstrip().startswith(b"<") else body.decode(errors="replace")


def _same_origin(one: WebSocketURI, other: str) -> bool:
    try:
        uri = parse_uri(other)
    except (InvalidURI, ValueError):
        return False
    return (one.secure, one.host, one.port) == (uri.secure, uri.host, uri.port)
