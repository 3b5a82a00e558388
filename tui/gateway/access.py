"""Access control: origins of browsers, and the token of clients."""

import hmac

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tui.urls import is_loopback

BEARER = "bearer "


class OriginMiddleware:
    """Rejects requests of web pages from other origins; wraps the application.

    A page may open a WebSocket to any address, and DNS rebinding can point the page's host at 127.0.0.1. Browsers
    always send `Origin` and `Host`: without a token both must be loopback.

    Args:
        app: the application.
        token: required of clients; empty if only the loopback address protects the gateway.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it with 403."""
        if scope["type"] in ("http", "websocket") and not self._token and not _is_local(HTTPConnection(scope)):
            body = {"error": "Web pages may not use this gateway", "status": 403}
            await JSONResponse(body, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_local(connection: HTTPConnection) -> bool:
    origin = connection.headers.get("origin")
    return is_loopback(f"http://{connection.headers.get('host', '')}") and (origin is None or is_loopback(origin))


def credential(connection: HTTPConnection) -> str:
    """Return a client's credential: the raw `Authorization` header, its `Bearer` value, or `token` of the query."""
    header = connection.headers.get("authorization", "")
    # The name of a scheme may have any case (RFC 9110, 11.1).
    value = header[len(BEARER) :] if header[: len(BEARER)].lower() == BEARER else header
    return value.strip() or connection.query_params.get("token", "")


def matches(presented: str, token: str) -> bool:
    """Return whether the credential is the token, in constant time."""
    return hmac.compare_digest(presented.encode(), token.encode())
