"""A session that is over is replayed: in its order, at its pace, from any moment, over a real socket."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.session_fixtures import MEETING, meeting_events, store_session
from tui.cli.replay import replay_process
from tui.engine.client import EngineClient
from tui.engine.process import SOCKET_NAME
from tui.engine.replay import ReplayEngine
from tui.errors import UsageError
from tui.model.commands import Pause, Quit, Seek, Stop
from tui.model.events import (
    Event,
    LevelChanged,
    Notice,
    Severity,
    Snapshot,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.model.stats import Stats
from tui.paths import sessions_dir
from tui.sessions.added_gists import add_gists
from tui.sessions.flac import compress
from tui.sessions.journal import Journal
from tui.sessions.playback import Playback, stats_at
from tui.sessions.store import Store, StoredSession

DEADLINE_S = 60.0


@pytest.fixture
def stored() -> StoredSession:
    return store_session(Store(sessions_dir()), sound_s=30.0)


class Watched:
    """A replay in this process, and what it reported."""

    def __init__(self, stored: StoredSession, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        self.replay = ReplayEngine(self._record, stored, speed=speed, clock=clock)

    def _record(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    @property
    def finals(self) -> list[int]:
        return [event.turn.number for event in self.events if isinstance(event, TurnChanged) and event.turn.final]

    @property
    def levels(self) -> int:
        return sum(isinstance(event, LevelChanged) for event in self.events)

    @property
    def over(self) -> bool:
        return StateChanged(State.ENDED) in self.events


@pytest.fixture
async def watched(stored: StoredSession) -> AsyncIterator[Watched]:
    watched = Watched(stored, speed=60.0)
    running = asyncio.create_task(watched.replay.run())
    yield watched
    watched.replay.quit()
    await asyncio.wait_for(running, DEADLINE_S)


def test_turns_grow_word_by_word_before_they_are_final(stored: StoredSession) -> None:
    playback = Playback(stored.read().entries)
    reported = [event.turn for event in playback.between(5.9, 11.9) if isinstance(event, TurnChanged)]
    texts = [turn.text for turn in reported if not turn.final]
    assert len(texts) > 3
    assert all(after.startswith(before) for before, after in itertools.pairwise(texts))
    assert (reported[-1].final, reported[-1].text) == (True, MEETING[1][1])


def test_every_moment_of_a_session_can_be_shown(stored: StoredSession) -> None:
    playback = Playback(stored.read().entries)
    assert len(playback.at(0.0).transcript.finals) == 0
    assert [turn.number for turn in playback.at(13.5).transcript.finals] == [1, 2]
    assert playback.at(13.5).transcript.get(3) is not None
    whole, kept = playback.at(playback.end_s), stored.load()
    assert list(whole.transcript) == list(kept.transcript)
    assert whole.gists == kept.gists
    assert whole.state is State.ENDED


def test_turns_transcribed_after_the_recording_are_replayed_when_they_were_spoken() -> None:
    stored = store_session(Store(sessions_dir()), [], state=None)
    journal = stored.open_journal()
    for event in (
        StatsChanged(Stats(elapsed_s=30.0, untranscribed_s=30.0)),
        StateChanged(State.FAILED, "Recorded and not transcribed yet."),
        StateChanged(State.CONNECTING),
        StateChanged(State.LIVE),
        *meeting_events(),
        StateChanged(State.ENDED),
    ):
        journal.append(event, 30.0)
    journal.close()
    playback = Playback(stored.read().entries)
    halfway = playback.at(13.5)
    assert [turn.number for turn in halfway.transcript.finals] == [1, 2]
    assert list(halfway.gists) == [1, 2]
    assert halfway.state is State.LIVE
    assert stats_at(halfway, 13.5).elapsed_s == 13.5
    assert playback.at(30.0).gists == stored.load().gists
    assert playback.at(30.0).state is State.ENDED


def test_an_answer_that_was_asked_for_later_comes_with_its_turn(stored: StoredSession) -> None:
    add_gists(stored, [Gist(0, 2, "takeaway", "new", GistStatus.DONE), Gist(0, None, "", "yes", question="Well?")])
    playback = Playback(stored.read().entries)
    assert "new" not in [gist.text for gist in playback.at(5.0).gists.values()]
    assert playback.at(29.0).state is State.LIVE
    assert playback.at(30.0).gists == stored.load().gists


async def test_a_replay_publishes_all_events_in_order(watched: Watched) -> None:
    await watched.until(lambda: watched.over)
    assert watched.finals == [1, 2, 3, 4, 5]
    stats = [event.stats for event in watched.events if isinstance(event, StatsChanged)]
    assert [figures.turns for figures in stats] == sorted(figures.turns for figures in stats)


async def test_what_was_to_be_done_then_is_not_asked_for_in_a_replay() -> None:
    notice = Notice(Severity.ERROR, "The sound server has stopped.", "Start it.")
    stored = store_session(Store(sessions_dir()), state=None)
    journal = Journal(stored.events)
    journal.append(notice, 29.0)
    journal.append(StateChanged(State.ENDED), 30.0)
    journal.close()
    watched = Watched(stored, speed=60.0)
    running = asyncio.create_task(watched.replay.run())
    await watched.until(lambda: watched.over)
    watched.replay.quit()
    await asyncio.wait_for(running, DEADLINE_S)
    reported = [event for event in watched.events if isinstance(event, Notice)]
    assert reported == [Notice(Severity.INFO, "The sound server has stopped.")]


async def test_the_level_is_that_of_the_recording(watched: Watched) -> None:
    await watched.until(lambda: any(isinstance(event, LevelChanged) for event in watched.events))
    level = next(event for event in watched.events if isinstance(event, LevelChanged))
    assert level.peak_dbfs == pytest.approx(-12.2, abs=0.3)


async def test_a_flac_is_replayed_like_a_wav(stored: StoredSession) -> None:
    compress(stored)
    watched = Watched(stored, speed=60.0)
    running = asyncio.create_task(watched.replay.run())
    await watched.until(lambda: watched.over)
    watched.replay.quit()
    await running
    assert any(isinstance(event, LevelChanged) and event.peak_dbfs > -13 for event in watched.events)


async def test_a_hole_in_a_recording_is_silence(stored: StoredSession) -> None:
    compress(stored)
    content = bytearray(stored.audio.read_bytes())
    content[len(content) // 3 : len(content) // 2] = b"\xff" * (len(content) // 2 - len(content) // 3)
    stored.audio.write_bytes(content)
    watched = Watched(stored, speed=60.0)
    running = asyncio.create_task(watched.replay.run())
    await watched.until(lambda: watched.over)
    watched.replay.quit()
    await running
    assert watched.finals == [1, 2, 3, 4, 5]


async def test_a_session_without_its_recording_is_replayed_in_silence(stored: StoredSession) -> None:
    stored.audio.unlink()
    watched = Watched(stored, speed=60.0)
    running = asyncio.create_task(watched.replay.run())
    await watched.until(lambda: watched.over)
    watched.replay.quit()
    await running
    assert watched.finals == [1, 2, 3, 4, 5]


async def test_a_paused_replay_stands_still_and_goes_on_where_it_stood(stored: StoredSession) -> None:
    now = [0.0]
    watched = Watched(stored, speed=1.0, clock=lambda: now[0])
    running = asyncio.create_task(watched.replay.run())
    await watched.until(lambda: watched.levels > 0)
    now[0] += 3.0
    await watched.until(lambda: watched.finals == [1])
    await watched.replay.execute(Pause(True))
    assert watched.replay.snapshot().paused
    now[0] += 1000.0
    seen = watched.levels
    await watched.replay.execute(Pause(False))
    await watched.until(lambda: watched.levels > seen)
    assert watched.finals == [1]
    now[0] += 1000.0
    await watched.until(lambda: watched.over)
    watched.replay.quit()
    await running


async def test_seeking_shows_that_moment_and_goes_on_from_there(watched: Watched) -> None:
    await watched.until(lambda: watched.over)
    await watched.replay.execute(Seek(12.0))
    snapshot = watched.events[-1]
    assert isinstance(snapshot, Snapshot)
    assert [turn.number for turn in snapshot.turns if turn.final] == [1, 2]
    await watched.until(lambda: watched.finals == [1, 2, 3, 4, 5, 3, 4, 5])


async def test_seeking_beyond_the_ends_stays_within(watched: Watched) -> None:
    await watched.replay.execute(Seek(-5.0))
    await watched.replay.execute(Seek(1e9))
    assert watched.replay.snapshot().state is State.ENDED


async def test_a_replayed_session_cannot_be_changed(watched: Watched) -> None:
    with pytest.raises(UsageError, match="replay"):
        await watched.replay.execute(Stop())


async def test_a_viewer_sees_the_replay_over_a_real_socket_and_leaves_nothing_behind(stored: StoredSession) -> None:
    before = stored.events.read_bytes()
    with replay_process(stored, 60.0, listen=False) as folder:
        client = EngineClient(folder / SOCKET_NAME)
        finals: list[int] = []
        async with asyncio.timeout(DEADLINE_S):
            async for event in client.events():
                match event:
                    case Snapshot(replay_speed=speed, turns=turns):
                        assert speed == 60.0
                        finals += [turn.number for turn in turns if turn.final]
                    case TurnChanged(turn=turn) if turn.final:
                        finals.append(turn.number)
                    case StateChanged(state=State.ENDED):
                        await client.send(Quit())
    assert finals == [1, 2, 3, 4, 5]
    assert not await asyncio.to_thread(Path.exists, folder)
    assert stored.events.read_bytes() == before
