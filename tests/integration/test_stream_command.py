"""`livegist stream` as a program: what it prints, how it ends."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import livegist
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.terminal import LIVEGIST
from tui.audio import wav
from tui.paths import sessions_dir
from tui.sessions.store import Store

PATIENCE_S = 80.0
TYPES = {"session", "state", "turn", "gist", "analysis", "error", "stats"}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.raw"
    path.write_bytes(speech(1, 2))
    return path


class Program:
    """A running `livegist stream`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def until(self, **fields: Any) -> dict[str, Any]:
        """Return the next line with these fields."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.process.stdout.readline():
                self.lines.append(json.loads(line))
                if fields.items() <= self.lines[-1].items():
                    return self.lines[-1]
        raise AssertionError(f"it ended without {fields}: {self.lines}")

    async def ended(self) -> int:
        """Read to the end and return the exit code."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.process.stdout.readline():
                self.lines.append(json.loads(line))
            return await self.process.wait()

    def all(self, type: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == type]


@contextlib.asynccontextmanager
async def streaming(*options: str, stdin: int | None = None, says: str = "") -> AsyncIterator[Program]:
    """Run `livegist stream`; what it printed to stderr has to be `says`."""
    with tempfile.TemporaryFile() as reported:
        process = await asyncio.create_subprocess_exec(
            *LIVEGIST, "stream", "--json", *options, stdin=stdin, stdout=subprocess.PIPE, stderr=reported, limit=2**24
        )
        try:
            yield Program(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        reported.seek(0)
        assert reported.read().decode() == says


async def test_several_named_sources_are_tracks_of_one_session(server: Endpoint, sound: Path) -> None:
    sources = ("--source", f"you=cmd:cat {sound}", "--source", f"them=cmd:cat {sound}")
    async with streaming("--url", server.url, *sources) as program:
        assert await program.ended() == 0
    (session,) = program.all("session")
    assert [track["name"] for track in session["tracks"]] == ["you", "them"]
    finals = {(turn["track"], turn["text"]) for turn in program.all("turn") if turn["final"]}
    assert finals == {(name, said(n)) for name in ("you", "them") for n in (1, 2)}
    assert (Path(session["path"]) / "audio-2.wav").read_bytes()[44:].endswith(speech(1, 2))


async def test_a_file_is_transcribed_to_its_end_and_the_program_exits(server: Endpoint, sound: Path) -> None:
    async with streaming("--url", server.url, "--source", f"cmd:cat {sound}") as program:
        assert await program.ended() == 0
    assert {line["type"] for line in program.lines} <= TYPES
    first = program.lines[0]
    assert first["type"] == "session"
    assert (Path(first["path"]) / "audio.wav").read_bytes()[44:] == speech(1, 2)
    finals = [turn for turn in program.all("turn") if turn["final"]]
    assert [turn["text"] for turn in finals] == [said(1), said(2)]
    assert [turn["number"] for turn in finals] == [1, 2]
    assert all({"start_s", "end_s", "words"} <= turn.keys() for turn in finals)
    assert [(gist["turn"], gist["prompt"], gist["model"]) for gist in program.all("gist")] == [
        (1, "summary", "echo"),
        (2, "summary", "echo"),
    ]
    assert [state["state"] for state in program.all("state")][-1] == "ended"
    assert program.all("stats")[-1]["turns"] == 2
    assert bytes(server.calls[0].audio) == speech(1, 2)


@pytest.mark.parametrize("extra_chunk", [b"", b"LIST" + (4).to_bytes(4, "little") + b"INFO"])
async def test_a_wav_whose_recorder_was_killed_is_transcribed_to_its_end(
    server: Endpoint, tmp_path: Path, extra_chunk: bytes
) -> None:
    sound = speech(1, 2, samples=RATE // 4, pause=RATE // 4)
    path = tmp_path / "killed.wav"
    start = wav.header(16_000, 0)
    path.write_bytes(start[:4] + bytes(4) + start[8:36] + extra_chunk + b"data" + bytes(4) + sound)
    async with streaming("--url", server.url, "--source", str(path)) as program:
        assert await program.ended() == 0
    assert [turn["text"] for turn in program.all("turn") if turn["final"]] == [said(1, RATE // 4), said(2, RATE // 4)]
    assert bytes(server.calls[0].audio) == sound


@pytest.mark.parametrize("content", [wav.header(16_000, 0), b""])
async def test_a_file_without_audio_is_an_error_and_leaves_no_session(
    server: Endpoint, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(content)
    says = "livegist: empty.wav contains no audio.\nCheck the program that recorded it, or choose another file.\n"
    async with streaming("--url", server.url, "--source", str(path), says=says) as program:
        assert await program.ended() == 1
    assert not program.all("session")
    assert not list(Store(sessions_dir()))


@pytest.mark.parametrize("source", ["-", "cmd:cat {0}", "cmd:true"])
async def test_a_pipe_without_audio_is_an_error_and_leaves_no_session(
    server: Endpoint, tmp_path: Path, source: str
) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(wav.header(16_000, 0))
    name = "stdin" if source == "-" else source.removeprefix("cmd:").split()[0]
    says = f"livegist: No audio came from {name}.\nWrite raw 16 kHz mono s16le, or a WAV.\n"
    with path.open("rb") as pipe:
        options = ("--url", server.url, "--source", source.format(path))
        async with streaming(*options, stdin=pipe.fileno(), says=says) as program:
            assert await program.ended() == 1
    assert program.all("state")[-1]["state"] == "failed"
    assert not list(Store(sessions_dir()))


async def test_the_session_is_the_first_line_even_if_a_prompt_is_broken(
    server: Endpoint, sound: Path, home: Path
) -> None:
    (home / "config" / "prompts").mkdir(parents=True)
    (home / "config" / "prompts" / "mine.toml").write_text("name =")
    async with streaming("--url", server.url, "--source", f"cmd:cat {sound}") as program:
        assert await program.ended() == 0
    assert program.lines[0]["type"] == "session"
    assert any("mine.toml" in error["text"] for error in program.all("error"))


async def test_audio_on_standard_input_is_transcribed(server: Endpoint, sound: Path) -> None:
    with sound.open("rb") as pipe:
        async with streaming("--url", server.url, "--source", "-", stdin=pipe.fileno()) as program:
            assert await program.ended() == 0
    assert [turn["text"] for turn in program.all("turn") if turn["final"]] == [said(1), said(2)]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_it_gracefully(server: Endpoint, signum: signal.Signals, tmp_path: Path) -> None:
    sound = tmp_path / "long.raw"
    sound.write_bytes(speech(1) + bytes(2_000_000))
    async with streaming("--url", server.url, "--source", f"cmd:cat {sound}") as program:
        await program.until(type="turn", final=True)
        program.process.send_signal(signum)
        assert await program.ended() == 0
    assert program.all("state")[-1]["state"] == "ended"
    assert server.calls[0].terminated


async def test_a_reader_that_leaves_ends_it_gracefully(server: Endpoint, sound: Path) -> None:
    command = " ".join((*LIVEGIST, "stream", "--json", "--url", server.url, "--source", f"'cmd:cat {sound}'"))
    # Python's ordinary buffering: unbuffered, a closed pipe leaves nothing to flush at the interpreter's end.
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{command} | head -n 1; exit ${{PIPESTATUS[0]}}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    )
    async with asyncio.timeout(PATIENCE_S):
        out, errors = await shell.communicate()
    assert (shell.returncode, errors) == (141, b"")
    assert json.loads(out)["type"] == "session"
    await server.wait_for(lambda: bool(server.calls) and server.calls[0].terminated)


async def test_a_full_disk_behind_stdout_ends_it_and_is_said(server: Endpoint, sound: Path) -> None:
    command = " ".join((*LIVEGIST, "stream", "--json", "--url", server.url, "--source", f"'cmd:cat {sound}'"))
    shell = await asyncio.create_subprocess_shell(f"{command} >/dev/full", stderr=subprocess.PIPE)
    async with asyncio.timeout(PATIENCE_S):
        _, reported = await shell.communicate()
    assert shell.returncode == 1
    assert reported.decode().splitlines()[-2:] == [
        "livegist: The output cannot be written: No space left on device.",
        "The disk is full. Free some space.",
    ]


async def test_an_endpoint_that_says_nothing_is_no_success(
    server: Endpoint, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_DRAIN_TIMEOUT_S", "0.5")
    server.begin_s = 60.0
    says = "livegist: The session is not fully transcribed.\n"
    async with streaming("--url", server.url, "--source", f"cmd:cat {sound}", says=says) as program:
        assert await program.ended() == 1
    assert "livegist recover" in program.all("error")[-1]["hint"]


async def test_a_refused_key_ends_with_what_to_do_and_the_recording_is_kept(server: Endpoint, sound: Path) -> None:
    server.error_first, server.close_with = "Not authorized", (1008, "Not authorized")
    says = (
        "livegist: The endpoint rejected the API key. (1008: Not authorized)\n"
        "Check ASSEMBLYAI_API_KEY and the account, or use --engine local.\n"
    )
    async with streaming("--url", server.url, "--source", f"cmd:cat {sound}", says=says) as program:
        assert await program.ended() == 1
    failed = program.all("state")[-1]
    assert failed["state"] == "failed"
    assert "key" in failed["why"]
    assert "ASSEMBLYAI_API_KEY" in failed["hint"]
    assert (Path(program.lines[0]["path"]) / "audio.wav").stat().st_size > 44


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (("--source", "/nowhere.wav", "--url", "ws://127.0.0.1:1"), 1, "/nowhere.wav"),
        (("--engine", "cloud"), 1, "ASSEMBLYAI_API_KEY"),
        (("--engine", "moon"), 2, "engine must be"),
        (("--prompt", "poem"), 2, "poem"),
        (("--url", "http://127.0.0.1"), 2, "Invalid WebSocket URL"),
        (("--url", "ws://127.0.0.1:99999"), 2, "Invalid WebSocket URL"),
        (("--url", "wss://a host"), 2, "Invalid WebSocket URL"),
        (("--url", "ws://127.0.0.1:1", "--engine", "local"), 2, "exclude"),
        (("--nonsense",), 2, "nonsense"),
    ],
)
def test_an_error_is_what_happened_and_what_to_do_and_never_a_traceback(
    options: tuple[str, ...], code: int, word: str
) -> None:
    result = livegist("stream", *options, code=code, says=word)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 2


def test_version_and_help_need_no_home() -> None:
    for option in ("--version", "--help"):
        environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "LIVEGIST_HOME")}
        done = subprocess.run((*LIVEGIST, option), capture_output=True, text=True, timeout=PATIENCE_S, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert "livegist" in done.stdout
