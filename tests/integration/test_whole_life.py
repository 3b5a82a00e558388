"""One session's whole life: recorded, killed in the middle, repaired, searched, asked, exported, read by others."""

import asyncio
import csv
import io
import json
import os
import signal
import sys
import wave
from pathlib import Path

import srt
import webvtt
from click.testing import CliRunner
from markdown_it import MarkdownIt

from tests.gateway_harness import serving, words
from tui.cli import main
from tui.model.events import State
from tui.paths import demo_recording, sessions_dir
from tui.sessions.export import FORMATS
from tui.sessions.rest import MIN_UNTRANSCRIBED_S
from tui.sessions.store import Store

DEADLINE_S = 100.0
PLANTED = "sk-planted-0123456789abcdef"
TRANSCRIBED = 3
"""Turns after which the engine is killed, in the middle of the next: something has to be left to transcribe."""


def livegist(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


async def record_and_kill(url: str) -> list[str]:
    """Play the demo's recording to a session, and kill it in the turn after some finals; return these."""
    process = await started("stream", "--json", "--source", str(demo_recording()), "--url", url)
    assert process.stdout is not None
    transcribed: list[str] = []
    async with asyncio.timeout(DEADLINE_S):
        async for line in process.stdout:
            reported = json.loads(line)
            if reported["type"] != "turn":
                continue
            if reported["final"]:
                transcribed.append(reported["text"])
            elif len(transcribed) >= TRANSCRIBED:
                break
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return transcribed


async def started(*words: str) -> asyncio.subprocess.Process:
    """Start the program, with keys in its environment."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "tui", *words,
        env=os.environ | {"ASSEMBLYAI_API_KEY": PLANTED, "LIVEGIST_LLM_KEY": PLANTED},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=2**24,
    )  # fmt: skip


async def run(*words: str) -> tuple[str, str]:
    """Run the program to its end; return what it prints and its other output."""
    process = await started(*words)
    async with asyncio.timeout(DEADLINE_S):
        printed, reported = await process.communicate()
    assert process.returncode == 0, reported.decode()
    return printed.decode(), reported.decode()


async def test_a_session_that_is_killed_lives_on(tmp_path: Path, home: Path) -> None:
    with serving() as url:
        transcribed = await record_and_kill(url)
        store = Store(sessions_dir())
        (stored,) = store
        assert list(store.interrupted()) == [stored]
        assert "interrupted" in livegist("sessions")
        assert [turn.text for turn in stored.load().transcript.finals][: len(transcribed)] == transcribed

        # To send the rest is to repair it first, and to say so.
        _, reported = await run("recover", "last", "--url", url)
        assert f"The session {stored.id} was interrupted and has been repaired" in reported
        with wave.open(str(stored.audio)) as recording:
            recorded_s = recording.getnframes() / recording.getframerate()
        record = stored.load()
        assert record.state is State.ENDED
        assert record.stats.untranscribed_s < MIN_UNTRANSCRIBED_S
        assert [turn.text for turn in record.transcript.finals][: len(transcribed)] == transcribed
        assert recorded_s + 0.5 >= max(turn.end_s for turn in record.transcript.finals) > 10
        assert json.loads(livegist("sessions", "list", "--json"))["trouble"] == ""

        livegist("sessions", "rename", "last", "Standup")
        livegist("sessions", "tag", "last", "release")
        livegist("sessions", "compress", "last")
        word = max(words(transcribed[1]), key=len)
        hits = [json.loads(line) for line in livegist("search", word, "--json").splitlines()]
        assert 2 in {hit["number"] for hit in hits if hit["kind"] == "turn"}

        http = url.replace("ws://", "http://")
        answer = json.loads((await run("ask", "standup", f"What about {word}?", "--json", "--llm-url", http))[0])
        assert answer["model"] == "extractive"
        assert answer["quotes"]
        assert answer["unknown_turns"] == []

    said = " ".join(turn.text for turn in stored.load().transcript.finals)
    exported = {format: tmp_path / f"standup.{format}" for format in FORMATS}
    for target in exported.values():
        livegist("export", "standup", "-o", str(target))
    texts = {format: target.read_text(encoding="utf-8") for format, target in exported.items()}

    assert " ".join(caption.content for caption in srt.parse(texts["srt"])).split() == said.split()
    assert " ".join(caption.text for caption in webvtt.from_buffer(io.StringIO(texts["vtt"]))).split() == said.split()
    assert " ".join(row["text"] for row in csv.DictReader(io.StringIO(texts["csv"], newline=""))) == said
    assert " ".join(turn["text"] for turn in json.loads(texts["json"])["turns"]) == said
    lines = [json.loads(line) for line in texts["jsonl"].splitlines()]
    assert " ".join(line["text"] for line in lines if line["type"] == "turn") == said
    assert " ".join(line.partition("] ")[2] for line in texts["txt"].splitlines()) == said
    headings = [token.content for token in MarkdownIt().parse(texts["md"]) if token.type == "inline"]
    assert headings[0] == "Standup"

    left = [path for folder in (home, tmp_path) for path in folder.rglob("*")]
    assert {path.name for path in left} >= {"audio.flac", "events.jsonl", "about.json", "search.sqlite", "engine.log"}
    assert [path for path in left if path.is_file() and PLANTED.encode() in path.read_bytes()] == []
    assert [path for path in left if path.lstat().st_mode & 0o077] == []
