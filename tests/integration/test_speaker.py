"""Playback through PortAudio into a real sound server, recorded from there."""

import asyncio
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Pulse, needs
from tests.session_fixtures import store_session, tone
from tui.audio import pulse as sound_server
from tui.audio.speaker import Speaker
from tui.engine.replay import ReplayEngine
from tui.errors import SourceError
from tui.model.events import Event, LevelChanged, Notice, Severity, State, StateChanged
from tui.paths import sessions_dir
from tui.sessions.store import Store

RATE = 16_000
DEADLINE_S = 20.0


async def test_playback_has_the_original_level(pulse: Pulse) -> None:
    listening = await asyncio.create_subprocess_exec(
        "parec", "--device=spk.monitor", "--format=s16le", "--rate=16000", "--channels=1", "--latency-msec=20",
        env=os.environ | pulse.env, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert listening.stdout is not None
    speaker = Speaker(RATE)
    recorded = b""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while np.abs(np.frombuffer(recorded[-RATE:], "<i2")).max(initial=0) < 7000:
                speaker.play(tone(0.1))
                recorded += await listening.stdout.readexactly(RATE // 5)
    finally:
        speaker.close()
        listening.terminate()
        await listening.wait()
    samples = np.frombuffer(recorded[-RATE // 5 :], "<i2")
    assert 7000 < np.abs(samples).max() < 9000


async def test_a_replay_is_audible(pulse: Pulse) -> None:
    stored = store_session(Store(sessions_dir()), sound_s=30.0)
    listening = await asyncio.create_subprocess_exec(
        "parec", "--device=spk.monitor", "--format=s16le", "--rate=16000", "--channels=1", "--latency-msec=20",
        env=os.environ | pulse.env, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert listening.stdout is not None
    reported: list[Event] = []
    replay = ReplayEngine(reported.append, stored, listen=True)
    running = asyncio.create_task(replay.run())
    try:
        async with asyncio.timeout(DEADLINE_S):
            peak = 0
            while peak < 7000:
                peak = int(np.abs(np.frombuffer(await listening.stdout.readexactly(RATE // 5), "<i2")).max())
    finally:
        replay.quit()
        await running
        listening.terminate()
        await listening.wait()
    assert not any(isinstance(event, Notice) for event in reported)


async def test_a_replay_without_an_output_device_is_still_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(rate: int) -> None:
        raise SourceError("The output device cannot be opened.", "Omit --listen.")

    monkeypatch.setattr("tui.engine.replay.Speaker", broken)
    over = asyncio.Event()

    def publish(event: Event) -> None:
        if event == StateChanged(State.ENDED):
            over.set()

    replay = ReplayEngine(publish, store_session(Store(sessions_dir())), speed=60.0, listen=True)
    running = asyncio.create_task(replay.run())
    async with asyncio.timeout(DEADLINE_S):
        await over.wait()
    replay.quit()
    await running
    assert replay.pop_notices() == [Notice(Severity.WARNING, "The output device cannot be opened.", "Omit --listen.")]


async def test_a_replay_goes_on_without_sound_once_the_sound_server_is_killed(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("pulseaudio", "pactl", "portaudio")
    monkeypatch.setattr(sound_server, "PRESENCE_S", 30.0)
    events: list[Event] = []
    published = asyncio.Event()

    def publish(event: Event) -> None:
        events.append(event)
        published.set()

    async def until(kind: type[Event]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not events or not isinstance(events[-1], kind):
                published.clear()
                await published.wait()

    replay = ReplayEngine(publish, store_session(Store(sessions_dir()), sound_s=600.0), listen=True)
    killed = Pulse(short_dir)
    with killed.in_use():
        running = asyncio.create_task(replay.run())
        try:
            await until(LevelChanged)
            killed.process.kill()
            killed.process.wait()
            await until(Notice)
            reported = events[-1]
            await until(LevelChanged)
        finally:
            replay.quit()
            await running
    assert isinstance(reported, Notice)
    assert reported.text == "The sound server has stopped. The replay continues without sound."
    assert reported.hint.startswith("Start it: ")
    assert reported.hint.endswith(" Then start the replay again.")
    assert sum(isinstance(event, Notice) for event in events) == 1


async def test_an_output_that_takes_no_audio_is_named(pulse: Pulse) -> None:
    speaker = Speaker(RATE)

    async def play() -> None:
        while True:
            speaker.play(tone(0.05))
            await speaker.check()
            await asyncio.sleep(0.01)

    pulse.pactl("suspend-sink", "spk", "1")
    try:
        with pytest.raises(SourceError) as raised:
            await asyncio.wait_for(play(), DEADLINE_S)
    finally:
        pulse.pactl("suspend-sink", "spk", "0")
        speaker.close()
    assert raised.value.message == "The output device took no audio for 2 s."
    assert raised.value.hint == "Connect it again, or choose another default output."


def test_unplayed_audio_does_not_accumulate(pulse: Pulse) -> None:
    speaker = Speaker(RATE)
    for _ in range(100):
        speaker.play(tone(0.1))
    assert speaker._queued_bytes <= RATE
    speaker.clear()
    assert speaker._queued_bytes == 0
    speaker.close()


def test_a_missing_output_device_is_an_error(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="The output device cannot be opened"):
        Speaker(3)
