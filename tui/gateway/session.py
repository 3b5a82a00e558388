"""One client's session: what it asks, what it is told, and how it ends."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from tui.errors import ChatError
from tui.gateway.chat import Answerer, chat_completion, filled
from tui.gateway.hearing import Hearing, Told
from tui.gateway.metrics import Metrics
from tui.gateway.outbox import Congested, Outbox
from tui.gateway.parameters import BadParameter, Parameters, updated
from tui.gateway.pcm import RATE, Intake
from tui.gateway.refusal import Refusal
from tui.gateway.scheduler import Scheduler
from tui.gateway.vad import VoiceDetector
from tui.stream.protocol import (
    MAX_AHEAD_S,
    MAX_CHUNK_MS,
    MIN_CHUNK_MS,
    Begin,
    Error,
    ForceEndpoint,
    Heartbeat,
    KeepAlive,
    LLMGatewayResponse,
    Terminate,
    Termination,
    UpdateConfiguration,
    WireTurn,
    encode,
    parse_client,
)
from tui.stream.protocol import Warning as Notice

SHORT_FRAMES = 50
"""Frames under 50 ms that are forgiven."""
HEARTBEAT_S = 5.0
TICK_S = 0.25
"""How often deadlines are looked at."""
ANSWERS_S = 10.0
"""Longest wait, after the end, for answers that are still being written."""
ANSWERS_AT_ONCE = 4
ANSWERS_WAITING = 200
"""Turns that may wait for an answer; those of an hour, if a server hangs."""
LONGEST_REASON = 123
"""Bytes a close frame has room for (RFC 6455, 5.5)."""
IGNORED = 100
"""Code of the warning that lists the parameters without effect."""
UNANSWERED = 101
"""Code of the warning that a turn got no answer."""


class Session:
    """Serves one websocket that has been accepted.

    Args:
        websocket: the client.
        parameters: what it asked for.
        ignored: names of parameters that have no effect.
        scheduler: hears clips.
        detector: tells speech from the rest.
        answerer: answers about finished turns.
        metrics: counts.
        model: name of the speech model.
        longest_s: seconds after which the session is closed.
        clock: seconds.
    """

    def __init__(
        self,
        websocket: WebSocket,
        parameters: Parameters,
        ignored: list[str],
        scheduler: Scheduler,
        detector: VoiceDetector,
        answerer: Answerer,
        metrics: Metrics,
        *,
        model: str,
        longest_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.ended = asyncio.Event()
        """Set by whoever runs it, when it is over."""
        self._websocket = websocket
        self._ignored = ignored
        self._answerer = answerer
        self._metrics = metrics
        self._model = model
        self._longest_s = longest_s
        self._clock = clock
        self._outbox = Outbox()
        self._intake = Intake(parameters.encoding, parameters.sample_rate)
        self.hearing = Hearing(scheduler, detector, parameters.endpointing, self._tell, metrics)
        self._configure(parameters)
        self._answering: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(ANSWERS_AT_ONCE)
        self._received_ms = 0.0
        self._short_frames = 0
        self._began = self._last_sign = clock()
        self._listening: asyncio.Task[None] | None = None

    def leave(self) -> None:
        """Finish as if the client had asked to terminate."""
        if self._listening:
            self._listening.cancel()

    async def run(self) -> None:
        """Serve until the client terminates or is gone, or is refused."""
        ending: tuple[int, str] | None = (1000, "")
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await self._serve()
        except* Refusal as refusals:
            refusal = _first(refusals)
            self._metrics.count("refusals_total", label=f'code="{refusal.code}"')
            ending = await tell_refusal(self._websocket, refusal)
        except* Congested:
            ending = (1011, "The client does not read what it is sent.")
        except* WebSocketDisconnect:
            ending = None
        finally:
            self.hearing.close()
        if ending:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await self._websocket.close(*ending)

    async def _serve(self) -> None:
        writer = self._tasks.create_task(self._outbox.send_all(self._websocket))
        watch = self._tasks.create_task(self._watch())
        self._begin()
        self._listening = self._tasks.create_task(self._listen())
        await asyncio.wait((self._listening,))
        self.hearing.take(self._intake.flush())
        await self.hearing.finish()
        await self._answers()
        watch.cancel()
        self._outbox.put(Termination(int(self._received_ms) // 1000, int(self._clock() - self._began)))
        self._outbox.close()
        await writer

    def _begin(self) -> None:
        expires_at = int(time.time() + self._longest_s)
        self._outbox.put(Begin(self.id, expires_at, {"model": self._model, "api_version": "2025-05-12"}))
        if self._ignored:
            self._outbox.put(Notice(IGNORED, f"These parameters have no effect here: {', '.join(self._ignored)}."))

    async def _listen(self) -> None:
        """Take what the client sends until it terminates."""
        while await self._receive():
            pass

    async def _receive(self) -> bool:
        """Take one message; return whether more may follow."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006), message.get("reason"))
        self._last_sign = self._clock()
        if (frame := message.get("bytes")) is not None:
            self._take(frame)
            await self.hearing.keep_up()
            return True
        return self._obey(message.get("text") or "")

    def _take(self, frame: bytes) -> None:
        duration_ms = self._intake.duration_ms(frame)
        self._received_ms += duration_ms
        self._metrics.count("audio_seconds_total", duration_ms / 1000)
        self._short_frames += duration_ms < MIN_CHUNK_MS - 1
        if duration_ms > MAX_CHUNK_MS or self._short_frames > SHORT_FRAMES:
            raise Refusal(
                3007,
                f"Input Duration Error: Input duration violation: {duration_ms:.1f} ms. "
                f"Expected between {MIN_CHUNK_MS} and {MAX_CHUNK_MS} ms",
            )
        if self._received_ms / 1000 - (self._clock() - self._began) > MAX_AHEAD_S:
            raise Refusal(3007, "Audio Transmission Rate Exceeded")
        self.hearing.take(self._intake.take(frame))

    def _obey(self, raw: str) -> bool:
        try:
            message = parse_client(raw)
        except msgspec.MsgspecError as error:
            raise Refusal(3006, f"Invalid Message: {error}") from error
        match message:
            case Terminate():
                return False
            case ForceEndpoint():
                self.hearing.force()
            case UpdateConfiguration():
                try:
                    self._configure(updated(self._parameters, message))
                except BadParameter as error:
                    raise Refusal(3006, f"Invalid parameter: {error}") from error
            case KeepAlive():
                pass
        return True

    def _configure(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.hearing.endpointing = parameters.endpointing
        self.hearing.languages = parameters.languages
        self.hearing.plain = parameters.plain
        self.hearing.hints = parameters.hints
        self.hearing.partials = parameters.include_partial_turns
        self.hearing.silences = parameters.acknowledge_silence

    def _tell(self, message: Told) -> None:
        self._outbox.put(message)
        match message:
            case WireTurn(end_of_turn=True, transcript=said) if said and self._parameters.llm_gateway:
                self._ask(message)

    def _ask(self, turn: WireTurn) -> None:
        if len(self._answering) >= ANSWERS_WAITING:
            self._unanswered(turn, f"{ANSWERS_WAITING} others wait for theirs.")
            return
        task = self._tasks.create_task(self._answer(turn))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    def _unanswered(self, turn: WireTurn, why: str) -> None:
        self._outbox.put(Notice(UNANSWERED, f"Turn {turn.turn_order} got no answer: {why}"))
        self._metrics.count("answers_total", label='outcome="failed"')

    async def _answer(self, turn: WireTurn) -> None:
        """Tell what the LLM makes of a finished turn. A failure is a warning, never the session's end."""
        asked = self._parameters.llm_gateway
        assert asked is not None
        async with self._places:
            began = self._clock()
            try:
                answer = await self._answerer.complete(
                    filled(asked, turn.transcript), model=asked.model, max_tokens=asked.max_tokens
                )
            except ChatError as error:
                self._unanswered(turn, error.message)
            else:
                self._outbox.put(LLMGatewayResponse(turn.turn_order, turn.transcript, chat_completion(answer)))
                self._metrics.count("answers_total", label='outcome="answered"')
            self._metrics.count("answer_seconds_sum", self._clock() - began)

    async def _answers(self) -> None:
        """Wait for answers that are still being written, within a bound."""
        if self._answering:
            _, late = await asyncio.wait(self._answering, timeout=ANSWERS_S)
            for task in late:
                task.cancel()

    async def _watch(self) -> None:
        """Keep the session's deadlines and its heartbeat."""
        beat_at = self._began + HEARTBEAT_S
        understood = 0
        received_ms = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            now = self._clock()
            if self.hearing.failure:
                raise Refusal(3005, f"Session cancelled: the recogniser failed: {self.hearing.failure}")
            idle_s = self._parameters.inactivity_timeout
            if idle_s is not None and now - self._last_sign > idle_s:
                raise Refusal(3006, f"Session ended for inactivity: nothing was sent for {idle_s} s")
            if now - self._began > self._longest_s:
                raise Refusal(3008, "Session expired: maximum session duration exceeded")
            if self._parameters.session_heartbeat and now >= beat_at:
                beat_at = now + HEARTBEAT_S
                progress_ms = (self.hearing.understood - understood) * 1000 / RATE
                self._beat(progress_ms, self._received_ms - received_ms)
                understood, received_ms = self.hearing.understood, self._received_ms

    def _beat(self, progress_ms: float, received_ms: float) -> None:
        self._outbox.put(
            Heartbeat(
                total_audio_received_ms=round(self._received_ms),
                total_duration_ms=round((self._clock() - self._began) * 1000),
                realtime_factor=round(progress_ms / received_ms, 3) if received_ms else 1.0,
                max_speech_probability=round(self.hearing.loudest, 3),
            )
        )
        self.hearing.loudest = 0.0


async def tell_refusal(websocket: WebSocket, refusal: Refusal) -> tuple[int, str]:
    """Send the `Error` that goes before a close; return the code and the reason to close with."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_text(encode(Error(refusal.reason, refusal.code)))
    return refusal.code, refusal.reason.encode()[:LONGEST_REASON].decode(errors="ignore")


def _first(refusals: ExceptionGroup[Refusal]) -> Refusal:
    first = refusals.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
