"""The gateway: admission of clients, running sessions, and the parts that sessions share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from tui.errors import LivegistError
from tui.gateway import tokens, vad
from tui.gateway.access import credential, matches
from tui.gateway.chat_backends import ChatBackend, ExtractiveBackend, ProxyBackend
from tui.gateway.client_session import ClientSession, SessionRefusedError, send_error
from tui.gateway.completions import Completions, request_error
from tui.gateway.context_limit import TruncatingBackend
from tui.gateway.metrics import Metrics, exposition
from tui.gateway.onnx import OnnxRecogniser
from tui.gateway.options import GatewayOptions
from tui.gateway.parameters import InvalidParameterError, Parameters, parse
from tui.gateway.pcm import RATE
from tui.gateway.recogniser import Recogniser
from tui.gateway.scheduler import Scheduler
from tui.gateway.speech_models import InstalledModel, find_model
from tui.gateway.turn_model import SmartTurn, TurnModel, find_turn_model
from tui.gateway.whisper import WhisperRecogniser
from tui.llm.client import ChatClient
from tui.urls import is_loopback

if TYPE_CHECKING:
    from tui.gateway.speaker_labels import Labeller, SpeakerLabels


class VoiceToRemember(msgspec.Struct, frozen=True):
    """The body of a request to `/livegist/voices`."""

    session: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=1)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class Gateway:
    """The handlers of all routes, and their shared state.

    Args:
        options: models, backends and limits.
        scheduler: runs the recogniser; `None` to run the options' speech model in this process.

    Raises:
        LivegistError: the speech model is not installed, or the end-of-turn model, the speaker model or a model for
            answers cannot be used.
    """

    def __init__(self, options: GatewayOptions, scheduler: Scheduler | None = None) -> None:
        self.options = options
        self.scheduler = scheduler or local_scheduler(options)
        """Runs the recogniser."""
        path = find_turn_model(options.turn_model)
        self.turn_model: TurnModel | None = SmartTurn(path) if path else None
        """Tells whether a speaker has finished; `None` without a model."""
        self._labeller: Labeller | None = None
        """Labels speakers; `None` until a client wants it."""
        self._loading_labeller = asyncio.Lock()
        if options.speaker_model:
            # A file that cannot be used is reported at the start.
            self._labeller = self._load_labeller()
        self.chat_backend = select_chat_backend(options)
        self.metrics = Metrics()
        self.completions = Completions(self.chat_backend, self.metrics)
        self.sessions: set[ClientSession] = set()
        self.running: asyncio.Task[None] | None = None
        """Runs the scheduler; ends only by an error, such as a model that cannot be loaded."""
        self._tokens = tokens.Tokens()
        self._detector: asyncio.Future[Any] | None = None

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Load the models and transcribe until the block is left."""
        self._detector = asyncio.ensure_future(asyncio.to_thread(vad.load))
        self.running = asyncio.create_task(self.scheduler.run())
        try:
            yield
        finally:
            self.running.cancel()
            await asyncio.wait((self.running, self._detector))
            await self.chat_backend.aclose()

    def check(self) -> None:
        """Raise the error that ended the scheduler, if any.

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

    async def drain(self, grace_s: float) -> None:
        """Let all sessions finish their turns within `grace_s` seconds."""
        for session in tuple(self.sessions):
            session.stop()
        await self._until_closed(grace_s)

    async def restart_sessions(self, turn_end_s: float, grace_s: float) -> None:
        """Close all sessions such that their clients connect again and another process goes on with them.

        Args:
            turn_end_s: longest wait for the end of an open turn.
            grace_s: longest wait in all.
        """
        for session in tuple(self.sessions):
            session.restart(turn_end_s)
        await self._until_closed(grace_s)

    async def _until_closed(self, within_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                for session in tuple(self.sessions):
                    await session.closed.wait()

    async def stream(self, websocket: WebSocket) -> None:
        """Serve `/v3/ws`. A refused client gets its error after the upgrade, as from the service."""
        await websocket.accept()
        try:
            session = await self._admit(websocket)
        except SessionRefusedError as refused:
            self.metrics.count("refusals_total", label=f'code="{refused.code}"')
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(*await send_error(websocket, refused))
            return
        try:
            await session.run()
        finally:
            self.sessions.discard(session)
            session.closed.set()

    async def _admit(self, websocket: WebSocket) -> ClientSession:
        """Return a new session for a client.

        Raises:
            SessionRefusedError: the client is refused.
        """
        assert self._detector is not None
        max_duration_s = await self._max_duration_s(websocket)
        try:
            parameters, ignored = parse(websocket.query_params.multi_items())
        except InvalidParameterError as error:
            raise SessionRefusedError(3006, f"Invalid parameter: {error}") from error
        detector = vad.VoiceDetector(await self._detector)
        if len(self.sessions) >= self.options.max_sessions:
            raise SessionRefusedError(3009, "Too many concurrent sessions")
        labels = await self._speaker_labels(parameters)
        session = ClientSession(
            websocket,
            parameters,
            ignored,
            self._unsupported_languages(parameters),
            self.scheduler,
            detector,
            self.chat_backend,
            self.metrics,
            model=self.options.model,
            max_duration_s=max_duration_s,
            turn_model=self.turn_model,
            labels=labels,
        )
        self.sessions.add(session)
        self.metrics.count("sessions_total")
        return session

    async def _speaker_labels(self, parameters: Parameters) -> "SpeakerLabels | str | None":
        """Return what labels the speakers of a session, why nothing does, or `None` if the client wants no labels."""
        if not parameters.speaker_labels:
            return None
        try:
            labeller = await self._loaded_labeller()
        except LivegistError as error:
            return f"No speaker labels: {error.message} {error.hint}".rstrip()
        return labeller.labels(parameters)

    async def _loaded_labeller(self) -> "Labeller":
        """Return what labels speakers, the same for all connections, also for those that are opened at once.

        Raises:
            LivegistError: the speaker model is not installed or cannot be used.
        """
        async with self._loading_labeller:
            if self._labeller is None:
                self._labeller = await asyncio.to_thread(self._load_labeller)
        return self._labeller

    def _load_labeller(self) -> "Labeller":
        """Load the speaker model.

        Raises:
            LivegistError: it is not installed or cannot be used.
        """
        from tui.gateway.speaker_labels import Labeller

        return Labeller(self.options.speaker_model, self.options.voices)

    async def remember_voice(self, request: Request) -> Response:
        """Serve `/livegist/voices`: store a speaker's voice under a name.

        A message of the service's protocol cannot do this, and the embedding should not leave this process: the engine
        names the speaker, and the gateway writes the file. It is there only for the engine that started this gateway,
        which gives it the file, and answers loopback clients only.
        """
        if not self._is_authorized(request):
            return request_error(401, "Missing or invalid API key")
        if not self.options.voices or request.client is None or not is_loopback(f"http://{request.client.host}"):
            return request_error(404, "Not found")
        try:
            asked = msgspec.json.decode(await request.body(), type=VoiceToRemember)
        except msgspec.MsgspecError as error:
            return request_error(400, str(error))
        try:
            refused = (await self._loaded_labeller()).remember(asked.session, asked.label, asked.name)
        except LivegistError as error:
            refused = error.message
        return request_error(409, refused) if refused else JSONResponse({"name": asked.name})

    def _unsupported_languages(self, parameters: Parameters) -> list[str]:
        """Return the parameters that name languages unknown to the model."""
        recogniser = self.scheduler.recogniser
        known = recogniser.languages if recogniser else ["en"] if self.options.model.endswith(".en") else None
        if known is None or (parameters.languages and set(parameters.languages) <= set(known)):
            return []
        return [name for name in ("language_codes", "language_code") if getattr(parameters, name)]

    async def _max_duration_s(self, connection: HTTPConnection) -> float:
        """Return the longest duration of a client's session.

        Raises:
            SessionRefusedError: its credential is invalid.
        """
        presented = credential(connection)
        if presented.startswith(tokens.PREFIX):
            try:
                grant = await self.redeem_token(presented)
            except tokens.InvalidTokenError as error:
                raise SessionRefusedError(1008, f"Unauthorized connection: {error}") from error
            return min(self.options.max_session_s, grant.session_s or self.options.max_session_s)
        if not self._is_authorized(connection):
            raise SessionRefusedError(1008, "Unauthorized connection: Missing or invalid API key")
        return self.options.max_session_s

    def _is_authorized(self, connection: HTTPConnection) -> bool:
        return not self.options.token or matches(credential(connection), self.options.token)

    async def token(self, request: Request) -> Response:
        """Serve `/v3/token`."""
        if not self._is_authorized(request):
            return request_error(401, "Missing or invalid API key")
        try:
            expires_s = _within(request, "expires_in_seconds", tokens.EXPIRES_S)
            session_s = _within(request, "max_session_duration_seconds", tokens.SESSION_S)
        except ValueError as error:
            return request_error(400, str(error))
        if expires_s is None:
            return request_error(400, "expires_in_seconds is missing")
        token = await self.issue_token(expires_s, session_s)
        return JSONResponse({"token": token, "expires_in_seconds": expires_s})

    async def issue_token(self, expires_s: float, session_s: float | None) -> str:
        """Return a temporary token, as `Tokens.issue` does."""
        return self._tokens.issue(expires_s, session_s)

    async def redeem_token(self, token: str) -> tokens.Grant:
        """Return the rights of a temporary token, as `Tokens.redeem` does.

        Raises:
            InvalidTokenError: it is forged, used or expired.
        """
        return self._tokens.redeem(token)

    async def chat(self, request: Request) -> Response:
        """Serve `/v1/chat/completions`."""
        if not self._is_authorized(request):
            return request_error(401, "Missing or invalid API key")
        return await self.completions.chat(request)

    async def models(self, request: Request) -> Response:
        """Serve `/v1/models`, and a single model if the path names one."""
        if not self._is_authorized(request):
            return request_error(401, "Missing or invalid API key")
        return await self.completions.models(request)

    async def health(self, request: Request) -> Response:
        """Serve `/healthz`: 200 when the model is loaded, 503 before."""
        ready = self.scheduler.recogniser is not None
        sessions, most = await self.occupancy()
        body = {
            "status": "ok" if ready else "loading",
            "model": self.options.model,
            "sessions": sessions,
            "max_sessions": most,
        }
        return JSONResponse(body, 200 if ready else 503)

    async def occupancy(self) -> tuple[int, int]:
        """Return the number of open sessions, and how many are accepted."""
        return len(self.sessions), self.options.max_sessions

    async def metrics_page(self, request: Request) -> Response:
        """Serve `/metrics`."""
        if not self._is_authorized(request):
            return request_error(401, "Missing or invalid API key")
        return PlainTextResponse(await self.metrics_text(), media_type="text/plain; version=0.0.4")

    async def metrics_text(self) -> str:
        """Return all metrics in Prometheus text format."""
        scheduler = self.scheduler
        work = {
            "recogniser_busy_seconds_total": scheduler.busy_s,
            "recogniser_audio_seconds_total": scheduler.transcribed_s,
            "realtime_factor": scheduler.transcribed_s / scheduler.busy_s if scheduler.busy_s else 0.0,
        }
        return exposition(self.metrics.counts, self.gauges() | work)

    def gauges(self) -> dict[str, float]:
        """Return the metrics of the sessions that are open now."""
        return {
            "sessions": len(self.sessions),
            "max_sessions": self.options.max_sessions,
            "finals_waiting": self.scheduler.finals_waiting,
            "backlog_seconds": sum(session.turn_recogniser.backlog for session in self.sessions) / RATE,
        }


def local_scheduler(options: GatewayOptions) -> Scheduler:
    """Return what runs the speech model in this process.

    Raises:
        LivegistError: the model is not installed.
    """
    model = find_model(options.model)
    return Scheduler(lambda: load_recogniser(model, options))


def load_recogniser(model: InstalledModel, options: GatewayOptions) -> Recogniser:
    """Load a speech model into the implementation that runs it.

    Raises:
        LivegistError: its packages are not installed.
        ValueError, OSError, RuntimeError: its files or the device cannot be used.
    """
    match model.engine:
        case "whisper":
            return WhisperRecogniser(model.folder, options.device, options.threads, model.name)
        case "onnx":
            return OnnxRecogniser(model, options.device, options.threads)


def select_chat_backend(options: GatewayOptions) -> ChatBackend:
    """Return the chat backend that the options select.

    Raises:
        LivegistError: the server's URL is invalid, or the model file does not exist.
    """
    if options.llm_url:
        return TruncatingBackend(ProxyBackend(ChatClient(options.llm_url, options.llm_key), options.llm_model))
    if options.llm_file:
        from tui.gateway.gguf_backend import GgufBackend

        return TruncatingBackend(GgufBackend(Path(options.llm_file).expanduser()))
    return TruncatingBackend(ExtractiveBackend())


def _within(request: Request, name: str, limits: tuple[int, int]) -> int | None:
    """Return a number of the query, `None` if it is absent.

    Raises:
        ValueError: it is not a number or outside the limits.
    """
    written = request.query_params.get(name)
    if written is None:
        return None
    low, high = limits
    if not written.isascii() or not written.isdigit() or not low <= int(written[:9]) <= high:
        raise ValueError(f"{name} takes a whole number from {low} to {high}")
    return int(written)
