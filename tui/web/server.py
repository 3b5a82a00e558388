"""Server of the pages: textual-serve with access control, and with files of its own that need no internet."""

import asyncio
import shlex
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from tui.errors import LivegistError
from tui.urls import bracketed, is_loopback
from tui.web.access import Access

PAGE = Path(__file__).with_name("page")
"""Files of the page. Textual-serve's own page loads a font from another host."""
MAX_PAGES = 32
"""Maximum number of open pages: each is a process of about 50 MB."""
SHUTDOWN_S = 3.0
"""Time for the pages to close when the server stops."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of each response: nothing from other hosts, no page of livegist inside another page, no address passed on."""


class PageServer(Server):
    """Server of the dashboard, which runs one viewer process for each page.

    Args:
        access: decides which requests are answered.
        watch: whether pages may only look.
    """

    def __init__(self, access: Access, *, watch: bool) -> None:
        command = [sys.executable, "-P", "-m", "tui", "page", *(["--watch"] if watch else [])]
        super().__init__(f"exec {shlex.join(command)}", title="livegist")
        self._access = access
        self._pages = 0

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._access.check)
        app.on_response_prepare.append(_add_headers)
        app.add_routes(
            [web.post("/", self.handle_login, name="login"), web.static("/page", PAGE, name="page")],
        )
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing."""

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Answer with the page, or with the form for the token; a token in the address is replaced by a cookie."""
        if self._access.is_token(request.query.get("token", "")):
            return self._access.grant(request)
        granted = self._access.is_granted(request)
        return _document("index.html") if granted else _document("token.html", 401)

    async def handle_login(self, request: web.Request) -> web.StreamResponse:
        """Replace the token from the form by a cookie."""
        presented = str((await request.post()).get("token", ""))
        return self._access.grant(request) if self._access.is_token(presented) else _document("token.html", 401)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run a viewer for a page until one of them ends."""
        if self._pages >= MAX_PAGES:
            raise web.HTTPServiceUnavailable(text=f"{MAX_PAGES} pages are open. Close one of them.\n")
        self._pages += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._pages -= 1

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: AppService) -> None:
        """Pass keys on to the viewer, and close the page with it: a viewer that was killed could not say so."""
        assert app_service._task is not None
        app_service._task.add_done_callback(lambda _: asyncio.ensure_future(websocket.close()))
        await super()._process_messages(websocket, app_service)

    async def run(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT.

        Args:
            listener: a listening socket.
            ready: called once pages can be opened.
        """
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        # An access log would contain the token of the first request.
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            ready()
            await stopped.wait()
        finally:
            await runner.cleanup()


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _document(name: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=(PAGE / name).read_text(encoding="utf-8"), content_type="text/html")


def check_access(host: str, token: str) -> None:
    """Raise an error if an address is open to other machines without a token.

    Raises:
        LivegistError: it is.
    """
    if not token and not is_loopback(f"http://{bracketed(host)}"):
        raise LivegistError(
            f"Anyone who reaches {host} could use this dashboard.",
            "Set a token with --token or livegist login --web, or bind to 127.0.0.1.",
        )
