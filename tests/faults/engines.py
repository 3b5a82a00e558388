"""An engine in this process, a record of its events, and checks that no audio and no turn was lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fake_endpoint import RATE, Call, said
from tui.engine.engine import Engine
from tui.model.commands import Option, Start
from tui.model.events import Event, Notice, State, StateChanged, TurnChanged
from tui.model.gists import GistStatus
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.paths import PACKAGE, log_file, sessions_dir
from tui.sessions.store import Store, StoredSession

PATIENCE_S = 40.0
"""Longest wait for any condition, in seconds: the machine may be busy."""
SPEED = 4.0
"""Speed of the fast clock, relative to real time: a test takes a fourth of the time."""
DRAIN_S = 120.0
"""Longest wait of a session for outstanding turns, on a clock that may be fast; tests wait less."""
WAV_HEADER = 44
PADDING_MOST = 2 * (RATE // 20 - 1)
"""Maximum number of bytes of silence that pad the last message to 50 ms, the shortest one allowed."""


def fast() -> float:
    """Return monotonic seconds that pass `SPEED` times as fast as real time."""
    return time.monotonic() * SPEED


class Watch:
    """Records an engine's events, and waits for conditions on them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.record = SessionState()
        self._changed = asyncio.Event()

    def publish(self, event: Event) -> None:
        self.events.append(event)
        self.record.apply(event)
        self._changed.set()

    async def until(self, what: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(within_s):
            while not what():
                self._changed.clear()
                await self._changed.wait()

    async def until_state(self, *states: State, within_s: float = PATIENCE_S) -> None:
        await self.until(lambda: self.record.state in states, within_s)

    async def until_over(self, within_s: float = PATIENCE_S) -> None:
        await self.until_state(State.ENDED, State.FAILED, within_s=within_s)

    async def until_turn(self, number: int) -> None:
        """Wait until a turn exists, partial or final."""
        await self.until(lambda: self.record.transcript.get(number) is not None)

    @property
    def finals(self) -> list[Turn]:
        return self.record.transcript.finals

    @property
    def ended(self) -> list[int]:
        """Numbers of the turns in the order in which their finals were published."""
        return [event.turn.number for event in self.events if isinstance(event, TurnChanged) and event.turn.final]

    @property
    def states(self) -> list[State]:
        found = [event.state for event in self.events if isinstance(event, StateChanged)]
        return [state for at, state in enumerate(found) if at == 0 or found[at - 1] != state]

    @property
    def notices(self) -> list[str]:
        return [f"{event.text} {event.hint}" for event in self.events if isinstance(event, Notice)]

    @property
    def audio(self) -> Path:
        assert self.record.session is not None
        return Path(self.record.session.path) / "audio.wav"

    @property
    def recorded(self) -> bytes:
        return self.audio.read_bytes()[WAV_HEADER:]


def engine(watch: Watch, *, clock: Callable[[], float] = time.monotonic, store: Store | None = None) -> Engine:
    return Engine(
        watch.publish,
        store=store or Store(sessions_dir()),
        prompt_folders=(PACKAGE / "prompts",),
        log_file=log_file(),
        clock=clock,
    )


@asynccontextmanager
async def running(watch: Watch, *, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[Engine]:
    """Run an engine, and make it quit at the end."""
    built = engine(watch, clock=clock)
    task = asyncio.create_task(built.run())
    try:
        yield built
    finally:
        built.quit()
        await task


def options(sound: bytes, url: str, folder: Path, **more: Option) -> dict[str, Option]:
    """Return the settings of a session that records `sound` and waits `DRAIN_S` for outstanding turns."""
    path = folder / "sound.raw"
    path.write_bytes(sound)
    return {"source": f"cmd:cat {path}", "url": url, "analyse_at_end": False, "drain_timeout_s": DRAIN_S, **more}


async def start_session(built: Engine, sound: bytes, url: str, folder: Path, **more: Option) -> None:
    """Start a session on `sound`."""
    await built.execute(Start(options(sound, url, folder, **more)))


@asynccontextmanager
async def in_session(
    sound: bytes, url: str, folder: Path, *, clock: Callable[[], float] = time.monotonic, **more: Option
) -> AsyncIterator[tuple[Watch, Engine]]:
    """Run an engine and start a session on `sound`; make the engine quit at the end."""
    watch = Watch()
    async with running(watch, clock=clock) as built:
        await start_session(built, sound, url, folder, **more)
        yield watch, built


def assert_nothing_lost(sound: bytes, watch: Watch, calls: list[Call], turns: int) -> None:
    """Check that `sound` was recorded and sent completely, and that each turn was published once and in order.

    The session has to be over and fully transcribed.
    """
    assert watch.record.state is State.ENDED, watch.record.reason
    assert watch.record.stats.untranscribed_s == 0
    assert watch.recorded == sound, "the recording is what was spoken"
    assert_all_arrived(watch.recorded, calls)
    assert [turn.text for turn in watch.finals] == [said(number) for number in range(1, turns + 1)]
    assert [turn.number for turn in watch.finals] == list(range(1, turns + 1))
    assert watch.ended == list(range(1, turns + 1)), "no turn's end is reported twice"
    starts = [turn.start_s for turn in watch.finals]
    assert starts == sorted(starts)


def assert_all_arrived(recorded: bytes, calls: list[Call]) -> None:
    """Check that each connection received a contiguous part of the recording, and that the parts leave no gap.

    Only silence may follow the recording's end, less than one message of it.
    """
    padded = recorded + bytes(PADDING_MOST)
    covered = 0
    for call in calls:
        audio = bytes(call.audio)
        at = _place(padded, audio, covered)
        assert at is not None, "a connection got what was not recorded, or got it twice"
        assert at <= covered, f"{(at - covered) // 2} samples are missing at the endpoint"
        covered = max(covered, at + len(audio))
    assert covered >= len(recorded), f"{(len(recorded) - covered) // 2} samples are missing at the endpoint's end"


def _place(recorded: bytes, audio: bytes, covered: int) -> int | None:
    """Return the position of a connection's audio in the recording: of several, the last that leaves no gap."""
    found = None
    at = recorded.find(audio)
    while at >= 0 and (found is None or at <= covered):
        if at % 2 == 0:
            found = at
        if not audio:
            return covered
        at = recorded.find(audio, at + 1)
    return found


def assert_each_turn_answered_once(watch: Watch) -> None:
    done = [gist.turn for gist in watch.record.gists.values() if gist.status is GistStatus.DONE]
    assert sorted(turn for turn in done if turn is not None) == [turn.number for turn in watch.finals]


async def ended_session(within_s: float = PATIENCE_S) -> StoredSession:
    """Wait until the one session has ended; return it."""
    async with asyncio.timeout(within_s):
        while True:
            (stored,) = Store(sessions_dir())
            if not stored.live and stored.load().state is State.ENDED:
                return stored
            await asyncio.sleep(0.1)
