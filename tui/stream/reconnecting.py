"""Stream that reconnects: sends a recording over one connection after another, without losing or repeating a turn.

Reconnecting, changing the prompt (fixed for the life of a connection) and renewing a session before it expires are the
same operation: open a new connection, set its cursor to the end of the last final turn, let the old one drain. The old
connection stays in use while the new one is being opened, so a refusal costs nothing.
"""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable

import msgspec

from tui.model.transcript import Turn
from tui.stream import close_codes
from tui.stream.active_connection import ActiveConnection, SampleReader
from tui.stream.backoff import Backoff
from tui.stream.close_codes import CloseInfo, Retry
from tui.stream.connection import ConnectError, Connection
from tui.stream.events import (
    AnswerLost,
    AnswerReceived,
    ConnectionLost,
    ConnectionOpened,
    MessageReceived,
    PromptRefused,
    StreamEvent,
    StreamFailed,
    TurnDiscarded,
    TurnReceived,
)
from tui.stream.messages import LLMGatewayResponse, ServerMessage, SpeakerRecognised, SpeakerRevision, WireTurn
from tui.stream.turn_numbering import TurnSequencer

SETTLE_S = 0.3
"""Seconds to wait after a change of the prompt for another: five changes in a row open one connection, not five."""
MAX_WAIT_S = 3600.0
"""Longest wait of the loop: `asyncio.timeout` does not accept infinity."""


class Target(msgspec.Struct, frozen=True):
    """Address and key of a connection."""

    url: str
    key: str = ""
    answers_turns: bool = True
    """Whether the URL carries `llm_gateway`, so that every final turn gets an answer."""


