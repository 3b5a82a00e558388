"""Keep a session connected: cursor, resume, swap, renew, drain, backoff.

Reconnecting, swapping the prompt (fixed for the life of a connection) and renewing a session before it expires are one
move: open a new connection, start it at the end of the last final turn, let the old one drain. While the new one is
being opened the old one goes on, so that a refusal costs nothing.
"""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from tui.model.transcript import Turn
from tui.stream import close_codes, messages
from tui.stream.active_connection import ActiveConnection, SampleReader
from tui.stream.close_codes import CloseInfo, Retry
from tui.stream.connection import ConnectError, Connection
from tui.stream.messages import LLMGatewayResponse, ServerMessage, SpeakerRevision, WireTurn
from tui.stream.turn_numbering import TurnSequencer

SETTLE_S = 0.3
"""Seconds to wait after a swap for the next one: five in a row open one connection, not five."""
HEALTHY_S = 60.0
"""Seconds a connection has to last for the next loss to be retried at once again."""
BACKOFF_S = 0.5
BACKOFF_LATER_S = 5.0
BACKOFF_MAX_S = 30.0
"""Full jitter: a random wait up to `BACKOFF_S` × 2ⁿ (`BACKOFF_LATER_S` if there are too many of us), at most this."""
MAX_WAIT_S = 3600.0
"""Longest sleep of the loop: `asyncio.timeout` takes no infinity."""


class Target(msgspec.Struct, frozen=True):
    """What to connect to."""

    url: str
    key: str = ""
    answers_turns: bool = True
    """Whether the URL asks for an answer to every finished turn."""


class ConnectionOpened(msgspec.Struct, frozen=True):
    """A connection carries the session now."""

    prompt: str
    begin: messages.Begin
    position: int
    """First sample that it sends."""


class ConnectionLost(msgspec.Struct, frozen=True):
    """There is no connection; another is opened after a wait."""

    ending: CloseInfo
    wait_s: float


class TurnReceived(msgspec.Struct, frozen=True):
    """A turn as it is now."""

    turn: Turn
    prompt: str | None
    """Id of the prompt by which the endpoint answers it; `None` if it does not."""


class TurnDiscarded(msgspec.Struct, frozen=True):
    """A partial turned out to be nothing."""

    number: int


class AnswerReceived(msgspec.Struct, frozen=True):
    """The endpoint's answer to a finished turn."""

    turn: int
    prompt: str
    completion: dict[str, Any]
    """A chat completion."""


class AnswerLost(msgspec.Struct, frozen=True):
    """The endpoint's answer to a finished turn will not come: the connection that owed it was lost."""

    turn: int
    prompt: str


class SpeakerRevised(msgspec.Struct, frozen=True):
    """A turn's speaker is another than was said."""

    turn: int
    speaker: str | None


class MessageReceived(msgspec.Struct, frozen=True):
    """Anything else the endpoint says."""

    message: ServerMessage


class PromptRefused(msgspec.Struct, frozen=True):
    """The endpoint does not take the new prompt; the old one stays."""

    prompt: str
    kept: str
    ending: CloseInfo


class StreamFailed(msgspec.Struct, frozen=True):
    """Trying again cannot help."""

    ending: CloseInfo


StreamEvent = (
    ConnectionOpened
    | ConnectionLost
    | TurnReceived
    | TurnDiscarded
    | AnswerReceived
    | AnswerLost
    | SpeakerRevised
    | MessageReceived
    | PromptRefused
    | StreamFailed
)


