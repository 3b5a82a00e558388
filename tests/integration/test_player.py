"""The recording of a stored session, played from a turn on into a real sound server."""

import asyncio
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Pulse, needs
from tests.fake_endpoint import Endpoint
from tests.faults.engines import Watch, running
from tests.server_harness import hosting, watching
from tests.session_fixtures import store_session
from tui.audio import pulse as sound_server
from tui.errors import SourceError
from tui.model.commands import Start, Stop, TogglePlay
from tui.model.events import Notice, PlayingChanged, Rejected, State, StateChanged
from tui.paths import sessions_dir
from tui.sessions.store import Store

DEADLINE_S = 30.0
RATE = 16_000


async def test_a_recording_is_played_from_a_time_on_until_it_is_stopped(pulse: Pulse) -> None:
    stored = store_session(Store(sessions_dir()), sound_s=30.0)
    listening = await asyncio.create_subprocess_exec(
        "parec", "--device=spk.monitor", "--format=s16le", "--rate=16000", "--channels=1", "--latency-msec=20",
        env=os.environ | pulse.env, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert listening.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE_S), hosting() as hosted, watching(hosted.socket) as viewer:
            await viewer.send(TogglePlay(stored.id, 12.0))
            await viewer.until(lambda: PlayingChanged(True) in viewer.events)
            peak = 0
            while peak < 7000:
                peak = int(np.abs(np.frombuffer(await listening.stdout.readexactly(RATE // 5), "<i2")).max())
            await viewer.send(TogglePlay(stored.id, 0.0))
            await viewer.until(lambda: PlayingChanged(False) in viewer.events)
    finally:
        listening.terminate()
        await listening.wait()


async def test_playback_ends_with_the_recording(pulse: Pulse) -> None:
    stored = store_session(Store(sessions_dir()), sound_s=30.0)
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        await viewer.send(TogglePlay(stored.id, 29.7))
        await viewer.until(lambda: PlayingChanged(False) in viewer.events)


async def test_a_session_that_starts_ends_playback_and_records_from_its_microphone(
    pulse: Pulse, server: Endpoint
) -> None:
    stored = store_session(Store(sessions_dir()), sound_s=600.0)
    watch = Watch()
    async with running(watch) as built:
        await built.execute(TogglePlay(stored.id, 0.0))
        await watch.until(lambda: PlayingChanged(True) in watch.events)
        await built.execute(Start({"source": "mic", "url": server.url, "analyse_at_end": False}))
        await watch.until(lambda: watch.record.stats.elapsed_s >= 1)
        connecting = next(event for event in watch.events if isinstance(event, StateChanged))
        assert connecting.state is State.CONNECTING
        assert PlayingChanged(False) in watch.events[: watch.events.index(connecting)]
        await built.execute(Stop())
        await watch.until_over()
    assert watch.notices == []


async def test_a_killed_sound_server_ends_playback_and_a_message_says_what_to_do(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("pulseaudio", "pactl", "portaudio")
    monkeypatch.setattr(sound_server, "PRESENCE_S", 30.0)
    stored = store_session(Store(sessions_dir()), sound_s=600.0)
    killed = Pulse(short_dir)
    with killed.in_use():
        async with hosting() as hosted, watching(hosted.socket) as viewer:
            await viewer.send(TogglePlay(stored.id, 0.0))
            await viewer.until(lambda: PlayingChanged(True) in viewer.events)
            killed.process.kill()
            killed.process.wait()
            await viewer.until(lambda: any(isinstance(event, Notice) for event in viewer.events))
            assert viewer.events.index(PlayingChanged(False)) == len(viewer.events) - 2
            notice = viewer.events[-1]
            assert isinstance(notice, Notice)
            assert notice.text == "The sound server has stopped. Playback has ended."
            assert notice.hint.startswith("Start it: ")
            assert notice.hint.endswith(" Then play again.")
            reported = len(viewer.events)
            with Pulse(short_dir).in_use():
                await viewer.send(TogglePlay(stored.id, 0.0))
                await viewer.until(lambda: len(viewer.events) > reported)
                assert viewer.events[reported] == PlayingChanged(True)
                await viewer.send(TogglePlay(stored.id, 0.0))
                await viewer.until(lambda: viewer.events[-1] == PlayingChanged(False))


async def test_without_an_output_device_a_message_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(rate: int) -> None:
        raise SourceError("The output device cannot be opened.", "Omit --listen.")

    monkeypatch.setattr("tui.engine.player.open_speaker", broken)
    stored = store_session(Store(sessions_dir()))
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        for session, reason in ((stored.id, "output device"), ("", "no stored session to play"), ("x", "no session")):
            reported = len(viewer.events)
            await viewer.send(TogglePlay(session, 0.0))
            await viewer.until(lambda reported=reported: len(viewer.events) > reported)  # type: ignore[misc]
            rejected = viewer.events[-1]
            assert isinstance(rejected, Rejected)
            assert reason in rejected.text
            assert "--listen" not in rejected.hint
