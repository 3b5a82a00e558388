"""Folders are transcribed with as many sessions as the endpoint has room for, and go on where a killed run stopped."""

import asyncio
import json
import os
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests import fake_endpoint
from tests.coded_speech import CodedDetector, CodedRecogniser, Spoken, speak, word
from tests.command import INTERNAL_ERROR
from tests.fake_endpoint import Endpoint, said, speech
from tests.gateway_harness import serving
from tests.session_fixtures import write_wav
from tui.batch.ledger import LEDGER
from tui.gateway import vad
from tui.gateway.app import GatewayOptions
from tui.gateway.gateway import Gateway
from tui.gateway.scheduler import Scheduler
from tui.paths import data_dir, sessions_dir
from tui.sessions.store import Store, StoredSession

pytestmark = pytest.mark.timeout(400)
DEADLINE_S = 100.0


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with fake_endpoint.running() as running:
        yield running


def folder(path: Path, turns: Iterable[int]) -> Path:
    """Write a file for each turn; return their folder."""
    path.mkdir()
    for number in turns:
        write_wav(path / f"{number:03}.wav", speech(number))
    return path


class Run:
    """A run of `livegist transcribe`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.printed = self.errors = ""

    async def end(self, code: int) -> None:
        """Wait until it has ended with an exit code."""
        async with asyncio.timeout(DEADLINE_S):
            printed, errors = await self.process.communicate()
        self.printed, self.errors = printed.decode(), errors.decode()
        assert self.process.returncode == code, self.errors
        assert not INTERNAL_ERROR.search(self.errors), self.errors


async def transcribing(url: str, *words: str, **environ: str) -> Run:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tui", "transcribe", "--url", url, *words,
        env=os.environ | {"LIVEGIST_ANALYSE_AT_END": "false"} | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return Run(process)


async def transcribed(url: str, *words: str, code: int = 0, **environ: str) -> Run:
    run = await transcribing(url, *words, **environ)
    await run.end(code)
    return run


def stored() -> list[StoredSession]:
    return list(Store(sessions_dir()))


def texts() -> list[list[str]]:
    """Return the texts of all sessions, sorted."""
    return sorted([turn.text for turn in session.load().transcript.finals] for session in stored())


def whole(turns: Iterable[int]) -> list[list[str]]:
    """Return what `texts` returns if each turn is transcribed once."""
    return sorted([said(number)] for number in turns)


def sent(endpoint: Endpoint) -> Counter[int]:
    """Return how many connections sent the beginning of each turn's sound."""
    return Counter(int.from_bytes(call.audio[:2], "little") for call in endpoint.calls if call.audio)


