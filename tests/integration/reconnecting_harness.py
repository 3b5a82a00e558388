"""A stream to an endpoint in this process, and a record of its events."""

import asyncio
import time
from collections.abc import Callable

from tests.fake_endpoint import RATE, Endpoint, speech
from tui.audio.recording import Recording
from tui.model.transcript import Transcript
from tui.stream import events, query
from tui.stream.events import StreamEvent
from tui.stream.query import LLMGateway
from tui.stream.reconnecting import ReconnectingStream, Target


class EventLog:
    """The events of a stream, and a way to wait for one."""

    def __init__(self) -> None:
        self.events: list[StreamEvent] = []
        self.transcript = Transcript()
        self._changed = asyncio.Event()

    def record(self, event: StreamEvent) -> None:
        self.events.append(event)
        match event:
            case events.TurnReceived(turn=turn):
                self.transcript.upsert(turn)
            case events.TurnDiscarded(number=number):
                self.transcript.remove(number)
        self._changed.set()

    async def until(self, what: Callable[[], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not what():
                self._changed.clear()
                await self._changed.wait()

    @property
    def finals(self) -> list[str]:
        return [turn.text for turn in self.transcript.finals]

    @property
    def answers(self) -> list[tuple[int, str, str]]:
        return [
            (event.turn, event.prompt, event.completion["choices"][0]["message"]["content"])
            for event in self.events
            if isinstance(event, events.AnswerReceived)
        ]

    def of(self, kind: type[StreamEvent]) -> list[StreamEvent]:
        return [event for event in self.events if isinstance(event, kind)]


def target(server: Endpoint) -> Callable[[str], "asyncio.Future[Target]"]:
    async def answer(prompt: str) -> Target:
        asked = LLMGateway("model", ({"role": "user", "content": prompt},))
        url = query.connection_url(
            server.url, sample_rate=RATE, speech_model="u3-rt-pro", format_turns=True, llm_gateway=asked
        )
        return Target(url, "key")

    return lambda prompt: asyncio.ensure_future(answer(prompt))


def linked(recording: Recording, server: Endpoint, log: EventLog, **options: float) -> ReconnectingStream:
    """Return a link whose clock runs ten times as fast, so that it may send as much faster."""
    return ReconnectingStream(
        recording,
        target(server),
        "one",
        log.record,
        clock=lambda: time.monotonic() * 10,
        jitter=lambda: 0.1,
        drain_s=options.get("drain_s", 100.0),
    )


async def spoken_once(
    recording: Recording, server: Endpoint, log: EventLog
) -> tuple[ReconnectingStream, "asyncio.Task[None]"]:
    """Start a stream and wait for its first final turn."""
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await log.until(lambda: len(log.finals) == 1)
    return way, running
