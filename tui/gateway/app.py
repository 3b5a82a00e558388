"""The HTTP application and server: Streaming v3, chat completions, health and metrics on one port."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING

from tui.errors import LivegistError, MissingExtraError
from tui.gateway.options import GatewayOptions

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket
except ModuleNotFoundError as missing:
    raise MissingExtraError("The local gateway", "local") from missing

from tui.gateway.access import OriginMiddleware
from tui.gateway.completions import request_error
from tui.gateway.gateway import Gateway
from tui.gateway.request_timeout import RequestTimeoutProtocol
from tui.listening import listen
from tui.stream.messages import MAX_MESSAGE_BYTES
from tui.stream.query import WS_PATH
from tui.urls import bracketed, is_loopback

if TYPE_CHECKING:
    from tui.gateway.certificate import Certificate

__all__ = ["GatewayOptions", "Server", "build", "serve"]

TRUST = """\
Clients must trust {path}:
  Node: NODE_EXTRA_CA_CERTS={path}
  Python: SSL_CERT_FILE={path}
  Browsers: import it as an authority in their settings. livegist on this machine trusts it.
"""
SHUTDOWN_GRACE_S = 15.0
"""Longest wait for sessions to finish their turns at shutdown, in seconds."""


def build(options: GatewayOptions, gateway: Gateway | None = None) -> Starlette:
    """Return the application.

    Args:
        options: models, backends and limits.
        gateway: handles the requests; `None` for one with these options.

    Raises:
        LivegistError: the speech model is not installed, or a model for answers cannot be used.
    """
    gateway = gateway or Gateway(options)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with gateway.run():
            yield

    app = Starlette(
        routes=[
            WebSocketRoute(WS_PATH, gateway.stream),
            Route(WS_PATH, _upgrade_required),
            Route("/v3/token", gateway.token),
            Route("/v1/chat/completions", gateway.chat, methods=["POST"]),
            Route("/v1/models", gateway.models),
            Route("/v1/models/{id:path}", gateway.models),
            Route("/livegist/voices", gateway.remember_voice, methods=["POST"]),
            Route("/healthz", gateway.health),
            Route("/metrics", gateway.metrics_page),
            WebSocketRoute("/{path:path}", _unknown_websocket),
        ],
        middleware=[Middleware(OriginMiddleware, token=options.token)],
        exception_handlers={404: _http_error, 405: _http_error},
        lifespan=lifespan,
    )
    app.state.gateway = gateway
    return app


async def _upgrade_required(request: Request) -> Response:
    response = request_error(426, "Streaming needs a WebSocket")
    response.headers.update({"upgrade": "websocket", "connection": "upgrade"})
    return response


async def _unknown_websocket(websocket: WebSocket) -> None:
    await websocket.send_denial_response(request_error(404, f"Not found; streaming is at {WS_PATH}"))


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return request_error(status, "Not found" if status == 404 else "Method not allowed")


def serve(options: GatewayOptions, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; print the address as one line of JSON once clients may connect.

    Args:
        options: models, backends and limits.
        host: address to bind to; any but loopback needs `options.token`.
        port: 0 takes a free one.

    Raises:
        LivegistError: the address cannot be bound or is open to others without a token, or a model cannot be used.
    """
    check_access(options, host)
    certificate = select_certificate(options, host)
    server = Server(build(options), host, port, certificate)
    if certificate and certificate.authority:
        sys.stderr.write(TRUST.format(path=certificate.authority))
    asyncio.run(_serve_until_signal(server, options))


def check_access(options: GatewayOptions, host: str) -> None:
    """Raise an error if the address is open to others without a token.

    Raises:
        LivegistError: it is.
    """
    if not options.token and not is_loopback(f"ws://{bracketed(host)}"):
        raise LivegistError(
            f"Anyone who reaches {host} could use this gateway.", "Set a token with --token, or bind to 127.0.0.1."
        )


def select_certificate(options: GatewayOptions, host: str) -> "Certificate | None":
    """Return the certificate to encrypt with, `None` to serve plain text.

    Raises:
        LivegistError: it cannot be used.
    """
    if not (options.tls or options.tls_cert or options.tls_key):
        return None
    from tui.gateway import certificate

    return certificate.named(options.tls_cert, options.tls_key) if options.tls_cert else certificate.kept(host)


async def _serve_until_signal(server: "Server", options: GatewayOptions) -> None:
    """Serve until a signal, the end of stdin if the options ask for it, or a failure of the model."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    if options.exit_with_stdin:
        threading.Thread(target=_wait_for_stdin_end, args=(loop, server.stop), daemon=True).start()
    await server.run_until_stopped()


class Server(uvicorn.Server):
    """Uvicorn that prints its address and lets sessions finish before it stops.

    Args:
        app: from `build`.
        host: address to bind to.
        port: 0 takes a free one.
        certificate: to encrypt with; `None` serves plain text.

    Raises:
        LivegistError: the address cannot be bound.
    """

    def __init__(self, app: Starlette, host: str, port: int, certificate: "Certificate | None" = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=RequestTimeoutProtocol,
                ws="websockets-sansio",
                ws_max_size=MAX_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=3,
                ssl_certfile=certificate.chain if certificate else None,
                ssl_keyfile=certificate.key if certificate else None,
            )
        )
        self._gateway: Gateway = app.state.gateway
        self._listener = listen(host, port)
        name, port = self._listener.getsockname()[:2]
        self.url = f"{'wss' if certificate else 'ws'}://{bracketed(name)}:{port}"
        """Its address, as `ws://HOST:PORT` or `wss://HOST:PORT`."""
        self._authority = certificate.authority if certificate else None

    async def run_until_stopped(self) -> None:
        """Serve until `stop` is called or the model fails.

        Raises:
            LivegistError: the model cannot be loaded.
        """
        with self._listener:
            await self.serve([self._listener])
        self._gateway.check()

    def stop(self) -> None:
        """Stop after sessions have finished; call it on the loop."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the loop: uvicorn would raise them again after a clean exit."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen and print the address."""
        await super().startup(sockets)
        assert self._gateway.running is not None
        self._gateway.running.add_done_callback(lambda _: self.stop())
        options, chat = self._gateway.options, self._gateway.chat_backend.name
        line = {"listening": self.url, "model": options.model, "chat": chat}
        if self._authority:
            line["certificate"] = str(self._authority)
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no new clients, let sessions finish their turns, then close."""
        for server in self.servers:
            server.close()
        await self._gateway.drain(SHUTDOWN_GRACE_S)
        await super().shutdown(sockets)


def _wait_for_stdin_end(loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
    """Read stdin to its end, then call `then` on the loop.

    `os.read` holds no lock that would block the interpreter's exit.
    """
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(then)
