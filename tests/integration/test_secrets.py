"""A planted key is looked for in every byte that is written, printed or shown to other users."""

import asyncio
import contextlib
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests import fake_endpoint
from tests.command import INTERNAL_ERROR, livegist
from tests.fake_endpoint import Endpoint, speech
from tests.http_server import Answer, serving
from tests.session_fixtures import store_session, write_wav
from tui.credentials import Key
from tui.credentials import store as store_key
from tui.paths import sessions_dir
from tui.sessions.store import Store

PLANTED = "sk-planted-0123456789abcdef"
PLANTED_LLM = "sk-planted-llm-9876543210"
DEADLINE_S = 80.0


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    write_wav(path, speech(1, 2))
    return path


def shown() -> bytes:
    """Return what anybody sees of the processes that run now."""
    found = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += path.read_bytes()
    return found


def modes(home: Path) -> dict[Path, int]:
    return {path: stat.S_IMODE(path.lstat().st_mode) for path in home.rglob("*")}


class Ran:
    """A session that ran in a process of its own, with keys planted in its environment."""

    def __init__(self, printed: bytes, command_lines: bytes) -> None:
        self.printed = printed
        self.command_lines = command_lines


async def run(server: Endpoint, sound: Path, *words: str, code: int = 0, **environment: str) -> Ran:
    keys = {"ASSEMBLYAI_API_KEY": PLANTED, "LIVEGIST_LLM_KEY": PLANTED_LLM}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tui", "stream", "--json", "--source", str(sound), "--url", server.url, *words,
        env=os.environ | keys | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(DEADLINE_S):
        await server.wait_for(lambda: server.calls)
        command_lines = shown()
        printed, _ = await process.communicate()
    assert process.returncode == code, printed
    assert not INTERNAL_ERROR.search(printed.decode()), printed
    return Ran(printed, command_lines)


def written(home: Path) -> bytes:
    found = b""
    for path in sorted(home.rglob("*")):
        found += str(path).encode()
        if path.is_file():
            found += path.read_bytes()
    return found


def leaks(*where: bytes) -> list[str]:
    return [key for key in (PLANTED, PLANTED_LLM) for place in where if key.encode() in place]


async def test_a_session_writes_prints_and_shows_no_key(sound: Path, home: Path) -> None:
    async with fake_endpoint.running() as server:
        ran = await run(server, sound)
        assert server.calls[0].headers["Authorization"] == PLANTED
    assert b'"type":"turn"' in ran.printed
    assert b"turn 2 of" in written(home)
    assert leaks(written(home), ran.printed, ran.command_lines) == []


async def test_an_endpoint_that_repeats_the_key_it_refuses_does_not_get_it_written(sound: Path, home: Path) -> None:
    async with fake_endpoint.running() as server:
        server.error_first = f"Not authorized: {PLANTED}"
        server.close_with = (1008, f"bad key {PLANTED}")
        ran = await run(server, sound, code=1)
    assert b"[key]" in written(home)
    assert b"[key]" in ran.printed
    assert leaks(written(home), ran.printed) == []


async def test_an_llm_that_repeats_the_key_it_refuses_does_not_get_it_written(sound: Path, home: Path) -> None:
    refusal = Answer(401, {"error": {"message": f"Incorrect API key provided: {PLANTED_LLM}"}})
    async with fake_endpoint.running() as server, serving(refusal, refusal, refusal) as llm:
        ran = await run(server, sound, "--llm-url", llm.url)
        assert any(PLANTED_LLM in request.headers.get("authorization", "") for request in llm.asked)
    assert b"Incorrect API key provided: [key]" in written(home)
    assert leaks(written(home), ran.printed) == []


@pytest.mark.internal_error
@pytest.mark.parametrize(
    "where", ["engine.session_builder.SessionBuilder._build_recording", "engine.session.LiveSession._run_tasks"]
)
async def test_a_crash_writes_a_traceback_but_no_key(sound: Path, home: Path, where: str) -> None:
    module, class_, name = where.rsplit(".", 2)
    program = (
        f"import logging, sys; import tui.{module} as module; from tui.cli import main\n"
        "logging.basicConfig(level=logging.DEBUG)\n"
        f"def crash(self, *given): key = self._route.key; raise RuntimeError('planted crash')\n"
        f"module.{class_}.{name} = crash\n"
        "main(sys.argv[1:])"
    )
    async with fake_endpoint.running() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, "stream", "--json", "--source", str(sound), "--url", server.url,
            env=os.environ | {"ASSEMBLYAI_API_KEY": PLANTED, "LIVEGIST_LLM_KEY": PLANTED_LLM},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(DEADLINE_S):
            printed, _ = await process.communicate()
    assert process.returncode == 1
    assert b"planted crash" in printed
    assert b"Internal error:" in printed
    assert leaks(printed, written(home)) == []


async def test_a_mistyped_setting_does_not_print_a_key_from_the_environment(sound: Path, home: Path) -> None:
    async with fake_endpoint.running() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tui", "stream", "--url", server.url, "--source", str(sound),
            env=os.environ | {"ASSEMBLYAI_API_KEY": PLANTED, "LIVEGIST_API_KEY": PLANTED},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(DEADLINE_S):
            printed, _ = await process.communicate()
    assert process.returncode == 2
    assert b"LIVEGIST_API_KEY" in printed
    assert leaks(printed, written(home)) == []


async def test_all_that_a_session_leaves_is_for_its_owner_alone(sound: Path, home: Path) -> None:
    before = os.umask(0)
    try:
        async with fake_endpoint.running() as server:
            await run(server, sound)
    finally:
        os.umask(before)
    found = modes(home)
    assert any(path.name == "audio.wav" for path in found)
    assert {path for path, mode in found.items() if mode & 0o077} == set()


def test_login_reads_the_key_from_stdin_and_whoami_says_only_where_it_is(home: Path) -> None:
    assert PLANTED not in livegist("login", "--file", stdin=PLANTED + "\n").output
    reported = livegist("whoami")
    assert str(Key.VENDOR.file) in reported.stdout
    assert PLANTED not in reported.output
    assert livegist("logout").stdout == "Deleted.\n"
    livegist("whoami", code=1, says="livegist login")
    assert PLANTED.encode() not in written(home)


def test_a_key_is_no_argument() -> None:
    livegist("login", PLANTED, code=2, says="unexpected extra argument")


def test_doctor_finds_what_others_may_read() -> None:
    stored = store_session(Store(sessions_dir()))
    store_key(Key.VENDOR, PLANTED, in_keyring=False)
    well = livegist("doctor").stdout
    assert "with sessions, keys and logs are private" in well
    assert str(Key.VENDOR.file) in well
    stored.audio.chmod(0o644)
    ill = livegist("doctor", code=1, says="1 check failed")
    assert str(stored.audio) in ill.stdout
    assert "chmod" in ill.stdout
    assert PLANTED not in well + ill.stdout


def test_the_settings_that_are_shown_hold_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", PLANTED)
    assert PLANTED not in livegist("config", "show").output


def test_an_export_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", PLANTED)
    store_session(Store(sessions_dir()))
    exported = livegist("export", "last", "--format", "json").stdout
    assert json.loads(exported)["turns"]
    assert PLANTED not in exported
