"""The gateway itself: who is let in, the sessions that run, and the parts that they share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from tui.errors import LivegistError
from tui.gateway import vad
from tui.gateway.chat import answerer
from tui.gateway.options import GatewayOptions
from tui.gateway.parameters import BadParameter, parse
from tui.gateway.recogniser import Recogniser, find_model
from tui.gateway.refusal import Refusal
from tui.gateway.scheduler import Scheduler
from tui.gateway.session import Session, tell_refusal


class Gateway:
    """Everything behind the address.

    Args:
        options: how to recognise, answer and limit.

    Raises:
        LivegistError: the speech model is not on this machine, or a model for answers cannot be used.
    """

    def __init__(self, options: GatewayOptions) -> None:
        self.options = options
        folder = find_model(options.model)
        self.scheduler = Scheduler(lambda: Recogniser(folder, options.device, options.threads))
        self.answerer = answerer(options)
        self.sessions: set[Session] = set()
        self.running: asyncio.Task[None] | None = None
        """Hears; ends only by an error, such as a model that cannot be loaded."""
        self._detector: asyncio.Future[Any] | None = None

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Load the models and hear until the block is left."""
        self._detector = asyncio.ensure_future(asyncio.to_thread(vad.load))
        self.running = asyncio.create_task(self.scheduler.run())
        try:
            yield
        finally:
            self.running.cancel()
            await asyncio.wait((self.running, self._detector))
            await self.answerer.aclose()

    def check(self) -> None:
        """Raise what ended the recogniser, if anything did.

        Raises:
            LivegistError: the model cannot be loaded.
        """
        if self.running and self.running.done() and not self.running.cancelled():
            error = self.running.exception()
            if error:
                raise LivegistError(
                    f"The speech model {self.options.model!r} cannot be used: {error}",
                    "Check the folder, the device and the memory that is free.",
                ) from error

    async def leave(self, grace_s: float) -> None:
        """Let every session finish its turns, for at most `grace_s` seconds."""
        deadline = asyncio.get_running_loop().time() + grace_s
        for session in tuple(self.sessions):
            session.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                for session in tuple(self.sessions):
                    await session.ended.wait()

    async def stream(self, websocket: WebSocket) -> None:
        """Serve `/v3/ws`. Whoever is refused is told after the upgrade, as the service does."""
        await websocket.accept()
        try:
            session = await self._admit(websocket)
        except Refusal as refusal:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(*await tell_refusal(websocket, refusal))
            return
        self.sessions.add(session)
        try:
            await session.run()
        finally:
            self.sessions.discard(session)
            session.ended.set()

    async def _admit(self, websocket: WebSocket) -> Session:
        """Return a session for a client.

        Raises:
            Refusal: it may not have one.
        """
        if not self._knows(websocket):
            raise Refusal(1008, "Unauthorized connection: Missing or invalid API key")
        try:
            parameters, ignored = parse(websocket.query_params.multi_items())
        except BadParameter as error:
            raise Refusal(3006, f"Invalid parameter: {error}") from error
        if len(self.sessions) >= self.options.max_sessions:
            raise Refusal(3009, "Too many concurrent sessions")
        assert self._detector is not None
        return Session(
            websocket,
            parameters,
            ignored,
            self.scheduler,
            vad.VoiceDetector(await self._detector),
            self.answerer,
            model=self.options.model,
            longest_s=self.options.max_session_s,
        )

    def _knows(self, connection: HTTPConnection) -> bool:
        return not self.options.token or credential(connection) == self.options.token

    async def models(self, request: Request) -> Response:
        """Serve `/v1/models`."""
        names = await self.answerer.models() or []
        return JSONResponse({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})

    async def health(self, request: Request) -> Response:
        """Serve `/healthz`: 200 when the model is loaded, 503 before."""
        ready = self.scheduler.recogniser is not None
        body = {"status": "ok" if ready else "loading", "model": self.options.model, "sessions": len(self.sessions)}
        return JSONResponse(body, 200 if ready else 503)


def credential(connection: HTTPConnection) -> str:
    """Return what a client presents: the raw header, one with `Bearer`, or the `token` of the query."""
    header = connection.headers.get("authorization", "")
    return header.removeprefix("Bearer ").strip() or connection.query_params.get("token", "")
