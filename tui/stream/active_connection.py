"""Connection in use: sends the recording from its cursor at a bounded rate, and receives turns and answers."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Protocol

from tui.stream.connection import Connection
from tui.stream.messages import MIN_CHUNK_MS, LLMGatewayResponse, ServerMessage, Termination, WireTurn
from tui.stream.turn_numbering import ConnectionTurns

MAX_SEND_RATE = 4.0
"""Seconds of audio sent per second at most, when catching up; more would slow down other sessions."""
AHEAD_S = 120.0
"""Seconds of audio sent ahead of the connection's clock at most: the service closes at about 310."""
BEHIND_S = 1.0
"""Seconds behind the recording above which four chunks are sent in one message."""
RENEW_BEFORE_S = 120.0
"""Seconds before its expiry at which a connection is renewed, or a fifth of its life if that is shorter."""
MIN_LIFE_S = 5.0
"""Shortest plausible life of a connection, in seconds: a nearer expiry means a wrong clock and is ignored."""
NORMAL_CLOSURE = 1000
"""Close code of a normal end (RFC 6455, 7.4.1)."""
ANSWERS_SHARE = 0.5
"""Longest wait for answers before `Terminate`, as a share of the one after it."""


class SampleReader(Protocol):
    """Recording that can be read by position while it grows."""

    sample_rate: int

    @property
    def position(self) -> int:
        """Samples recorded so far."""

    @property
    def closed(self) -> bool:
        """Whether recording has ended."""

    def read(self, position: int, samples: int) -> bytes:
        """Return at most `samples` samples of s16le from `position` on."""

    async def wait_beyond(self, position: int) -> None:
        """Wait until the recording reaches beyond `position` or has ended."""


