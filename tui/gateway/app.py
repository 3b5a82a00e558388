"""The gateway's address: Streaming v3, chat completions and its own health on one port."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator

from tui.errors import LivegistError, MissingExtra
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
    raise MissingExtra("The local gateway", "local") from missing

from tui.gateway.completions import refused
from tui.gateway.gateway import Gateway
from tui.gateway.guard import Guard
from tui.gateway.patience import PatientProtocol
from tui.stream.protocol import MAX_MESSAGE_BYTES, WS_PATH
from tui.urls import is_loopback

__all__ = ["GatewayOptions", "Server", "build", "serve"]

GRACE_S = 15.0
"""Longest wait for sessions to finish their turns when the gateway has to leave."""


def build(options: GatewayOptions) -> Starlette:
    """Return the application.

    Raises:
        LivegistError: the speech model is not on this machine, or a model for answers cannot be used.
    """
    gateway = Gateway(options)

    @contextlib.asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        async with gateway.run():
            yield

    app = Starlette(
        routes=[
            WebSocketRoute(WS_PATH, gateway.stream),
            Route(WS_PATH, _no_websocket),
            Route("/v3/token", gateway.token),
            Route("/v1/chat/completions", gateway.chat, methods=["POST"]),
            Route("/v1/models", gateway.completions.models),
            Route("/healthz", gateway.health),
            Route("/metrics", gateway.measure),
            WebSocketRoute("/{path:path}", _no_stream),
        ],
        middleware=[Middleware(Guard, token=options.token)],
        exception_handlers={404: _not_there, 405: _not_there},
        lifespan=life,
    )
    app.state.gateway = gateway
    return app


async def _no_websocket(request: Request) -> Response:
    refusal = refused(426, "Streaming takes a websocket")
    refusal.headers.update({"upgrade": "websocket", "connection": "upgrade"})
    return refusal


async def _no_stream(websocket: WebSocket) -> None:
    await websocket.send_denial_response(refused(404, f"There is nothing here; streaming is at {WS_PATH}"))


async def _not_there(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return refused(status, "There is nothing here" if status == 404 else "This takes another method")


def serve(options: GatewayOptions, host: str, port: int) -> None:
    """Listen until SIGTERM or SIGINT; say where in one line of JSON as soon as clients may connect.

    Args:
        options: how to recognise, answer and limit.
        host: address to bind to; anything but loopback needs `options.token`.
        port: 0 for a free one.

    Raises:
        LivegistError: the address cannot be bound or is open to others, or a model cannot be used.
    """
    if not options.token and not is_loopback(f"ws://{_bracketed(host)}"):
        raise LivegistError(
            f"Whoever reaches {host} could use this gateway.", "Give it a token with --token, or bind to 127.0.0.1."
        )
    server = Server(build(options), host, port)
    asyncio.run(_until_told(server, options))


async def _until_told(server: "Server", options: GatewayOptions) -> None:
    """Serve until a signal, the end of stdin if the options say so, or a failure of the model."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.leave)
    if options.exit_with_stdin:
        threading.Thread(target=_await_end, args=(loop, server.leave), daemon=True).start()
    await server.run_until_left()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        raise LivegistError(
            f"{_bracketed(host)}:{port} cannot be bound: {error.strerror or error}.", "Use --port 0 for a free port."
        ) from error
    return listener


class Server(uvicorn.Server):
    """Uvicorn that says where it listens and lets sessions finish before it leaves.

    Args:
        app: what `build` returned.
        host: address to bind to.
        port: 0 for a free one.

    Raises:
        LivegistError: the address cannot be bound.
    """

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
                ws="websockets-sansio",
                ws_max_size=MAX_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=3,
            )
        )
        self._gateway: Gateway = app.state.gateway
        self._listener = _listener(host, port)
        name, port = self._listener.getsockname()[:2]
        self.url = f"ws://{_bracketed(name)}:{port}"
        """Where it listens."""

    async def run_until_left(self) -> None:
        """Serve until `leave` is called or the model fails.

        Raises:
            LivegistError: the model cannot be loaded.
        """
        with self._listener:
            await self.serve([self._listener])
        self._gateway.check()

    def leave(self) -> None:
        """Let sessions finish, then end; call it on the loop."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the loop: uvicorn would raise them again after a clean end."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so."""
        await super().startup(sockets)
        assert self._gateway.running is not None
        self._gateway.running.add_done_callback(lambda _: self.leave())
        options, chat = self._gateway.options, self._gateway.answerer.name
        line = {"listening": self.url, "model": options.model, "chat": chat}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nobody new, let sessions finish their turns, then close."""
        for server in self.servers:
            server.close()
        await self._gateway.leave(GRACE_S)
        await super().shutdown(sockets)


def _await_end(loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
    """Read stdin to its end. `os.read` holds no lock that would hinder the interpreter's own end."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(then)