class ReconnectingStream:
    """Stream of one session's recording to the endpoint, over as many connections as it takes.

    Args:
        recording: the audio to send.
        target: returns the target for a prompt's id; may raise `ConnectError`.
        prompt: id of the first prompt.
        publish: receives every event, in order.
        chunk_ms: milliseconds of audio in one message.
        drain_s: longest wait, in seconds, for outstanding turns and answers when the session ends or a connection is
            replaced.
        turns_s: longest wait, in seconds, for outstanding turns when the session ends, if that is longer.
        clock: monotonic seconds.
        jitter: returns a number from 0 to 1.
        turns: numbering of a resumed session, whose boundary is where the first connection starts; `None` for a new
            session.
    """

    def __init__(
        self,
        recording: SampleReader,
        target: Callable[[str], Awaitable[Target]],
        prompt: str,
        publish: Callable[[StreamEvent], None],
        *,
        chunk_ms: int = 50,
        drain_s: float = 12.0,
        turns_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        turns: TurnSequencer | None = None,
    ) -> None:
        self._recording = recording
        self._target = target
        self._prompt = prompt
        self._edits = 0
        """Edits of the prompt in use; a connection opened at another count is replaced."""
        self._publish = publish
        self._chunk_ms = chunk_ms
        self._drain_s = drain_s
        self._turns_s = turns_s
        self._clock = clock
        self._backoff = Backoff(clock, jitter)
        self._turns = turns or TurnSequencer(recording.sample_rate)
        self._active: ActiveConnection | None = None
        self._connections: set[ActiveConnection] = set()
        self._failure: CloseInfo | None = None
        self._give_up_at = math.inf
        self._abandoned = False
        self._complete = False
        self._changed = asyncio.Event()
        self._socket_s = 0.0
        self._sent = 0
        self.opened = 0
        """Connections opened so far."""
        self.lost = 0
        """Connections lost so far."""

    @property
    def sent(self) -> int:
        """Position up to which audio was sent, whether or not parts of it were sent twice."""
        return max([self._sent, *(connection.cursor for connection in self._connections)])

    @property
    def recorded(self) -> bool:
        """Whether recording has ended."""
        return self._recording.closed

    @property
    def behind(self) -> int:
        """Samples by which the sender is behind the recording."""
        cursor = self._active.cursor if self._active else self._turns.boundary
        return max(0, self._recording.position - cursor)

    @property
    def untranscribed(self) -> int:
        """Samples at the end without a final turn; 0 once the endpoint has confirmed the end."""
        return 0 if self._complete else max(0, self._recording.position - self._turns.boundary)

    @property
    def socket_s(self) -> float:
        """Seconds of open sockets, added over all connections: the vendor bills these."""
        now = self._clock()
        return self._socket_s + sum(now - connection.begun_at for connection in self._connections)

    @property
    def round_trip_s(self) -> float | None:
        """Round trip of the last ping, in seconds; `None` without a connection."""
        return self._active.connection.round_trip_s if self._active else None

    @property
    def expires_s(self) -> float | None:
        """Seconds until the endpoint ends the connection; `None` if there is none, it drains, or gave no expiry."""
        if self._active is None or self._active.draining or self._active.expires_at <= self._active.begun_at:
            return None
        return self._active.expires_at - self._clock()

    @property
    def wait_left_s(self) -> float | None:
        """Longest wait, in seconds, for a connection or the last turns; `None` without a limit, or without a wait."""
        ends_at = self._give_up_at if self._active is None else self._active.drained_at
        left_s = ends_at - self._clock()
        return left_s if self.recorded and 0 < left_s < math.inf else None

    def use_prompt(self, prompt: str) -> None:
        """Send final turns to the LLM with another prompt from now on."""
        self._prompt = prompt
        self._changed.set()

    def renew(self) -> None:
        """Open a new connection, because the text of the prompt in use was edited."""
        self._edits += 1
        self._changed.set()

    def give_up_after(self, seconds: float) -> None:
        """Stop trying to connect after that many seconds; an open connection stays.

        Without one, the next attempt is made as soon as the endpoint allows: a random wait could outlast the rest.
        """
        self._give_up_at = self._clock() + seconds
        self._retry_now()

    def abandon(self) -> None:
        """End now, without sending the rest and without waiting for turns and answers."""
        self._abandoned = True
        for connection in self._connections:
            connection.connection.abort()
        self._changed.set()

    def reconnect(self) -> None:
        """Drop all connections and open a new one, because none survives a sleep of the machine.

        Without a connection, the next attempt is made as soon as the endpoint allows: the reason for a longer wait was
        before the sleep.
        """
        for connection in self._connections:
            connection.connection.abort()
        self._retry_now()

    async def run(self) -> None:
        """Send the recording until it has ended and its last turn is final, or until another attempt cannot help."""
        async with asyncio.TaskGroup() as tasks:
            while self._failure is None and not await self._finish():
                if self._needs_connection():
                    await self._open(tasks)
                else:
                    await self._wait_for_change(self._next_at())
        if self._failure is not None:
            self._publish(StreamFailed(self._failure))
        for number in self._turns.drop_inherited() if self._failure is None else ():
            self._publish(TurnDiscarded(number))

    def _needs_connection(self) -> bool:
        connection = self._active
        if not self._backoff.is_due:
            return False
        if connection is None:
            return True
        if self._recording.closed:
            return False
        return (
            connection.prompt != self._prompt or connection.edits != self._edits or self._clock() >= connection.renew_at
        )

    def _next_at(self) -> float:
        """Return the time, on the clock, of the next deadline."""
        now = self._clock()
        times = (self._give_up_at, self._backoff.retry_at, self._active.renew_at if self._active else math.inf)
        return min((at for at in times if at > now), default=math.inf)

    async def _wait_for_change(self, until: float) -> None:
        """Wait for a change, or until the time `until` on the clock."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(until - self._clock(), MAX_WAIT_S))):
                await self._changed.wait()

    async def _finish(self) -> bool:
        """Drain the connection once the recording has ended and was sent; return whether the stream is over."""
        connection = self._active
        if connection is not None and connection.sent_all.is_set():
            await connection.drain(self._drain_s, self._turns_s)
            self._complete = connection.complete
            if self._abandoned or not (connection.cut_off and self.untranscribed):
                return True
            self._active = None
            self._handle_loss(connection)
        if self._active is None and self._recording.closed:
            return self._abandoned or (self.opened > 0 and not self.untranscribed) or self._clock() >= self._give_up_at
        return self._abandoned

    async def _open(self, tasks: asyncio.TaskGroup) -> None:
        """Open a connection for the requested prompt and hand over to it."""
        if self._active is not None:
            await asyncio.sleep(SETTLE_S)
        prompt, edits = self._prompt, self._edits
        opening = asyncio.ensure_future(self._connect(prompt))
        opening.add_done_callback(lambda _: self._changed.set())
        try:
            while not opening.done() and not self._superseded(prompt):
                await self._wait_for_change(self._next_at())
        except asyncio.CancelledError:
            await _cancel_opening(opening)
            raise
        if not opening.done():
            await _cancel_opening(opening)
            return
        try:
            connection, answers_turns = opening.result()
        except ConnectError as error:
            self._handle_connect_error(error.close, prompt, edits)
            return
        if self._superseded(prompt):
            tasks.create_task(_dismiss(connection), name="dismiss")
        else:
            self._hand_over(connection, prompt, edits, answers_turns, tasks)

    async def _connect(self, prompt: str) -> tuple[Connection, bool]:
        target = await self._target(prompt)
        return await Connection.open(target.url, target.key), target.answers_turns

    def _superseded(self, prompt: str) -> bool:
        """Return whether a connection for `prompt` has become unnecessary."""
        if self._abandoned:
            return True
        if self._active is not None:
            return prompt != self._prompt or self._recording.closed
        return prompt != self._prompt or self._clock() >= self._give_up_at

    def _hand_over(
        self, connection: Connection, prompt: str, edits: int, answers_turns: bool, tasks: asyncio.TaskGroup
    ) -> None:
        """Continue over `connection`, from the end of the last final turn."""
        old = self._active
        if old is not None:
            old.stop_sending()
            tasks.create_task(old.drain(self._drain_s), name="drain")
        active = ActiveConnection(
            connection,
            prompt=prompt,
            edits=edits,
            answers_turns=answers_turns,
            turns=self._turns.attach(connection.begin.speaker_set),
            recording=self._recording,
            chunk_ms=self._chunk_ms,
            clock=self._clock,
        )
        self._active = active
        self._connections.add(active)
        self.opened += 1
        self._publish(ConnectionOpened(prompt, connection.begin, active.cursor))
        tasks.create_task(self._send(active), name="send")
        tasks.create_task(self._receive(active), name="receive")

    async def _send(self, connection: ActiveConnection) -> None:
        """Send over this connection until its end, then wake the loop."""
        await connection.send()
        self._changed.set()

    async def _receive(self, connection: ActiveConnection) -> None:
        """Handle the messages of a connection, then its end."""
        try:
            await connection.receive(lambda message: self._handle_message(connection, message))
        finally:
            self._connections.discard(connection)
            self._sent = max(self._sent, connection.cursor)
            self._socket_s += self._clock() - connection.begun_at
        if connection is self._active and not connection.draining and not self._abandoned:
            self._active = None
            self._handle_loss(connection)
        for number in connection.missing_answers if connection.cut_off else ():
            self._publish(AnswerLost(number, connection.prompt))
        self._changed.set()

    def _handle_loss(self, connection: ActiveConnection) -> None:
        self.lost += 1
        close = connection.connection.close_info or close_codes.classify_close(close_codes.LOST)
        if close.retry is Retry.NO:
            self._failure = close
            return
        wait_s = self._backoff.after_loss(close, self._clock() - connection.begun_at)
        self._publish(ConnectionLost(close, wait_s))

    def _retry_now(self) -> None:
        """Make the next attempt as soon as the endpoint allows."""
        self._backoff.reset()
        self._changed.set()

    def _handle_connect_error(self, close: CloseInfo, prompt: str, edits: int) -> None:
        """Handle a failed attempt to connect: fail, keep the old prompt, or back off.

        A failed handshake with an endpoint that accepted a connection before is retried: a network in between, such as
        a hotel's, may present its own certificate until somebody logs in.
        """
        if close.retry is Retry.NO and not (self.opened and close.code == close_codes.LOST):
            if self._active is None:
                self._failure = close
            elif self._active.prompt != prompt:
                self._prompt = self._active.prompt
                self._publish(PromptRefused(prompt, self._active.prompt, close))
            elif self._active.edits != edits:
                self._active.edits = edits
                self._publish(PromptRefused(prompt, prompt, close))
            else:
                self._active.renew_at = math.inf
            return
        wait_s = self._backoff.after_failure(close)
        if self._active is None:
            self._publish(ConnectionLost(close, wait_s))

    def _handle_message(self, connection: ActiveConnection, message: ServerMessage) -> None:
        match message:
            case WireTurn():
                match connection.turns.receive(message, connection.cursor):
                    case Turn() as turn:
                        self._publish(
                            TurnReceived(turn, connection.prompt if turn.final and connection.answers_turns else None)
                        )
                    case int(number):
                        self._publish(TurnDiscarded(number))
            case LLMGatewayResponse(turn_order=order, data=completion):
                if (final := connection.turns.number(order)) is not None:
                    self._publish(AnswerReceived(final, connection.prompt, completion))
            case SpeakerRevision():
                for revised in connection.turns.revise(message):
                    self._publish(revised)
            case SpeakerRecognised(speaker_label=label):
                known = connection.turns.speakers.label(label) or label
                self._publish(MessageReceived(msgspec.structs.replace(message, speaker_label=known)))
            case _:
                self._publish(MessageReceived(message))


async def _cancel_opening(opening: "asyncio.Future[tuple[Connection, bool]]") -> None:
    """Cancel an attempt to connect; close its connection if it opened one at the same moment."""
    opening.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConnectError):
        connection, _ = await opening
        await _dismiss(connection)


async def _dismiss(connection: Connection) -> None:
    """End a connection that was never used."""
    await connection.terminate()
    await connection.close()