async def test_it_holds_as_many_sessions_as_the_endpoint_says_and_follows_changes(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.reports_capacity, endpoint.max_sessions, endpoint.begin_s = True, 6, DEADLINE_S
    run = await transcribing(endpoint.url, str(folder(tmp_path / "talks", range(1, 25))))
    await endpoint.wait_for(lambda: endpoint.open_sessions == 6, DEADLINE_S)
    endpoint.max_sessions = 9
    await endpoint.wait_for(lambda: endpoint.open_sessions == 9, DEADLINE_S)
    endpoint.let_go.set()
    await run.end(0)
    assert endpoint.most_sessions == 9
    assert texts() == whole(range(1, 25))
    assert set(sent(endpoint).values()) == {1}


async def test_it_adapts_to_an_endpoint_that_only_refuses(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.max_sessions = 2
    await transcribed(endpoint.url, str(folder(tmp_path / "talks", range(1, 9))))
    assert endpoint.refused_sessions > 0
    assert endpoint.most_sessions == 2
    assert texts() == whole(range(1, 9))


async def test_it_waits_while_others_take_all_sessions(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.max_sessions = 1
    talks = folder(tmp_path / "talks", (1, 2))
    async with connect(f"{endpoint.url}/v3/ws") as other:
        await other.recv()
        run = await transcribing(endpoint.url, str(talks), LIVEGIST_DRAIN_TIMEOUT_S="1")
        await endpoint.wait_for(lambda: endpoint.refused_sessions >= 4, DEADLINE_S)
    await run.end(0)
    assert texts() == whole((1, 2))


async def test_a_killed_run_goes_on_and_does_no_file_twice(endpoint: Endpoint, tmp_path: Path) -> None:
    turns = range(1, 13)
    talks = folder(tmp_path / "talks", turns)
    endpoint.finish_s = 0.5
    killed = await transcribing(endpoint.url, "--at-once", "3", str(talks))
    await endpoint.wait_for(lambda: sum(call.terminated for call in endpoint.calls) >= 5, DEADLINE_S)
    killed.process.kill()
    await killed.process.wait()
    done = {tuple(text) for text in texts() if text}
    endpoint.finish_s = 0.0

    run = await transcribed(endpoint.url, str(talks))
    assert re.match(r"\d+ files? already transcribed, \d+ to do\.", run.errors)
    assert texts() == whole(turns)
    counts = sent(endpoint)
    assert set(counts) == set(turns)
    assert [number for number in turns if (said(number),) in done and counts[number] != 1] == []

    again = await transcribed(endpoint.url, str(talks))
    assert again.errors == "12 files already transcribed, 0 to do.\n"
    assert again.printed == ""
    assert sent(endpoint) == counts
    assert texts() == whole(turns)


async def test_files_are_transcribed_again_on_request(endpoint: Endpoint, tmp_path: Path) -> None:
    talks = folder(tmp_path / "talks", (1, 2))
    await transcribed(endpoint.url, str(talks))
    await transcribed(endpoint.url, "--again", str(talks))
    assert texts() == sorted([*whole((1, 2)), *whole((1, 2))])


async def test_it_says_at_the_end_which_failed_and_why_and_tries_only_those_again(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    talks = folder(tmp_path / "talks", (1, 2, 3))
    (talks / "002.wav").write_text("no sound at all")
    run = await transcribed(endpoint.url, str(talks), code=1)
    end = run.errors[run.errors.index("Not transcribed:") :].splitlines()
    assert end[1].startswith(f"  {talks / '002.wav'}: ")
    assert "is not a readable sound file" in end[1]
    assert end[2] == "1 file failed. Run the command again to retry."
    write_wav(talks / "002.wav", speech(2))
    repaired = await transcribed(endpoint.url, str(talks))
    assert repaired.errors == "2 files already transcribed, 1 to do.\n"
    assert texts() == whole((1, 2, 3))


async def test_the_sound_system_which_redirects_stderr_is_not_started(endpoint: Endpoint, tmp_path: Path) -> None:
    modules, started = tmp_path / "modules", tmp_path / "started"
    modules.mkdir()
    (modules / "sounddevice.py").write_text(f"open({str(started)!r}, 'w')")
    talks = folder(tmp_path / "talks", (1,))
    for name in ("a", "b", "c"):
        (talks / f"{name}.wav").write_text("no sound at all")
    run = await transcribed(endpoint.url, str(talks), code=1, PYTHONPATH=str(modules))
    assert run.errors.count("\nlivegist: ") + run.errors.startswith("livegist: ") == 3, run.errors
    assert not started.exists()


async def test_it_stops_if_the_endpoint_fails_every_file(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.error_first, endpoint.close_with = "Not authorized", (1008, "bad key")
    talks = folder(tmp_path / "talks", range(1, 31))
    run = await transcribed(endpoint.url, "--json", "--at-once", "1", str(talks), code=1)
    results = [json.loads(line) for line in run.printed.splitlines()]
    assert len(results) == 30
    assert sum(result["error"] == "Not started." for result in results) == 20
    assert len(endpoint.calls) == 10

    again = await transcribed(endpoint.url, "--at-once", "1", str(talks), code=1)
    assert "20 sources not started. Run the command again.\n" in again.errors
    endpoint.error_first, endpoint.close_with = "", None
    await transcribed(endpoint.url, str(talks))
    assert texts() == whole(range(1, 31))


async def test_one_run_at_a_time_works_on_folders(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.begin_s = DEADLINE_S
    talks = folder(tmp_path / "talks", (1,))
    first = await transcribing(endpoint.url, str(talks))
    await endpoint.wait_for(lambda: endpoint.open_sessions == 1, DEADLINE_S)
    second = await transcribed(endpoint.url, str(talks), code=1)
    assert "Another livegist is transcribing a folder." in second.errors
    endpoint.let_go.set()
    await first.end(0)
    assert texts() == whole((1,))


async def test_a_ledger_that_cannot_be_written_ends_the_run(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.begin_s = DEADLINE_S
    talks = folder(tmp_path / "talks", (1, 2))
    run = await transcribing(endpoint.url, "--at-once", "1", str(talks))
    await endpoint.wait_for(lambda: endpoint.open_sessions == 1, DEADLINE_S)
    with closing(sqlite3.connect(data_dir() / LEDGER)) as other:
        other.execute("BEGIN IMMEDIATE")
        endpoint.let_go.set()
        await run.end(1)
    assert "folders.sqlite cannot be used: database is locked." in run.errors
    await transcribed(endpoint.url, str(talks))
    assert texts() == whole((1, 2))


async def test_a_stop_is_obeyed_while_the_endpoint_loads_its_model(tmp_path: Path) -> None:
    talks = folder(tmp_path / "talks", (1, 2))
    async with fake_endpoint.running() as endpoint:
        endpoint.refuse_status = 503
        run = await transcribing(endpoint.url, "--json", str(talks))
        async with asyncio.timeout(DEADLINE_S):
            while not endpoint.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        run.process.terminate()
        await run.end(1)
    assert [json.loads(line)["error"] for line in run.printed.splitlines()] == ["Not started."] * 2


@contextmanager
def coded_gateway(max_sessions: int) -> Iterator[str]:
    """Run a gateway whose recogniser reads coded words."""
    options = GatewayOptions(max_sessions=max_sessions, turn_model="off")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vad, "load", lambda: None)
        patch.setattr(vad, "VoiceDetector", lambda _: CodedDetector())
        with serving(Gateway(options, Scheduler(CodedRecogniser))) as url:
            yield url


async def test_the_gateway_says_its_room(tmp_path: Path) -> None:
    talks = tmp_path / "talks"
    talks.mkdir()
    for number in range(1, 7):
        write_wav(talks / f"{number}.wav", speak([Spoken(number)]).tobytes())
    with coded_gateway(2) as url, httpx2.Client() as client:
        run = await transcribed(url, str(talks))
        metrics = client.get(f"{url.replace('ws', 'http')}/metrics").text
    assert run.errors == ""
    assert "livegist_gateway_sessions_total 6" in metrics
    assert texts() == sorted([word(number)] for number in range(1, 7))
