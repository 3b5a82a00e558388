"""A track that is stopped while the others of its session go on."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import PATIENCE_S, WAV_HEADER, Watch, running
from tests.faults.screen import screen
from tests.faults.test_engine_killed import LIVE, engine_ended, speech_after
from tests.integration.test_tracks import settings, start, stored
from tests.terminal import LIVEGIST
from tui.engine.client import EngineClient
from tui.engine.process import LOCK_NAME, SOCKET_NAME
from tui.errors import UsageError
from tui.model.commands import SetGain, Start, StopTrack
from tui.model.events import State
from tui.model.tracks import TracksChanged
from tui.paths import runtime_dir, sessions_dir
from tui.sessions.export import export
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store


async def test_a_track_is_stopped_and_the_others_go_on(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine blocks may be late, which a correction of the clock makes good sample by sample.
    monkeypatch.setattr("tui.audio.clock_fit.DEADBAND_S", 1.0)
    watch = Watch()
    async with running(watch) as built:
        await start(built, server, tmp_path, you=speech(*range(1, 13)), them=speech(*range(21, 33)))
        await watch.until(lambda: len([turn for turn in watch.finals if turn.track == "them"]) >= 2)
        with pytest.raises(UsageError, match="no track 'her'"):
            await built.execute(StopTrack("her"))
        await built.execute(StopTrack("them"))
        await watch.until(lambda: any("them is no longer recorded" in notice for notice in watch.notices))
        with pytest.raises(UsageError, match="them was stopped"):
            await built.execute(StopTrack("them"))
        with pytest.raises(UsageError, match="No other track is recorded"):
            await built.execute(StopTrack("you"))
        await built.execute(SetGain(0.0))
        before = len([turn for turn in watch.finals if turn.track == "you"])
        await watch.until(lambda: len([turn for turn in watch.finals if turn.track == "you"]) > before)
        assert State.RECONNECTING not in watch.states
        await watch.until_over()
    assert watch.states[-1] is State.ENDED
    assert watch.record.stats.untranscribed_s == 0
    assert [turn.text for turn in watch.finals if turn.track == "you"] == [said(n) for n in range(1, 13)]
    theirs = [turn.text for turn in watch.finals if turn.track == "them"]
    assert 2 <= len(theirs) < 12
    assert theirs[:-1] == [said(n) for n in range(21, 20 + len(theirs))]
    assert theirs[-1].startswith(f"turn {20 + len(theirs)} of "), "the last turn, which was cut"
    you, them = (path.read_bytes()[WAV_HEADER:] for path in stored().recordings)
    assert len(them) < len(you)
    assert server.calls[1].audio.rstrip(b"\0") == them.rstrip(b"\0")
    tracks = stored().load().tracks
    assert tracks[0].end_s == 0
    assert tracks[1].end_s == pytest.approx(len(them) / 2 / RATE, abs=0.001)
    assert theirs[-1] in export(stored().load(), SessionMetadata(), "txt")


async def test_the_first_track_of_a_mix_is_stopped_and_the_mix_goes_on(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch) as built:
        both = settings(server, tmp_path, you=speech(*range(1, 9)), them=bytes(10 * RATE) + speech(21, 22))
        await built.execute(Start({**both, "mix": True}))
        await watch.until(lambda: len(watch.finals) >= 2)
        await built.execute(StopTrack("you"))
        await watch.until_over()
    assert watch.states[-1] is State.ENDED
    assert len(server.calls) == 1
    assert watch.record.stats.untranscribed_s == 0
    you, them = (path.read_bytes()[WAV_HEADER:] for path in stored().recordings)
    assert len(you) < len(them)
    assert [turn.text for turn in watch.finals][-1] == said(22)


async def test_an_engine_that_continues_the_session_does_not_record_the_stopped_track(
    server: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_ANALYSE_AT_END", "false")
    sources = ("--source", f"you={LIVE}", "--source", f"them={LIVE}")
    with engine_ended():
        async with screen(*LIVEGIST, "--url", server.url, *sources) as shown:
            await shown.until("READY")
            shown.type("s")
            await shown.until("LIVE", "turn 7 of")
            client = EngineClient(runtime_dir() / SOCKET_NAME)
            events = client.events()
            async with asyncio.timeout(PATIENCE_S):
                await anext(events)
                await client.send(StopTrack("them"))
                while not isinstance(changed := await anext(events), TracksChanged):
                    pass
            assert changed.tracks[1].stopped
            await shown.until("not recording")
            (found,) = Store(sessions_dir())
            you, them = (path.stat().st_size for path in found.recordings)
            os.kill(int((runtime_dir() / LOCK_NAME).read_text()), signal.SIGKILL)
            await shown.until("Not recorded:")
            async with asyncio.timeout(PATIENCE_S):
                await speech_after(found, you)
            await shown.until("not recording", "LIVE")
            shown.type("x")
            await shown.until("ENDED")
    assert found.recordings[1].stat().st_size == them
    assert found.load().tracks == changed.tracks
    assert found.load().stats.untranscribed_s == 0