class ReconnectingStream:
    """A session's way to the endpoint.

    Args:
        tape: the recording.
        target: returns what to connect to for a prompt's id; may raise `Refused`.
        prompt: id of the first prompt.
        tell: gets every event, in order.
        chunk_ms: length of one message of audio.
        drain_s: longest wait for what is still to come when the session ends, or when a connection is replaced.
        clock: monotonic seconds.
        jitter: returns a number from 0 to 1.
        turns: what is known from before, whose boundary is where the first connection starts; `None` is nothing.
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
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        turns: TurnSequencer | None = None,
    ) -> None:
        self._recording = recording
        self._target = target
        self._prompt = prompt
        self._edits = 0
        """How often the prompt in use has been edited: a connection that was opened at another count is replaced."""
        self._publish = publish
        self._chunk_ms = chunk_ms
        self._drain_s = drain_s
        self._clock = clock
        self._jitter = jitter
        self._turns = turns or TurnSequencer(recording.sample_rate)
        self._active: ActiveConnection | None = None
        self._connections: set[ActiveConnection] = set()
        self._attempt = 0
        self._failure: CloseInfo | None = None
        self._give_up_at = math.inf
        self._open_at = -math.inf
        self._abandoned = False
        self._complete = False
        self._changed = asyncio.Event()
        self._socket_s = 0.0
        self._sent = 0
        self.opened = 0
        """Connections opened so far."""
        self.lost = 0
        """Connections lost so far."""

    # What others see of it ---------------------------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """Position up to which audio was sent, whatever was sent again."""
        return max([self._sent, *(leg.cursor for leg in self._connections)])

    @property
    def behind(self) -> int:
        """Samples by which the sender is behind the recording."""
        cursor = self._active.cursor if self._active else self._turns.boundary
        return max(0, self._recording.position - cursor)

    @property
    def untranscribed(self) -> int:
        """Samples at the end that the endpoint never had its say on; 0 once it has said that it heard all."""
        return 0 if self._complete else max(0, self._recording.position - self._turns.boundary)

    @property
    def socket_s(self) -> float:
        """Seconds that sockets have been open: what the vendor bills."""
        now = self._clock()
        return self._socket_s + sum(now - leg.begun_at for leg in self._connections)

    @property
    def round_trip_s(self) -> float | None:
        """Seconds of the last ping, `None` if there is none."""
        return self._active.connection.round_trip_s if self._active else None

    @property
    def expires_s(self) -> float | None:
        """Seconds until the endpoint ends the connection; `None` without one, at its end, or if it did not say."""
        if self._active is None or self._active.draining or self._active.expires_at <= self._active.begun_at:
            return None
        return self._active.expires_at - self._clock()

    # What may be asked of it -------------------------------------------------------------------------------------

    def use_prompt(self, prompt: str) -> None:
        """Have turns that end from now on answered by another prompt."""
        self._prompt = prompt
        self._changed.set()

    def renew(self) -> None:
        """Go on over a new connection: the text of the prompt in use was edited."""
        self._edits += 1
        self._changed.set()

    def give_up_after(self, seconds: float) -> None:
        """Stop trying to connect after that time; a standing connection goes on.

        Without one the next try is made now: a wait of before could outlast what is left.
        """
        self._give_up_at = self._clock() + seconds
        self._retry_now()

    def abandon(self) -> None:
        """End at once, whatever is still to be sent or heard."""
        self._abandoned = True
        for leg in self._connections:
            leg.connection.abort()
        self._changed.set()

    def reconnect(self) -> None:
        """Take the connections for lost: after a sleep of the machine they are, whatever the system says.

        Without one the next try is made now: what kept us from the endpoint was before the sleep.
        """
        for leg in self._connections:
            leg.connection.abort()
        self._retry_now()

    async def run(self) -> None:
        """Stay connected until the recording has ended and all of it was heard, or until that cannot be."""
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

    # How it goes on ----------------------------------------------------------------------------------------------

    def _needs_connection(self) -> bool:
        leg = self._active
        if self._clock() < self._open_at:
            return False
        if leg is None:
            return True
        if self._recording.closed:
            return False
        return leg.prompt != self._prompt or leg.edits != self._edits or self._clock() >= leg.renew_at

    def _next_at(self) -> float:
        """Return when, on the clock, there is something to do even if nothing happens."""
        now = self._clock()
        times = (self._give_up_at, self._open_at, self._active.renew_at if self._active else math.inf)
        return min((at for at in times if at > now), default=math.inf)

    async def _wait_for_change(self, until: float) -> None:
        """Wait until something happened, or `until` on the clock."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(until - self._clock(), MAX_WAIT_S))):
                await self._changed.wait()

    async def _finish(self) -> bool:
        """End the session if its audio has ended and was sent; return whether it is over."""
        leg = self._active
        if leg is not None and leg.sent_all.is_set():
            await leg.drain(self._drain_s)
            self._complete = leg.complete
            if not (leg.cut_off and self.untranscribed):
                return True
            self._active = None
            self._handle_loss(leg)
        if self._active is None and self._recording.closed:
            return self._abandoned or (self.opened > 0 and not self.untranscribed) or self._clock() >= self._give_up_at
        return self._abandoned

    async def _open(self, tasks: asyncio.TaskGroup) -> None:
        """Open a connection for the prompt that is wanted now, and hand over to it."""
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
            connection, asks = opening.result()
        except ConnectError as refused:
            self._handle_connect_error(refused.close, prompt, edits)
            return
        if self._superseded(prompt):
            tasks.create_task(_dismiss(connection), name="dismiss")
        else:
            self._hand_over(connection, prompt, edits, asks, tasks)

    async def _connect(self, prompt: str) -> tuple[Connection, bool]:
        target = await self._target(prompt)
        return await Connection.open(target.url, target.key), target.answers_turns

    def _superseded(self, prompt: str) -> bool:
        """Return whether a connection for `prompt` is not wanted any more."""
        if self._abandoned:
            return True
        if self._active is not None:
            return prompt != self._prompt or self._recording.closed
        return prompt != self._prompt or self._clock() >= self._give_up_at

    def _hand_over(self, connection: Connection, prompt: str, edits: int, asks: bool, tasks: asyncio.TaskGroup) -> None:
        """Let `connection` carry the session from the end of the last final turn on."""
        old = self._active
        if old is not None:
            old.stop_sending()
            tasks.create_task(old.drain(self._drain_s), name="drain")
        leg = ActiveConnection(
            connection,
            prompt=prompt,
            edits=edits,
            answers_turns=asks,
            turns=self._turns.attach(),
            recording=self._recording,
            chunk_ms=self._chunk_ms,
            clock=self._clock,
        )
        self._active = leg
        self._connections.add(leg)
        self.opened += 1
        self._publish(ConnectionOpened(prompt, connection.begin, leg.cursor))
        tasks.create_task(self._send(leg), name="send")
        tasks.create_task(self._receive(leg), name="receive")

    async def _send(self, leg: ActiveConnection) -> None:
        """Send until there is no more to send over this connection, and note it."""
        await leg.send()
        self._changed.set()

    async def _receive(self, leg: ActiveConnection) -> None:
        """Pass on what a connection says, and note its end."""
        try:
            await leg.receive(lambda message: self._handle_message(leg, message))
        finally:
            self._connections.discard(leg)
            self._sent = max(self._sent, leg.cursor)
            self._socket_s += self._clock() - leg.begun_at
        if leg is self._active and not leg.draining:
            self._active = None
            self._handle_loss(leg)
        for number in leg.missing_answers if leg.cut_off else ():
            self._publish(AnswerLost(number, leg.prompt))
        self._changed.set()

    def _handle_loss(self, leg: ActiveConnection) -> None:
        self.lost += 1
        ending = leg.connection.close_info or close_codes.classify_close(close_codes.LOST)
        if ending.retry is Retry.NO:
            self._failure = ending
            return
        if self._clock() - leg.begun_at >= HEALTHY_S:
            self._attempt = 0
        # The first loss is made good at once; an endpoint that lets us in and throws us out again is not stormed.
        at_once = self._attempt == 0 and ending.retry is Retry.YES
        wait_s = self._back_off(ending)
        if at_once:
            self._open_at, wait_s = -math.inf, 0.0
        self._publish(ConnectionLost(ending, wait_s))

    def _retry_now(self) -> None:
        """Put the next try off no longer."""
        self._attempt, self._open_at = 0, -math.inf
        self._changed.set()

    def _back_off(self, ending: CloseInfo) -> float:
        """Put the next try off; return by how many seconds."""
        first = BACKOFF_LATER_S if ending.retry is Retry.LATER else BACKOFF_S
        wait_s = self._jitter() * min(BACKOFF_MAX_S, first * 2.0 ** min(self._attempt, 16))
        self._attempt += 1
        self._open_at = self._clock() + wait_s
        return wait_s

    def _handle_connect_error(self, ending: CloseInfo, prompt: str, edits: int) -> None:
        """Decide what a failed try to connect means.

        An endpoint that let us in before and now cannot even be spoken to is still there: a network in between, as a
        hotel's, shows a certificate of its own until somebody logs in.
        """
        if ending.retry is Retry.NO and not (self.opened and ending.code == close_codes.LOST):
            if self._active is None:
                self._failure = ending
            elif self._active.prompt != prompt:
                self._prompt = self._active.prompt
                self._publish(PromptRefused(prompt, self._active.prompt, ending))
            elif self._active.edits != edits:
                self._active.edits = edits
                self._publish(PromptRefused(prompt, prompt, ending))
            else:
                self._active.renew_at = math.inf
            return
        wait_s = self._back_off(ending)
        if self._active is None:
            self._publish(ConnectionLost(ending, wait_s))

    def _handle_message(self, leg: ActiveConnection, message: ServerMessage) -> None:
        match message:
            case WireTurn():
                match leg.turns.receive(message, leg.cursor):
                    case Turn() as turn:
                        self._publish(TurnReceived(turn, leg.prompt if turn.final and leg.answers_turns else None))
                    case int(number):
                        self._publish(TurnDiscarded(number))
            case LLMGatewayResponse(turn_order=order, data=completion):
                if (answered := leg.turns.number(order)) is not None:
                    self._publish(AnswerReceived(answered, leg.prompt, completion))
            case SpeakerRevision(revisions=revisions):
                for revision in revisions:
                    if (relabelled := leg.turns.number(revision.turn_order)) is not None:
                        self._publish(SpeakerRevised(relabelled, revision.speaker_label))
            case _:
                self._publish(MessageReceived(message))


async def _cancel_opening(opening: "asyncio.Future[tuple[Connection, bool]]") -> None:
    """Cancel a try to connect; close what it opened in the same moment."""
    opening.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConnectError):
        connection, _ = await opening
        await _dismiss(connection)


async def _dismiss(connection: Connection) -> None:
    """End a connection that is not wanted any more before it carried anything."""
    await connection.terminate()
    await connection.close()
