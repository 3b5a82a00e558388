"""`livegist serve --cluster` as a process, with Ray on this machine alone, real models and encryption."""

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import numpy as np
import pytest

from tests.bench.processes import tree
from tests.gateway_harness import CLIPS, RATE, Samples, calling, read, silence, spoken, word_errors, words
from tests.languages import error_rate, said_in
from tests.model_files import smollm2, whisper_base
from tests.processes import runs
from tests.voices import READER, conversation
from tui.gateway.speaker_model import find_speaker_model
from tui.llm.client import ChatClient, Message

START_S = 180.0
"""Longest wait for Ray and two replicas on a busy machine."""
TOKEN = "secret"
pytestmark = pytest.mark.timeout(600)


class Serving(msgspec.Struct):
    """The running command."""

    process: subprocess.Popen[str]
    url: str
    home: Path
    trust: ssl.SSLContext

    @property
    def http(self) -> str:
        """The address for other requests than sessions."""
        return self.url.replace("ws", "http", 1)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Run the command in a folder with relative paths of its models, until a recogniser has loaded its own."""
    home = tmp_path_factory.mktemp("home")
    whisper_base(home)
    shutil.copy(smollm2(), home / "llm.gguf")
    command = [sys.executable, "-P", "-m", "tui", "serve", "--cluster", "--port", "0", "--replica-cpus", "0.5"]
    process = subprocess.Popen(
        [*command, "--max-replicas", "1", "--token", TOKEN, "--tls", "--model", "base", "--llm-file", "llm.gguf"],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        | {"LIVEGIST_HOME": str(home)},
    )
    try:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        trust = ssl.create_default_context(cafile=line["certificate"])
        running = Serving(process, line["listening"], home, trust)
        asyncio.run(until_loaded(running))
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def until_loaded(serving: Serving) -> None:
    async with httpx2.AsyncClient(verify=serving.trust, timeout=START_S) as client, asyncio.timeout(START_S):
        while (await client.get(f"{serving.http}/healthz")).status_code != 200:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def test_a_temporary_token_opens_one_session_and_the_sums_count_it(serving: Serving) -> None:
    headers = {"Authorization": TOKEN}
    async with httpx2.AsyncClient(
        base_url=serving.http, headers=headers, timeout=START_S, verify=serving.trust
    ) as client:
        answer = (await client.get("/v3/token", params={"expires_in_seconds": 600})).json()
        async with calling(serving.url, key=answer["token"], trust=serving.trust) as caller:
            await caller.say(np.concatenate([read(CLIPS[1]), silence(1)]))
            await caller.send("Terminate")
            assert await caller.ended() == (1000, "")
        said = " ".join(turn["transcript"] for turn in caller.finals)
        assert word_errors(words(spoken(CLIPS[1])), words(said)) <= 2
        async with calling(serving.url, key=answer["token"], trust=serving.trust) as second:
            assert await second.ended() == (1008, "Unauthorized connection: Token already used")
        async with asyncio.timeout(START_S):
            while "livegist_gateway_turns_total 0" in (await client.get("/metrics")).text:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        metrics = (await client.get("/metrics")).text
        assert 'livegist_gateway_replicas{role="recogniser"} 1\n' in metrics
        assert "livegist_gateway_sessions_total 1\n" in metrics
        client.headers.clear()
        assert (await client.get("/metrics")).status_code == 401


async def test_the_language_of_a_multilingual_model_is_detected(serving: Serving) -> None:
    async with calling(serving.url, key=TOKEN, trust=serving.trust, language_detection="true") as caller:
        await caller.say(said_in("de"))
        await caller.send("Terminate")
        await caller.ended()
    assert {turn["language_code"] for turn in caller.finals} == {"de"}
    assert error_rate("de", " ".join(turn["transcript"] for turn in caller.finals)) <= 0.4


async def test_a_model_file_answers_chats(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", str(serving.home))
    client = ChatClient(serving.http, TOKEN)
    answer = await client.complete([Message("user", "Say hello.")], model="x", max_tokens=8)
    await client.aclose()
    assert answer.model == "llm"
    assert answer.text


def write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def test_the_stream_command_gets_the_speakers_over_an_encrypted_connection(serving: Serving, tmp_path: Path) -> None:
    if not find_speaker_model():
        pytest.skip("needs resemblyzer: pip install --no-deps resemblyzer")
    write(tmp_path / "talk.wav", np.concatenate([conversation((READER, "slt"), 2).samples, silence(1.5)]))
    command = [sys.executable, "-P", "-m", "tui", "stream", "--url", serving.url, "--speaker-labels", "--json"]
    settings = {
        "MAX_TOKENS": "8",
        "ANALYSE_AT_END": "false",
        "DRAIN_TIMEOUT_S": "120",
        "HOME": str(serving.home),
    }
    environ = {f"LIVEGIST_{name}": value for name, value in settings.items()} | {"ASSEMBLYAI_API_KEY": TOKEN}
    done = subprocess.run(
        [*command, "--source", str(tmp_path / "talk.wav")],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["speaker"] for event in events if event["type"] == "turn" and event["final"]] == ["A", "B"], done


def test_the_command_ends_with_all_its_processes(serving: Serving) -> None:
    started = tree(serving.process.pid).keys() - {serving.process.pid}
    assert started
    serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(START_S) == 0
    assert [pid for pid in started if runs(pid)] == []