class ActiveConnection:
    """One connection of a session.

    Args:
        connection: an open connection.
        prompt: id of the prompt in its `llm_gateway`.
        edits: edits of the prompt's text when the connection was opened.
        answers_turns: whether the endpoint answers final turns.
        turns: numbering of its turns; its base is where the connection starts.
        recording: the audio to send.
        chunk_ms: milliseconds of audio in one message.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        prompt: str,
        edits: int,
        answers_turns: bool,
        turns: ConnectionTurns,
        recording: SampleReader,
        chunk_ms: int,
        clock: Callable[[], float],
    ) -> None:
        self.connection = connection
        self.prompt = prompt
        self.edits = edits
        self.turns = turns
        self.cursor = turns.base
        """Position of the next sample to send."""
        self.begun_at = clock()
        life_s = max(0.0, connection.begin.expires_at - time.time())
        self.expires_at = self.begun_at + life_s
        """When the endpoint will end the connection, on `clock`."""
        self.renew_at = self.expires_at - min(RENEW_BEFORE_S, life_s / 5) if life_s > MIN_LIFE_S else math.inf
        """When another connection should take over, on `clock`."""
        self.draining = False
        """Whether it is being drained."""
        self.drained_at = math.inf
        """When the wait for its end is over at the latest, on `clock`; infinite unless it is being drained."""
        self.sent_all = asyncio.Event()
        """Set once recording has ended and its end is sent."""
        self._answers_turns = answers_turns
        self._recording = recording
        self._chunk = recording.sample_rate * chunk_ms // 1000
        self._shortest = 2 * math.ceil(recording.sample_rate * MIN_CHUNK_MS / 1000)
        """Bytes of the shortest message allowed."""
        self._max_chunk = recording.sample_rate  # 1000 ms, the longest message allowed
        self._clock = clock
        self._unanswered: set[int] = set()
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self._over = asyncio.Event()
        self._stopped = False
        self._terminated = False
        self._closed_by_us = False

    @property
    def answers_turns(self) -> bool:
        """Whether the endpoint answers final turns."""
        return self._answers_turns

    @property
    def complete(self) -> bool:
        """Whether the endpoint has sent everything about the audio it received."""
        ending = self.connection.close_info
        # An endpoint that is behind answers our closing frame with the same code.
        closed_by_endpoint = self.draining and not self._closed_by_us
        return self._terminated or (closed_by_endpoint and ending is not None and ending.code == NORMAL_CLOSURE)

    @property
    def cut_off(self) -> bool:
        """Whether the connection ended before it was complete."""
        return not (self.complete or self._closed_by_us)

    @property
    def missing_answers(self) -> list[int]:
        """Numbers, in the session, of final turns whose answers did not arrive, in order."""
        numbers = (self.turns.number(order) for order in self._unanswered)
        return sorted(number for number in numbers if number is not None)

    def stop_sending(self) -> None:
        """Stop sending: another connection has taken over."""
        self._stopped = True
        self.turns.accepts_new = False

    async def send(self) -> None:
        """Send the recording from the cursor on, until it ends, the connection ends, or another has taken over."""
        recording = self._recording
        while not self._stopped:
            samples = self._due_samples()
            if not samples:
                if recording.closed and self.cursor >= recording.position:
                    self.sent_all.set()
                    return
                await self._wait()
                continue
            pcm = recording.read(self.cursor, samples)
            # Only the end of the tape is shorter than a message may be; the silence after it counts nowhere.
            if not pcm or not await self.connection.send(pcm.ljust(self._shortest, b"\0")):
                return
            self.cursor += len(pcm) // 2

    async def receive(self, on_message: Callable[[ServerMessage], None]) -> None:
        """Call `on_message` with every message until the connection ends."""
        try:
            async for message in self.connection.messages():
                match message:
                    case LLMGatewayResponse(turn_order=order):
                        self._unanswered.discard(order)
                    case WireTurn(turn_order=order, end_of_turn=True) if (
                        self._answers_turns and message.transcript.strip()
                    ):
                        if self.turns.accepts_new:
                            self._unanswered.add(order)
                on_message(message)
                if self._unanswered:
                    self._all_answered.clear()
                else:
                    self._all_answered.set()
                if isinstance(message, Termination):
                    self._terminated = True
                    await self.connection.close()
        finally:
            self._stopped = True
            self._all_answered.set()
            self._over.set()

    async def drain(self, within_s: float, turns_s: float = 0.0) -> None:
        """Wait for outstanding answers, terminate, wait for the end and close.

        Args:
            within_s: longest wait in seconds; that for answers comes on top, since an endpoint may go on answering, and
                confirms the end of the session after that.
            turns_s: longest wait for an endpoint that is late with the turns, if that is longer.
        """
        self.draining = True
        begun_at = self._clock()
        self.drained_at = begun_at + max(within_s, turns_s)
        await _wait_within(self._all_answered, within_s * ANSWERS_SHARE)
        self.drained_at += self._clock() - begun_at
        await self.connection.terminate()
        await _wait_within(self._over, self.drained_at - self._clock())
        self._closed_by_us = not self._over.is_set()
        self.drained_at = math.inf
        await self.connection.close()

    def _due_samples(self) -> int:
        """Return the samples of the next message, 0 if none may be sent now."""
        recording, chunk = self._recording, self._chunk
        available = recording.position - self.cursor
        if recording.closed and available < 2 * chunk and available <= self._max_chunk:
            return available
        behind = available > BEHIND_S * recording.sample_rate
        size = min(4 * chunk, self._max_chunk // chunk * chunk) if behind else chunk
        if available < size or self.cursor + size > self._limit():
            return 0
        return size

    def _limit(self) -> int:
        """Return the position up to which the send rate allows to send."""
        elapsed_s = self._clock() - self.begun_at
        allowed_s = min(1.0 + elapsed_s * MAX_SEND_RATE, elapsed_s + AHEAD_S)
        return self.turns.base + int(allowed_s * self._recording.sample_rate)

    async def _wait(self) -> None:
        """Wait until the next message may be due."""
        need = self.cursor + self._chunk
        if self._recording.position < need and not self._recording.closed:
            await self._recording.wait_beyond(need - 1)
        else:
            await asyncio.sleep(0.02)


async def _wait_within(event: asyncio.Event, within_s: float) -> None:
    """Wait for the event for at most `within_s` seconds."""
    try:
        async with asyncio.timeout(max(0.0, within_s)):
            await event.wait()
    except TimeoutError:
        return
