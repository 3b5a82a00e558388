"""A session without viewers: when it stops, and how it ends."""

import time
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect

from tests.fake_endpoint import Endpoint, speech
from tests.faults.engines import fast, options
from tests.server_harness import hosted_until, hosting, watching
from tui.engine.server import REJOIN_GRACE_S
from tui.model.commands import Start
from tui.model.commands import encode as encode_command
from tui.model.events import State
from tui.model.gists import GistStatus
from tui.paths import sessions_dir
from tui.sessions.store import Store


@pytest.mark.parametrize(("minutes", "stops"), [(0.0, True), (0.02, True), (-1.0, False)])
async def test_an_unattended_session_stops_on_request(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: float, stops: bool
) -> None:
    monkeypatch.setattr("tui.engine.server.CHECK_INTERVAL_S", 0.05)
    # On the fast clock: 10 s for a session that stops early, and 1 s for one that lasts to its end.
    sound = speech(*range(1, 41 if stops else 5))
    async with hosting(engine_clock=fast) as hosted:
        async with watching(hosted.socket) as viewer:
            await viewer.send(Start(options(sound, server.url, tmp_path, unattended_minutes=minutes)))
            await viewer.until(lambda: viewer.record.state is State.LIVE)
        await hosted_until(hosted, lambda reported: reported.state is State.ENDED)
        (stored,) = Store(sessions_dir())
        recorded = stored.audio.stat().st_size - 44
        assert (recorded < len(sound)) is stops


async def test_a_viewer_that_is_lost_has_time_to_come_back(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.engine.server.CHECK_INTERVAL_S", 0.05)
    sound = speech(*range(1, 41))
    later_s = 0.0
    async with hosting(clock=lambda: time.monotonic() + later_s, engine_clock=fast) as hosted:
        await hosted_until(hosted, lambda reported: reported.state is State.IDLE)
        lost = await unix_connect(str(hosted.socket))
        await lost.send(encode_command(Start(options(sound, server.url, tmp_path, unattended_minutes=0.0))))
        await hosted_until(hosted, lambda reported: reported.state is State.LIVE)
        lost.transport.abort()
        await hosted_until(hosted, lambda reported: reported.viewers == 0)
        await hosted_until(hosted, lambda reported: len(reported.turns) >= 2)
        async with watching(hosted.socket) as back:
            assert back.record.state is State.LIVE
        await hosted_until(hosted, lambda reported: reported.viewers == 0)
        later_s = REJOIN_GRACE_S
        await hosted_until(hosted, lambda reported: reported.state is State.ENDED)
        (stored,) = Store(sessions_dir())
        assert stored.audio.stat().st_size - 44 < len(sound)


async def test_a_session_that_stops_for_being_unattended_is_finished_as_any_other(
    server: Endpoint, tmp_path: Path
) -> None:
    server.answer_s = 1.0
    async with hosting() as hosted:
        async with watching(hosted.socket) as viewer:
            await viewer.send(Start(options(speech(1, samples=480_000), server.url, tmp_path, unattended_minutes=0.0)))
            await viewer.until(lambda: len(viewer.record.transcript) == 1)
        await hosted_until(hosted, lambda reported: reported.state is State.ENDED)
        (stored,) = Store(sessions_dir())
        record = stored.load()
        (text,) = [turn.text for turn in record.transcript.finals]
        assert text == f"turn 1 of {(stored.audio.stat().st_size - 44) // 2} samples"
        assert [gist.status for gist in record.gists.values()] == [GistStatus.DONE]
