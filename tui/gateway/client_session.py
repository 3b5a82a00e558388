"""One client's session: its messages in both directions, its deadlines and its close."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from tui.errors import ChatError
from tui.gateway.chat_backends import ChatBackend, chat_completion, fill_prompt
from tui.gateway.compressed import CompressedDecoder, InvalidAudioError
from tui.gateway.endpointing import BY_SOUND, Endpointing
from tui.gateway.metrics import Metrics
from tui.gateway.parameters import IgnoredParameters, InvalidParameterError, Parameters, apply_update
from tui.gateway.pcm import BYTES, RATE, PcmDecoder
from tui.gateway.scheduler import Scheduler
from tui.gateway.send_queue import SendQueue, SlowClientError
from tui.gateway.turn_model import TurnModel
from tui.gateway.turn_publisher import TurnMessage
from tui.gateway.turn_recognition import TurnRecogniser
from tui.gateway.vad import VoiceDetector
from tui.stream.messages import (
    MAX_AHEAD_S,
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
from tui.stream.messages import Warning as Notice
from tui.stream.query import API_VERSION

if TYPE_CHECKING:
    from tui.gateway.speaker_labels import SpeakerLabels

SHORT_FRAMES = 50
"""Frames under 50 ms that are tolerated."""
HEARTBEAT_S = 5.0
TICK_S = 0.25
"""Interval of checking deadlines."""
ANSWER_DRAIN_S = 10.0
"""Longest wait for unfinished answers after the last turn."""
MAX_CONCURRENT_ANSWERS = 4
MAX_QUEUED_ANSWERS = 200
"""Most turns that may wait for an answer; those of an hour, if a server hangs."""
SERVICE_RESTART = 1012
"""Close code that asks the client to connect again (IANA's registry of RFC 6455 codes)."""
MAX_REASON_BYTES = 123
"""Longest reason of a close frame (RFC 6455, 5.5)."""
UNSUPPORTED = 100
"""Code of the warning that the model does not know a language."""
UNANSWERED = 101
"""Code of the warning that a turn got no answer."""
NO_LABELS = 102
"""Code of the warning that turns get no speaker labels."""


log = logging.getLogger(__name__)


class SessionRefusedError(Exception):
    """The session cannot go on; the client gets an `Error` and a close with the same code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        """Close code, as in `tui.stream.close_codes`."""
        self.reason = reason


class ClientSession:
    """Serves one accepted WebSocket.

    Args:
        websocket: the client.
        parameters: from the client's query.
        ignored: names of parameters without an effect.
        unsupported: names of parameters with a language that the model does not know.
        scheduler: runs the recogniser.
        detector: detects speech.
        chat_backend: answers prompts about finished turns.
        metrics: takes the counts.
        model: name of the speech model.
        max_duration_s: seconds after which the session is closed.
        turn_model: judges whether a turn is complete; `None` to go by the punctuation of its text.
        labels: labels the speakers; a text says why the client's turns get no labels; `None` if it wants none.
        clock: returns seconds.
    """

    def __init__(
        self,
        websocket: WebSocket,
        parameters: Parameters,
        ignored: list[str],
        unsupported: list[str],
        scheduler: Scheduler,
        detector: VoiceDetector,
        chat_backend: ChatBackend,
        metrics: Metrics,
        *,
        model: str,
        max_duration_s: float,
        turn_model: TurnModel | None = None,
        labels: "SpeakerLabels | str | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.closed = asyncio.Event()
        """Set by the gateway when the session is over."""
        self._websocket = websocket
        self._unsupported = unsupported
        self._chat_backend = chat_backend
        self._metrics = metrics
        self._model = model
        self._max_duration_s = max_duration_s
        self._clock = clock
        self._send_queue = SendQueue()
        self._decoder = _decoder(parameters)
        self._parameters = parameters
        self._endpointing = BY_SOUND if turn_model else Endpointing()
        self._no_labels = labels if isinstance(labels, str) else ""
        self._speaker_set = labels.speaker_set if labels and not isinstance(labels, str) else ""
        self.turn_recogniser = TurnRecogniser(
            scheduler,
            detector,
            parameters.turn_settings(self._endpointing),
            self._publish,
            metrics,
            turn_model,
            None if isinstance(labels, str) else labels,
        )
        self._answering: set[asyncio.Task[None]] = set()
        self._answer_slots = asyncio.Semaphore(MAX_CONCURRENT_ANSWERS)
        self._received_ms = 0.0
        self._short_frames = 0
        self._started_at = self._last_received_at = clock()
        self._receiving: asyncio.Task[None] | None = None
        self._restart_by: float | None = None
        """When to stop at the latest for a restart; `None` if none is wanted."""
        self._restarting = False
        # A client may write anything as a name.
        self._ignored = [ascii(name)[1:-1][:60] for name in ignored[:50]]
        self._log_ignored(ignored)
        self._log_raised()

    def stop(self) -> None:
        """Finish as if the client had sent `Terminate`."""
        if self._receiving:
            self._receiving.cancel()

    def restart(self, within_s: float) -> None:
        """Close when no turn is open, or after a time; the client connects again and repeats an open turn."""
        self._restart_by = self._clock() + within_s

    async def run(self) -> None:
        """Serve until the client terminates, disconnects or is refused."""
        ending: tuple[int, str] | None = (1000, "")
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await self._serve()
        except* SessionRefusedError as errors:
            error = _first(errors)
            self._metrics.count("refusals_total", label=f'code="{error.code}"')
            ending = await send_error(self._websocket, error)
        except* SlowClientError:
            ending = (1011, "The client does not read its messages.")
        except* WebSocketDisconnect:
            ending = None
        finally:
            self.turn_recogniser.close()
        if ending == (1000, "") and self._restarting:
            ending = (SERVICE_RESTART, "The session goes on after connecting again.")
        if ending:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await self._websocket.close(*ending)

    async def _serve(self) -> None:
        writer = self._tasks.create_task(self._send_queue.send_all(self._websocket))
        watch = self._tasks.create_task(self._monitor())
        self._begin()
        self._receiving = self._tasks.create_task(self._receive_all())
        await asyncio.wait((self._receiving,))
        if not self._restarting:
            self.turn_recogniser.feed(self._decoder.flush())
            await self.turn_recogniser.finish()
        await self._drain_answers()
        watch.cancel()
        if not self._restarting:
            # Whole seconds: the vendor's Python SDK refuses fractions, and then waits in vain for this message.
            self._send_queue.put(Termination(round(self._received_ms / 1000), round(self._clock() - self._started_at)))
        self._send_queue.close()
        await writer

    def _begin(self) -> None:
        expires_at = int(time.time() + self._max_duration_s)
        configuration: dict[str, Any] = {"model": self._model, "api_version": API_VERSION}
        if self._ignored:
            configuration["ignored_parameters"] = self._ignored
        if self._speaker_set:
            configuration["speaker_set"] = self._speaker_set
        self._send_queue.put(Begin(self.id, expires_at, configuration))
        if self._unsupported:
            names = " and ".join(self._unsupported)
            self._send_queue.put(Notice(UNSUPPORTED, f"The model {self._model} does not know the language in {names}."))
        if self._no_labels:
            self._send_queue.put(Notice(NO_LABELS, self._no_labels))

    def _log_ignored(self, names: list[str]) -> None:
        """Log and count parameters without an effect: a warning to the client would be an error to some clients."""
        if names:
            log.warning("Parameters without an effect: %s.", ", ".join(self._ignored))
        for name in names:
            known = name if name in IgnoredParameters.__struct_fields__ else "unknown"
            self._metrics.count("ignored_parameters_total", label=f'name="{known}"')

    def _log_raised(self) -> None:
        if self._parameters.raised:
            log.warning("%s", self._parameters.raised)

    async def _receive_all(self) -> None:
        """Receive messages until the client terminates, or until a restart cuts no turn."""
        while await self._receive():
            if self._restart_by is not None and not self.turn_recogniser.in_turn:
                self._restarting = True
                return

    async def _receive(self) -> bool:
        """Receive one message; return whether more may follow."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006), message.get("reason"))
        self._last_received_at = self._clock()
        if (frame := message.get("bytes")) is not None:
            self._take_audio(frame)
            await self.turn_recogniser.wait_for_capacity()
            return True
        return self._handle_message(message.get("text") or "")

    def _take_audio(self, frame: bytes) -> None:
        try:
            samples, duration_ms = self._decoder.decode(frame)
        except InvalidAudioError as error:
            raise SessionRefusedError(3006, f"Invalid audio: {error}") from error
        self._received_ms += duration_ms
        self._metrics.count("audio_seconds_total", duration_ms / 1000)
        shortest_ms, longest_ms = self._decoder.durations_ms
        self._short_frames += duration_ms < shortest_ms - 1
        if duration_ms > longest_ms or self._short_frames > SHORT_FRAMES:
            raise SessionRefusedError(
                3007,
                f"Input Duration Error: Input duration violation: {duration_ms:.1f} ms. "
                f"Expected between {shortest_ms} and {longest_ms} ms",
            )
        if self._received_ms / 1000 - (self._clock() - self._started_at) > MAX_AHEAD_S:
            raise SessionRefusedError(3007, "Audio Transmission Rate Exceeded")
        self.turn_recogniser.feed(samples)

    def _handle_message(self, raw: str) -> bool:
        try:
            message = parse_client(raw)
        except msgspec.MsgspecError as error:
            raise SessionRefusedError(3006, f"Invalid Message: {error}") from error
        match message:
            case Terminate():
                return False
            case ForceEndpoint():
                self.turn_recogniser.force_endpoint()
            case UpdateConfiguration():
                try:
                    self._configure(apply_update(self._parameters, message))
                except InvalidParameterError as error:
                    raise SessionRefusedError(3006, f"Invalid parameter: {error}") from error
            case KeepAlive():
                pass
        return True

    def _configure(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.turn_recogniser.configure(parameters.turn_settings(self._endpointing))
        self._log_raised()

    def _publish(self, message: TurnMessage) -> None:
        self._send_queue.put(message)
        match message:
            case WireTurn(end_of_turn=True, transcript=text) if text and self._parameters.llm_gateway:
                self._request_answer(message)

    def _request_answer(self, turn: WireTurn) -> None:
        if len(self._answering) >= MAX_QUEUED_ANSWERS:
            self._report_unanswered(turn, f"{MAX_QUEUED_ANSWERS} other answers are queued.")
            return
        task = self._tasks.create_task(self._answer(turn))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    def _report_unanswered(self, turn: WireTurn, reason: str) -> None:
        self._send_queue.put(Notice(UNANSWERED, f"Turn {turn.turn_order} got no answer: {reason}"))
        self._metrics.count("answers_total", label='outcome="failed"')

    async def _answer(self, turn: WireTurn) -> None:
        """Send the LLM's answer to a finished turn. A failure is a warning and never ends the session."""
        asked = self._parameters.llm_gateway
        assert asked is not None
        async with self._answer_slots:
            started_at = self._clock()
            try:
                answer = await self._chat_backend.complete(
                    fill_prompt(asked, turn.transcript),
                    model=asked.model,
                    max_tokens=asked.max_tokens,
                    transcript=turn.transcript,
                )
            except ChatError as error:
                self._report_unanswered(turn, error.message)
            else:
                self._send_queue.put(LLMGatewayResponse(turn.turn_order, turn.transcript, chat_completion(answer)))
                self._metrics.count("answers_total", label='outcome="answered"')
            self._metrics.count("answer_seconds_sum", self._clock() - started_at)

    async def _drain_answers(self) -> None:
        """Wait for unfinished answers, within a limit."""
        if self._answering:
            _, late = await asyncio.wait(self._answering, timeout=ANSWER_DRAIN_S)
            for task in late:
                task.cancel()

    async def _monitor(self) -> None:
        """Check the session's deadlines and send its heartbeat."""
        beat_at = self._started_at + HEARTBEAT_S
        processed = 0
        received_ms = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            now = self._clock()
            if self.turn_recogniser.failure:
                raise SessionRefusedError(
                    3005, f"Session cancelled: the recogniser failed: {self.turn_recogniser.failure}"
                )
            if self._restart_by is not None and now > self._restart_by:
                self._restarting = True
                self.stop()
            idle_s = self._parameters.inactivity_timeout
            if idle_s is not None and now - self._last_received_at > idle_s:
                raise SessionRefusedError(3006, f"Session ended for inactivity: no message for {idle_s} s")
            if now - self._started_at > self._max_duration_s:
                raise SessionRefusedError(3008, "Session expired: maximum session duration exceeded")
            if self._parameters.session_heartbeat and now >= beat_at:
                beat_at = now + HEARTBEAT_S
                progress_ms = (self.turn_recogniser.processed_until - processed) * 1000 / RATE
                self._send_heartbeat(progress_ms, self._received_ms - received_ms)
                processed, received_ms = self.turn_recogniser.processed_until, self._received_ms

    def _send_heartbeat(self, progress_ms: float, received_ms: float) -> None:
        self._send_queue.put(
            Heartbeat(
                total_audio_received_ms=round(self._received_ms),
                total_duration_ms=round((self._clock() - self._started_at) * 1000),
                realtime_factor=round(progress_ms / received_ms, 3) if received_ms else 1.0,
                max_speech_probability=round(self.turn_recogniser.max_speech_probability, 3),
            )
        )
        self.turn_recogniser.max_speech_probability = 0.0


async def send_error(websocket: WebSocket, error: SessionRefusedError) -> tuple[int, str]:
    """Send the `Error` that precedes a close; return the close's code and reason."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_text(encode(Error(error.reason, error.code)))
    return error.code, error.reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


def _decoder(parameters: Parameters) -> PcmDecoder | CompressedDecoder:
    if parameters.encoding in BYTES:
        return PcmDecoder(parameters.encoding, parameters.sample_rate)
    return CompressedDecoder(parameters.encoding)


def _first(errors: ExceptionGroup[SessionRefusedError]) -> SessionRefusedError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
