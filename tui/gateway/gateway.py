"""The gateway itself: who is let in, the sessions that run, and the parts that they share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from tui.errors import LivegistError
from tui.gateway import tokens, vad
from tui.gateway.chat import Answerer, Extractive, Upstream
from tui.gateway.completions import Completions, refused
from tui.gateway.fitting import Fitted
from tui.gateway.guard import credential, matches
from tui.gateway.metrics import Metrics
from tui.gateway.models import find_model
from tui.gateway.options import GatewayOptions
from tui.gateway.parameters import BadParameter, Parameters, parse
from tui.gateway.pcm import RATE
from tui.gateway.recogniser import Recogniser
from tui.gateway.refusal import Refusal
from tui.gateway.scheduler import Scheduler
from tui.gateway.session import Session, tell_refusal
from tui.llm.client import ChatClient


class Gateway:
    """Everything behind the address.

    Args:
        options: how to recognise, answer and limit.

    Raises:
        LivegistError: the speech model is not on this machine, or a model for answers cannot be used.
    """

    def __init__(self, options: GatewayOptions) -> None:
        self.options = options
        folder = find_model(options.model, download=options.download)
        self.scheduler = Scheduler(lambda: Recogniser(folder, options.device, options.threads))
        self.answerer = answerer(options)
        self.metrics = Metrics()
        self.completions = Completions(self.answerer, self.metrics)
        self.sessions: set[Session] = set()
        self.running: asyncio.Task[None] | None = None
        """Hears; ends only by an error, such as a model that cannot be loaded."""
        self._tokens = tokens.Tokens()
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
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                for session in tuple(self.sessions):
                    session.leave()
                for session in tuple(self.sessions):
                    await session.ended.wait()

    async def stream(self, websocket: WebSocket) -> None:
        """Serve `/v3/ws`. Whoever is refused is told after the upgrade, as the service does."""
        await websocket.accept()
        try:
            session = await self._admit(websocket)
        except Refusal as refusal:
            self.metrics.count("refusals_total", label=f'code="{refusal.code}"')
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(*await tell_refusal(websocket, refusal))
            return
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
        assert self._detector is not None
        longest_s = self._longest_s(websocket)
        try:
            parameters, ignored = parse(websocket.query_params.multi_items())
        except BadParameter as error:
            raise Refusal(3006, f"Invalid parameter: {error}") from error
        ignored = sorted({*ignored, *self._unheard(parameters)})
        detector = vad.VoiceDetector(await self._detector)
        if len(self.sessions) >= self.options.max_sessions:
            raise Refusal(3009, "Too many concurrent sessions")
        session = Session(
            websocket,
            parameters,
            ignored,
            self.scheduler,
            detector,
            self.answerer,
            self.metrics,
            model=self.options.model,
            longest_s=longest_s,
        )
        self.sessions.add(session)
        self.metrics.count("sessions_total")
        return session

    def _unheard(self, parameters: Parameters) -> list[str]:
        """Return the parameters that ask for languages that the model does not know."""
        recogniser = self.scheduler.recogniser
        known = recogniser.languages if recogniser else ["en"] if self.options.model.endswith(".en") else None
        if known is None or (parameters.languages and set(parameters.languages) <= set(known)):
            return []
        asked = [name for name in ("language_codes", "language_code") if getattr(parameters, name)]
        if parameters.language_detection and len(known) == 1:
            asked.append("language_detection")
        return asked

    def _longest_s(self, connection: HTTPConnection) -> float:
        """Return how long a client's session may be.

        Raises:
            Refusal: it presents nothing that lets it in.
        """
        presented = credential(connection)
        if presented.startswith(tokens.PREFIX):
            try:
                grant = self._tokens.redeem(presented)
            except tokens.BadToken as error:
                raise Refusal(1008, f"Unauthorized connection: {error}") from error
            return min(self.options.max_session_s, grant.session_s or self.options.max_session_s)
        if not self._knows(connection):
            raise Refusal(1008, "Unauthorized connection: Missing or invalid API key")
        return self.options.max_session_s

    def _knows(self, connection: HTTPConnection) -> bool:
        return not self.options.token or matches(credential(connection), self.options.token)

    async def token(self, request: Request) -> Response:
        """Serve `/v3/token`."""
        if not self._knows(request):
            return refused(401, "Missing or invalid API key")
        try:
            expires_s = _within(request, "expires_in_seconds", tokens.EXPIRES_S)
            session_s = _within(request, "max_session_duration_seconds", tokens.SESSION_S)
        except ValueError as error:
            return refused(400, str(error))
        if expires_s is None:
            return refused(400, "expires_in_seconds is missing")
        return JSONResponse({"token": self._tokens.issue(expires_s, session_s), "expires_in_seconds": expires_s})

    async def chat(self, request: Request) -> Response:
        """Serve `/v1/chat/completions`."""
        if not self._knows(request):
            return refused(401, "Missing or invalid API key")
        return await self.completions.chat(request)

    async def health(self, request: Request) -> Response:
        """Serve `/healthz`: 200 when the model is loaded, 503 before."""
        ready = self.scheduler.recogniser is not None
        body = {"status": "ok" if ready else "loading", "model": self.options.model, "sessions": len(self.sessions)}
        return JSONResponse(body, 200 if ready else 503)

    async def measure(self, request: Request) -> Response:
        """Serve `/metrics`."""
        if not self._knows(request):
            return refused(401, "Missing or invalid API key")
        scheduler = self.scheduler
        gauges = {
            "sessions": len(self.sessions),
            "finals_waiting": scheduler.waiting,
            "backlog_seconds": sum(session.hearing.backlog for session in self.sessions) / RATE,
            "recogniser_busy_seconds_total": scheduler.busy_s,
            "recogniser_heard_seconds_total": scheduler.heard_s,
            "realtime_factor": scheduler.heard_s / scheduler.busy_s if scheduler.busy_s else 0.0,
        }
        return PlainTextResponse(self.metrics.text(gauges), media_type="text/plain; version=0.0.4")


def answerer(options: GatewayOptions) -> Answerer:
    """Return who answers under these options.

    Raises:
        LivegistError: the server's address is none, or the model's file is not there.
    """
    if options.llm_url:
        return Fitted(Upstream(ChatClient(options.llm_url, options.llm_key), options.llm_model))
    if options.llm_file:
        from tui.gateway.gguf import Gguf

        return Fitted(Gguf(Path(options.llm_file).expanduser()))
    return Fitted(Extractive())


def _within(request: Request, name: str, limits: tuple[int, int]) -> int | None:
    """Return a number of the query, `None` if it is not there.

    Raises:
        ValueError: it is no number or outside the limits.
    """
    written = request.query_params.get(name)
    if written is None:
        return None
    low, high = limits
    if not written.isascii() or not written.isdigit() or not low <= int(written[:9]) <= high:
        raise ValueError(f"{name} takes a whole number from {low} to {high}")
    return int(written)
