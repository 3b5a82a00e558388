"""`livegist recover` and `livegist ls`, as processes."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from tests.command import INTERNAL_ERROR
from tests.fake_endpoint import Endpoint, said, speech
from tests.faults.engines import Watch, running, start_session
from tests.session_fixtures import store_session
from tests.terminal import LIVEGIST
from tui.audio.recording import Recording
from tui.model.commands import Stop
from tui.model.events import SessionStarted, State, StateChanged, TurnChanged
from tui.model.session import Session
from tui.model.transcript import Turn
from tui.paths import sessions_dir
from tui.sessions.journal import Journal
from tui.sessions.store import Store

SOUND = speech(1, 2, 3)
ID = "2026-11-22T10-00-00-abcd"


async def livegist(*words: str, code: int = 0) -> str:
    done = await asyncio.to_thread(
        subprocess.run, (*LIVEGIST, *words), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code, done.stderr
    assert not INTERNAL_ERROR.search(done.stderr), done.stderr
    return str(done.stdout + done.stderr)


@pytest.fixture
def killed() -> Path:
    """Leave behind what an engine leaves that was killed in its second turn."""
    folder = sessions_dir() / ID
    folder.mkdir(parents=True)
    recording = Recording.create(folder / "audio.wav")
    recording.append(SOUND)
    recording.close()
    journal = Journal(folder / "events.jsonl")
    session = Session(ID, str(folder), "2026-11-22T10:00:00+00:00", "mic", "cloud", "host", "u3-rt-pro", "llm")
    for event in (
        SessionStarted(session),
        StateChanged(State.LIVE),
        TurnChanged(Turn(1, said(1), True, 0.0, 0.5)),
    ):
        journal.append(event, 1.0)
    journal.close()
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"at":1.5,"event":{"type":"turn","tur')
    return folder


async def test_a_session_of_a_killed_engine_is_listed_and_transcribed(server: Endpoint, killed: Path) -> None:
    assert f"livegist recover {ID}" in await livegist("ls")
    output = await livegist("recover", "--url", server.url)
    assert said(1) not in output, "what was transcribed is not printed again"
    assert output.index(said(2)) < output.index(said(3))
    assert "livegist recover" not in await livegist("ls")
    (stored,) = Store(sessions_dir())
    record = stored.load()
    assert [(turn.number, turn.text) for turn in record.transcript.finals] == [(n, said(n)) for n in (1, 2, 3)]
    assert record.state is State.ENDED
    assert bytes(server.calls[0].audio) == SOUND[16_000:]
    assert "All sessions are fully transcribed" in await livegist("recover", "--url", server.url)
    assert f"{ID} is fully transcribed." in await livegist("recover", ID, "--url", server.url)
    assert "no session 'nothing'" in await livegist("recover", "nothing", code=2)


async def test_a_session_killed_after_its_last_turn_is_repaired_and_needs_no_more(
    server: Endpoint, killed: Path
) -> None:
    events = killed / "events.jsonl"
    events.write_bytes(events.read_bytes().rpartition(b"\n")[0] + b"\n")
    journal = Journal(events)
    journal.append(TurnChanged(Turn(2, said(2), True, 0.5, len(SOUND) / 32_000)), 1.5)
    journal.close()
    output = await livegist("recover", ID, "--url", server.url)
    assert f"The session {ID} was interrupted and has been repaired" in output
    assert f"{ID} is fully transcribed." in output
    assert server.calls == []


async def test_as_json_the_session_is_the_first_line_and_losses_are_reported(server: Endpoint, killed: Path) -> None:
    lines = [json.loads(line) for line in (await livegist("recover", "--json", "--url", server.url)).splitlines()]
    assert (lines[0]["type"], lines[0]["path"]) == ("session", str(killed))
    output = [line["text"] for line in lines if line["type"] == "error"]
    assert any(f"The session {ID} was interrupted" in text and "1 line of the journal" in text for text in output)


async def test_an_endpoint_that_refuses_leaves_it_to_another_time(server: Endpoint, killed: Path) -> None:
    server.error_first, server.close_with = "Not authorized", (1008, "Not authorized")
    assert "ASSEMBLYAI_API_KEY" in await livegist("recover", ID, "--url", server.url, code=1)
    server.error_first, server.close_with = "", None
    assert said(3) in await livegist("recover", ID, "--url", server.url)


async def test_a_session_whose_recording_is_missing_ends_with_what_to_do(server: Endpoint) -> None:
    stored = store_session(Store(sessions_dir()), untranscribed_s=5.0)
    stored.audio.unlink()
    journal = stored.events.read_bytes()
    output = await livegist("recover", stored.id, "--url", server.url, code=1)
    assert f"livegist: The recording {stored.audio} cannot be used: No such file or directory." in output.splitlines()
    assert "Internal error:" not in output
    assert stored.events.read_bytes() == journal, "nothing was changed"
    assert server.calls == []


async def test_a_session_under_way_is_left_alone(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch) as built:
        # Long enough for both commands, however busy the machine is.
        await start_session(built, speech(*range(1, 60)), server.url, tmp_path)
        await watch.until(lambda: len(watch.finals) > 0)
        assert "livegist recover" not in await livegist("ls")
        output = await livegist("recover", watch.audio.parent.name, "--url", server.url, code=1)
        assert "is active" in output
        await built.execute(Stop())
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert watch.record.stats.untranscribed_s == 0
    assert watch.finals[0].text == said(1)
