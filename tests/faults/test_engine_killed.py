"""The engine is killed in a session: another one goes on recording it, or the dashboard says that recording stopped."""

import asyncio
import os
import re
import signal
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import PATIENCE_S, WAV_HEADER, assert_all_arrived, ended_session
from tests.faults.screen import Screen, screen
from tests.terminal import LIVEGIST
from tui.engine.process import LOCK_NAME, is_running
from tui.paths import runtime_dir, sessions_dir
from tui.sessions.export import export
from tui.sessions.store import Store, StoredSession

TURNS = 8
SOUND = speech(*range(1, TURNS + 1))
LIVE = f"""cmd:python3 -c "
import sys, time
begin = time.monotonic()
while time.monotonic() - begin < 600:
    value = (int(time.monotonic()) % 2) * 7
    sys.stdout.buffer.write(value.to_bytes(2, 'little') * {RATE // 10})
    sys.stdout.buffer.flush()
    time.sleep(0.1)
" """
"""A live source: half a second of speech and of silence, without end."""


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "meeting.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(SOUND)
    return path


@contextmanager
def engine_ended() -> Iterator[None]:
    """End the engine that the dashboard started."""
    try:
        yield
    finally:
        if is_running(runtime_dir()):
            os.kill(engine_pid(), signal.SIGKILL)


def engine_pid() -> int:
    return int((runtime_dir() / LOCK_NAME).read_text())


def kill_engine() -> int:
    pid = engine_pid()
    os.kill(pid, signal.SIGKILL)
    return pid


async def speech_after(stored: StoredSession, at: int) -> None:
    """Wait until the recording contains more than silence after its first `at` bytes."""
    while True:
        if stored.audio.read_bytes()[at:].strip(b"\0"):
            return
        await asyncio.sleep(0.1)


def assert_whole(stored: StoredSession, server: Endpoint) -> None:
    """Check that every turn is stored and was sent once, and that the recording is the whole sound."""
    finals = stored.load().transcript.finals
    assert [turn.text for turn in finals] == [said(number) for number in range(1, TURNS + 1)]
    assert [turn.number for turn in finals] == list(range(1, TURNS + 1))
    recorded = stored.audio.read_bytes()[WAV_HEADER:]
    assert recorded == SOUND
    assert_all_arrived(recorded, server.calls)


def dashboard(server: Endpoint, source: str) -> tuple[str, ...]:
    return (*LIVEGIST, "--url", server.url, "--source", source)


async def start(shown: Screen, *until: str) -> None:
    await shown.until("READY")
    shown.type("s")
    await shown.until(*until)


async def test_another_engine_goes_on_recording_and_loses_and_doubles_nothing(
    server: Endpoint, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_ANALYSE_AT_END", "false")
    with engine_ended():
        async with screen(*dashboard(server, str(sound))) as shown:
            await start(shown, said(2), "turn 3 of")
            pid = kill_engine()
            screen_text = await shown.until("The engine was killed at", "continues the session", said(2))
            assert re.search(r"killed at \d\d:\d\d:\d\d", screen_text)
            assert "READY" not in screen_text
            assert engine_pid() != pid
            await shown.until("ENDED", said(TURNS))
            assert_whole(await ended_session(), server)


async def test_the_gap_of_live_audio_is_reported_with_its_clock_times_and_filled_with_silence(
    server: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_ANALYSE_AT_END", "false")
    with engine_ended():
        async with screen(*dashboard(server, LIVE)) as shown:
            await start(shown, "LIVE", "turn 7 of")
            (stored,) = Store(sessions_dir())
            kill_engine()
            recorded = stored.audio.read_bytes()[WAV_HEADER:]
            screen_text = await shown.until("Not recorded:")
            assert re.search(r"Not recorded: \d\d:\d\d:\d\d to", screen_text), screen_text
            async with asyncio.timeout(PATIENCE_S):
                await speech_after(stored, WAV_HEADER + len(recorded))
            screen_text = await shown.until("╌ not recorded:")
            assert screen_text.count("╌ not recorded:") == 1
            shown.type("x")
            await shown.until("ENDED")
            text = export(stored.load(), stored.metadata(), "md")
            assert re.search(r"\*Not recorded: \d\d:\d\d:\d\d to \d\d:\d\d:\d\d \(\d+\.\d s\)\*", text)
            text = export(stored.load(), stored.metadata(), "txt")
            assert re.search(r"^\[\d\d:\d\d\] \(not recorded: \d\d:\d\d:\d\d to", text, re.M)
            whole = (await ended_session()).audio.read_bytes()[WAV_HEADER:]
            assert whole.startswith(recorded)
            rest = whole[len(recorded) :]
            assert not any(rest[: RATE // 10]), "the gap is not silent"


async def test_without_the_setting_the_transcript_stays_under_an_alarm_until_s_continues_it(
    server: Endpoint, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_ANALYSE_AT_END", "false")
    monkeypatch.setenv("LIVEGIST_CONTINUE_RECORDING", "false")
    with engine_ended():
        async with screen(*dashboard(server, str(sound))) as shown:
            await start(shown, said(2), "turn 3 of")
            bells = shown.bells
            kill_engine()
            screen_text = await shown.until("RECORDING STOPPED", "s goes on", said(2))
            assert re.search(r"RECORDING STOPPED \d\d:\d\d:\d\d", screen_text)
            assert len(shown.background("RECORDING STOPPED")) == 1, "the alarm does not fill its row"
            assert shown.background("RECORDING STOPPED") != shown.background(said(2))
            assert shown.bells > bells
            await shown.until("x ends the session")
            shown.type("m")
            await shown.until("note for the bookmark")
            shown.type("promised\r")
            await shown.until("promised")
            shown.type("s")
            await shown.until("ENDED", said(TURNS))
            assert "RECORDING STOPPED" not in shown.text
            assert "promised" in (await ended_session()).load().bookmarks.values()
            assert_whole(await ended_session(), server)


async def test_x_ends_the_interrupted_session_and_s_then_starts_another(
    server: Endpoint, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_ANALYSE_AT_END", "false")
    monkeypatch.setenv("LIVEGIST_CONTINUE_RECORDING", "false")
    with engine_ended():
        async with screen(*dashboard(server, str(sound))) as shown:
            await start(shown, said(2), "turn 3 of")
            kill_engine()
            await shown.until("RECORDING STOPPED")
            shown.type("x")
            await shown.until("✗ The engine was killed", "s start", said(2))
            assert "RECORDING STOPPED" not in shown.text
            shown.type("s")
            await shown.until("LIVE", "turn 1 of")
            assert len(list(Store(sessions_dir()))) == 2
