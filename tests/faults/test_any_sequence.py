"""The reconnecting stream through random sequences of faults, prompt changes and stops: no turn is lost or repeated."""

import asyncio
import tempfile
import time
from enum import StrEnum
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import fake_endpoint
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import assert_all_arrived
from tests.integration.reconnecting_harness import EventLog, target
from tui.audio.recording import Recording
from tui.stream import events
from tui.stream.reconnecting import ReconnectingStream

SPEED = 20


class Step(StrEnum):
    """A step of a sequence."""

    TURN = "a turn is spoken"
    HALF = "half a turn is spoken"
    PARTIAL = "half a turn is spoken and arrives"
    ARRIVED = "what was spoken arrives"
    TIME = "some time passes"
    CUT = "the network is cut"
    REFUSE = "nobody is let in"
    ADMIT = "whoever comes is let in"
    THROW_OUT = "whoever comes is thrown out"
    CROWDED = "new connections are refused: too many"
    SHORT_LIFE = "connections expire soon"
    LONG_LIFE = "connections last"
    SWAP = "another prompt is wanted"
    EDIT = "the prompt in use is edited"
    SLEEP = "the machine slept"
    SLOW_ANSWERS = "answers take their time"


STEPS = [*Step, Step.PARTIAL, Step.PARTIAL, Step.CUT, Step.CUT, Step.SWAP, Step.ARRIVED, Step.ADMIT, Step.ADMIT]
"""Steps to draw from; those that interact are listed more often."""


LATE = [Step.TIME, Step.CUT, Step.SLEEP, Step.SWAP, Step.EDIT]
"""Steps that may follow the end of the recording."""


class Story:
    """A stream that goes through a sequence of steps."""

    def __init__(self, server: Endpoint, recording: Recording) -> None:
        self.server = server
        self.recording = recording
        self.log = EventLog()
        self.spoken = 0
        self.half = False
        self.prompts = 0
        self.way = ReconnectingStream(
            recording,
            target(server),
            "prompt 0",
            self.log.record,
            clock=lambda: time.monotonic() * SPEED,
            jitter=lambda: 0.02,
            drain_s=200.0,
        )

    async def take(self, step: Step) -> None:
        server = self.server
        match step:
            case Step.TURN:
                self.finish_half()
                self.spoken += 1
                self.recording.append(speech(self.spoken))
            case Step.HALF | Step.PARTIAL:
                self.finish_half()
                self.spoken += 1
                self.half = True
                self.recording.append(speech(self.spoken)[: RATE // 2])
                if step is Step.PARTIAL and self.admitted:
                    await self.log.until(lambda: self.log.transcript.get(self.spoken) is not None)
            case Step.ARRIVED if self.admitted:
                whole = self.spoken - self.half
                await self.log.until(lambda: len(self.log.finals) >= whole)
            case Step.TIME:
                await asyncio.sleep(0.03)
            case Step.CUT:
                await server.cut()
            case Step.REFUSE:
                server.refuse_status = 503
            case Step.ADMIT:
                server.refuse_status, server.close_with = 0, None
            case Step.THROW_OUT:
                server.close_with = (1011, "internal")
            case Step.CROWDED:
                server.close_with = (3009, "Too many concurrent sessions")
            case Step.SHORT_LIFE:
                server.life_s = 6
            case Step.LONG_LIFE:
                server.life_s = 10_800
            case Step.SWAP:
                self.prompts += 1
                self.way.use_prompt(f"prompt {self.prompts}")
            case Step.EDIT:
                self.way.renew()
            case Step.SLEEP:
                self.way.reconnect()
            case Step.SLOW_ANSWERS:
                server.answer_s = 0.2
        # Let the link see it before the next happens, or not: both are worth a try.
        await asyncio.sleep(0)

    @property
    def admitted(self) -> bool:
        return not (self.server.refuse_status or self.server.close_with)

    def finish_half(self) -> None:
        if self.half:
            self.half = False
            self.recording.append(speech(self.spoken)[RATE // 2 :])

    async def end(self) -> None:
        """End the recording, possibly in the middle of a turn."""
        self.server.refuse_status, self.server.close_with, self.server.life_s = 0, None, 10_800
        self.recording.close()


async def live(steps: list[Step], late: list[Step], folder: Path) -> None:
    async with fake_endpoint.running() as server:
        recording = Recording.create(folder / "audio.wav", RATE)
        story = Story(server, recording)
        async with asyncio.timeout(60):
            running = asyncio.create_task(story.way.run())
            for step in steps:
                await story.take(step)
            await story.end()
            for step in late:
                await story.take(step)
            await running
        numbers = list(range(1, story.spoken + 1))
        texts = [said(n) for n in numbers]
        if story.half:
            texts[-1] = said(story.spoken, RATE // 4)
        assert story.log.finals == texts
        assert [turn.number for turn in story.log.transcript] == numbers
        whole = recording.read(0, recording.position)
        assert_all_arrived(whole, server.calls)
        asked = [
            e.turn.number for e in story.log.events if isinstance(e, events.TurnReceived) and e.turn.final and e.prompt
        ]
        assert asked == numbers, "each turn is asked about once"
        assert not story.log.of(events.StreamFailed)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(STEPS), max_size=20), st.lists(st.sampled_from(LATE), max_size=4))
def test_no_turn_is_lost_or_published_twice_in_any_sequence_of_faults(steps: list[Step], late: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(steps, late, Path(folder)))
