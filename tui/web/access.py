"""Access to the pages: `Host`, `Origin`, and the token, which a cookie replaces after its first use."""

import hmac
import secrets
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from tui.urls import is_loopback

COOKIE = "livegist-{port}"
"""Name of the cookie. Browsers send cookies to all ports of a host, so each server needs a name of its own."""
OPEN_ROUTES = frozenset({"index", "login", "static", "page"})
"""Routes that answer without a token: the form that asks for it and the files that every page needs."""


class Access:
    """Rejects requests of other web pages and of clients without the token.

    A page of another site may open a WebSocket to any address, and DNS rebinding can point its own host at 127.0.0.1.
    Browsers always send `Host`, and `Origin` with each WebSocket and each form.

    Args:
        token: required of clients; empty if only the loopback address protects the pages.
        port: the server's port.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token
        self._cookie = COOKIE.format(port=port)
        self._session = secrets.token_urlsafe(32)
        """Value of the cookie: not the token, which other servers on this host could otherwise read."""

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass a request on, or reject it with 401 or 403."""
        if not self._token and not is_loopback(f"http://{request.host}"):
            return web.Response(status=403, text="Without a token, only this machine may open livegist.\n")
        if not is_same_origin(request):
            return web.Response(status=403, text="Other web pages may not use livegist.\n")
        if request.match_info.route.name not in OPEN_ROUTES and not self.is_granted(request):
            return web.Response(status=401, text="This needs the token.\n")
        return await handler(request)

    def is_granted(self, request: web.Request) -> bool:
        """Return whether no token is needed, or the request has the cookie that replaces it."""
        presented = request.cookies.get(self._cookie, "")
        return not self._token or _equal(presented, self._session)

    def is_token(self, presented: str) -> bool:
        """Return whether the text is the token, in constant time."""
        return bool(self._token) and _equal(presented, self._token)

    def grant(self, request: web.Request) -> web.Response:
        """Return the redirection to the page without the token, with the cookie that replaces the token."""
        # Relative: behind a proxy the page may have another path.
        response = web.Response(status=303, headers={"Location": "./"})
        encrypted = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(self._cookie, self._session, httponly=True, samesite="Strict", secure=encrypted)
        return response


def is_same_origin(request: web.Request) -> bool:
    """Return whether a request comes from a page of this server, or from no page."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()


def _equal(presented: str, expected: str) -> bool:
    """Return whether both are equal, in constant time; a header may contain bytes that are no text."""
    return hmac.compare_digest(presented.encode(errors="surrogateescape"), expected.encode())
