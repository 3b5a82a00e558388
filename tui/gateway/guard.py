"""Who may come in: nobody's web page, and with a token set only those who know it."""

import hmac

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tui.urls import is_loopback


class Guard:
    """Turns away what a browser sends for a page from elsewhere; wraps the application.

    A page may open a websocket to any address, and may rename itself to 127.0.0.1 after it was loaded. The browser
    always says the page's `Origin` and the name in `Host`: without a token both must be loopback.

    Args:
        app: the application.
        token: what clients must present; empty if loopback is all the protection there is.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403."""
        if scope["type"] in ("http", "websocket") and not self._token and not _is_ours(HTTPConnection(scope)):
            refusal = {"error": "Web pages may not use this gateway", "status": 403}
            await JSONResponse(refusal, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_ours(connection: HTTPConnection) -> bool:
    origin = connection.headers.get("origin")
    return is_loopback(f"http://{connection.headers.get('host', '')}") and (origin is None or is_loopback(origin))


def credential(connection: HTTPConnection) -> str:
    """Return what a client presents: the raw header, one with `Bearer`, or the `token` of the query."""
    header = connection.headers.get("authorization", "")
    return header.removeprefix("Bearer ").strip() or connection.query_params.get("token", "")


def matches(presented: str, token: str) -> bool:
    """Return whether a client presents the token, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(presented.encode(), token.encode())
