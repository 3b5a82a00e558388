"""Programs, named pipes and standard input as sources, and sources that cannot be used."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.source_reading import (
    Pace,
    correlation,
    fast_clock,
    open_error,
    read_source,
    samples,
    speech_clip,
    write_file,
)
from tests.terminal import LIVEGIST
from tui.audio import pipe_source, wav
from tui.audio.sources import open_source


@pytest.fixture(scope="module")
def speech() -> bytes:
    return speech_clip()


@pytest.mark.parametrize("raw", [True, False])
async def test_a_program_may_write_raw_pcm_or_a_wav(tmp_path: Path, speech: bytes, raw: bool) -> None:
    path = tmp_path / "speech of mine"
    path.write_bytes(speech if raw else wav.header(16_000, 0) + speech)
    assert await read_source(f"cmd:cat '{path}'") == speech


async def test_a_program_may_write_a_wav_of_any_rate_and_chunks_after_it(tmp_path: Path, speech: bytes) -> None:
    path = write_file(tmp_path / "speech.wav", speech, 44_100, 2, "FLOAT")
    with path.open("ab") as file:
        file.write(b"LIST" + (1000).to_bytes(4, "little") + b"\x7f" * 1000)
    sound = samples(await read_source(f"cmd:cat {path}"))
    assert len(sound) == pytest.approx(32_000, abs=2)
    assert correlation(sound, samples(speech)) > 0.99


@pytest.mark.parametrize("late", [False, True])
async def test_a_named_pipe_is_read_whenever_its_writer_starts(tmp_path: Path, speech: bytes, late: bool) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)

    async def write() -> None:
        await asyncio.to_thread(fifo.write_bytes, speech)

    async with asyncio.timeout(30):
        writer = None if late else asyncio.create_task(write())
        async with open_source(str(fifo), clock=fast_clock()) as source:
            writer = writer or asyncio.create_task(write())
            assert b"".join([block async for block in source]) == speech
        await writer


async def test_a_named_pipe_without_a_writer_can_be_closed(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)

    async def read_briefly() -> None:
        async with open_source(str(fifo)) as source, asyncio.timeout(0.2):
            async for _ in source:
                pass

    with pytest.raises(TimeoutError):
        await read_briefly()


async def test_a_program_that_fails_is_quoted() -> None:
    error = await open_error("""cmd:sh -c 'echo one >&2; echo "no such device: hw:7" >&2; exit 3'""")
    assert error.message == "sh ended with code 3: no such device: hw:7."


async def test_a_quoted_sentence_has_one_full_stop() -> None:
    error = await open_error("""cmd:sh -c 'echo "The device is busy." >&2; exit 1'""")
    assert error.message == "sh ended with code 1: The device is busy."


async def test_a_source_program_gets_no_api_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", "planted")
    monkeypatch.setenv("OTHERS", "kept")
    error = await open_error("""cmd:sh -c 'echo "got $ASSEMBLYAI_API_KEY$OTHERS" >&2; exit 3'""")
    assert error.message == "sh ended with code 3: got kept."


async def test_a_program_that_fails_after_its_audio_is_quoted_too(speech: bytes) -> None:
    error = await open_error("cmd:sh -c 'head -c 32000 /dev/zero; echo unplugged >&2; kill -9 $$'")
    assert error.message == "sh ended with signal 9: unplugged."


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("cmd:no-such-program-here", "cannot be started"),
        ("cmd:", "needs a program"),
        ("cmd:sh -c 'echo", "not a valid command"),
        ("cmd:true", "No audio came from true"),
        ("cmd:printf fLaC", "it is FLAC"),
        ("cmd:printf '\\0\\0\\0\\034ftypM4A '", "it is MP4"),
        ("cmd:printf '<!DOCTYPE html><title>404</title>'", "it is a web page"),
        ("cmd:printf 'RIFF\\0\\0\\0\\0WAVEfmt '", "ends before its audio"),
        ("/no/such/file.wav", "No such file"),
        ("https://example.org/talk.mp3", "is an address, not a file"),
        ("/tmp", "directory"),
        ("/dev/null", "is not a readable sound file"),
        (__file__, "is not a readable sound file"),
    ],
)
async def test_an_unusable_source_says_why_and_what_to_do(spec: str, why: str) -> None:
    assert why in (await open_error(spec)).message


@pytest.mark.parametrize("installed", [True, False])
async def test_a_hint_names_ffmpeg_only_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: bool
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("printf", "ffmpeg") if installed else ("printf",):
        (programs / name).symlink_to("/usr/bin/printf")
    monkeypatch.setenv("PATH", str(programs))
    hint = (await open_error("cmd:printf fLaC")).hint
    assert ("ffmpeg" in hint) == installed
    assert "--source" in hint


def ends(process: int) -> bool:
    """Return whether a process ends within five seconds; one that nobody has reaped yet has ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout.strip()
        if state in ("", "Z"):
            return True
    return False


async def test_closing_a_source_ends_its_program_and_its_children(tmp_path: Path) -> None:
    reported = tmp_path / "pids"
    script = f"trap '' TERM; cat /dev/zero & echo $$ $! >{reported}; wait"
    async with asyncio.timeout(20), open_source(f'cmd:sh -c "{script}"') as source:
        async for _ in source:
            break
        leader, child = map(int, reported.read_text().split())
        assert os.getpgid(child) == leader
    with pytest.raises(ProcessLookupError):
        os.kill(leader, 0)
    assert ends(child)


async def test_a_live_pipe_is_not_delayed(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    monkeypatch.setattr(pipe_source, "STDIN", read_end)
    pace = Pace(monkeypatch)
    async with asyncio.timeout(20), open_source("-", clock=pace) as source:
        blocks = aiter(source)
        for number in range(20):
            os.write(write_end, bytes([number]) * 1600)
            assert await anext(blocks) == bytes([number]) * 1600
            pace.now += 0.05
    os.close(write_end)
    os.close(read_end)
    assert pace.slept_s == [0.0] * 20


@pytest.mark.parametrize("by", ["pipe", "redirect"])
async def test_recorded_audio_on_stdin_is_read_in_real_time(
    tmp_path: Path, speech: bytes, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav.header(16_000, len(speech)) + speech)
    if by == "pipe":
        stdin, write_end = os.pipe()
        assert os.write(write_end, path.read_bytes()) == path.stat().st_size
        os.close(write_end)
    else:
        stdin = os.open(path, os.O_RDONLY)
    monkeypatch.setattr(pipe_source, "STDIN", stdin)
    pace = Pace(monkeypatch)
    async with asyncio.timeout(20), open_source("-", clock=pace) as source:
        assert b"".join([block async for block in source]) == speech
    os.close(stdin)
    assert sum(pace.slept_s) == pytest.approx(2.0 / pipe_source.SPEED - pipe_source.LEAD_S)


def test_a_terminal_or_nothing_on_stdin_is_refused_with_a_command_that_works() -> None:
    stream = (*LIVEGIST, "stream", "--url", "ws://127.0.0.1:1", "--source", "-")
    ours, theirs = os.openpty()
    for stdin, message in ((theirs, "Standard input is a terminal, not audio."), (None, "Standard input is empty.")):
        done = subprocess.run(
            stream, stdin=subprocess.DEVNULL if stdin is None else stdin, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines() == [
            f"livegist: {message}",
            "Pipe audio into it: parec … | livegist stream --source -",
        ]
    os.close(ours)
    os.close(theirs)


def test_importing_the_sources_loads_no_audio_library() -> None:
    code = "import sys, tui.audio.sources; print({'numpy', 'sounddevice', 'soundfile', 'soxr'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "set()"
