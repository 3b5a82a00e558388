"""Post-session tasks, run by the program itself: FLAC, hooks and retention."""

import asyncio
import json
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import soundfile

from tests import fake_endpoint
from tests.fake_endpoint import RATE, said, speech
from tests.http_server import Answer, serving
from tests.session_fixtures import store_session, write_wav
from tui.paths import sessions_dir
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store, StoredSession

DEADLINE_S = 40.0
SPOKEN = RATE // 4
"""Samples of a turn, and of the pause after it."""
SPEECH = speech(1, 2, samples=SPOKEN, pause=SPOKEN)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    write_wav(path, SPEECH)
    return path


async def recorded(sound: Path, **settings: str) -> tuple[StoredSession, str]:
    """Run a session with these settings; return the stored session and stderr."""
    environment = {f"LIVEGIST_{name.upper()}": value for name, value in settings.items()}
    async with fake_endpoint.running() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tui", "stream", "--source", str(sound), "--url", server.url,
            env=os.environ | {"LIVEGIST_ANALYSE_AT_END": "false"} | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(DEADLINE_S):
            _, reported = await process.communicate()
    assert process.returncode == 0, reported
    return next(iter(Store(sessions_dir()))), reported.decode()


async def test_a_recording_becomes_flac_with_every_sample_it_had(sound: Path) -> None:
    stored, _ = await recorded(sound, flac="true")
    assert stored.audio.name == "audio.flac"
    samples, _ = soundfile.read(stored.audio, dtype="int16")
    assert samples.tobytes() == SPEECH
    assert [turn.text for turn in stored.load().transcript.finals] == [said(1, SPOKEN), said(2, SPOKEN)]


async def test_a_command_gets_the_whole_session(sound: Path, tmp_path: Path) -> None:
    target = tmp_path / "got.json"
    stored, _ = await recorded(sound, hook_command=f"tee {target}")
    got = json.loads(target.read_text())
    assert got["session"]["id"] == stored.id
    assert got["state"] == "ended"
    assert [turn["text"] for turn in got["turns"]] == [said(1, SPOKEN), said(2, SPOKEN)]


async def test_a_webhook_is_posted_and_signed(sound: Path) -> None:
    async with serving(Answer(200, {})) as server:
        await recorded(sound, hook_url=f"{server.url}/hook", hook_secret=SECRET)
    (request,) = server.asked
    assert request.path == "/hook"
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= set(request.headers)
    assert [turn["text"] for turn in request.body["turns"]] == [said(1, SPOKEN), said(2, SPOKEN)]


async def test_a_hook_that_fails_is_reported_and_the_session_is_kept(sound: Path) -> None:
    stored, reported = await recorded(sound, hook_command="false")
    assert "The command false failed with exit code 1. Check hook_command." in reported
    assert len(stored.load().transcript.finals) == 2


async def test_sessions_that_are_too_old_go_when_another_ends_but_not_the_tagged(sound: Path) -> None:
    store = Store(sessions_dir())
    now = datetime.now().astimezone()
    store_session(store, started=now - timedelta(days=40))
    tagged = store_session(store, started=now - timedelta(days=41), metadata=SessionMetadata(tags=("keep",)))
    young = store_session(store, started=now - timedelta(days=20))
    new, _ = await recorded(sound, keep_days="30")
    assert [stored.id for stored in store] == [new.id, young.id, tagged.id]


async def test_by_default_nothing_is_done(sound: Path) -> None:
    old = store_session(Store(sessions_dir()), started=datetime.fromisoformat("2001-01-01T00:00:00+00:00"))
    stored, _ = await recorded(sound)
    assert stored.audio.name == "audio.wav"
    assert old.audio.exists()
