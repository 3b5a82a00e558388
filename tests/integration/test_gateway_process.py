"""`livegist serve` as a process: what it prints, when it leaves, and whom it refuses to serve."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from websockets.exceptions import InvalidStatus

from tests.bench.processes import PROC, tree
from tests.gateway_harness import CLIPS, PATIENCE_S, TUTORIAL, calling, read
from tui.cli import main
from tui.config.schema import Config
from tui.engine.gateway_process import GatewayProcess
from tui.gateway.options import GatewayOptions
from tui.stream.connection import ConnectError

SERVE = [sys.executable, "-m", "tui", "serve", "--port", "0"]


@contextmanager
def started(*options: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """Start it; give the process and the line it prints."""
    process = subprocess.Popen([*SERVE, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = threading.Timer(PATIENCE_S, process.kill)
    deadline.start()
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        deadline.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def refused(*options: str, code: int = 1) -> str:
    result = CliRunner().invoke(main, ["serve", "--port", "0", *options])
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert len(result.stderr.splitlines()) == 2, result.stderr
    return result.stderr


def test_one_line_says_where_it_listens_and_who_answers() -> None:
    with started() as (process, line):
        assert line["listening"].startswith("ws://127.0.0.1:")
        assert (line["model"], line["chat"]) == ("tiny.en", "extractive")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_it_leaves_when_its_stdin_ends() -> None:
    with started("--exit-with-stdin") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


async def test_a_signal_lets_the_open_turn_be_finished() -> None:
    with started() as (process, line):
        async with calling(line["listening"], **TUTORIAL) as caller:
            await caller.say(read(CLIPS[4]))
            await caller.until("SpeechStarted")
            process.send_signal(signal.SIGTERM)
            assert (await caller.ended())[0] == 1000
        assert caller.finals[0]["transcript"] == "He might even have been made amiable himself."
        assert caller.all("LLMGatewayResponse")
        assert process.wait(PATIENCE_S) == 0


async def test_a_client_may_connect_before_the_model_is_loaded() -> None:
    with started() as (_, line):
        async with calling(line["listening"]) as caller:
            await caller.say(read(CLIPS[4]))
            await caller.send("Terminate")
            assert (await caller.ended())[0] == 1000
        assert caller.finals


def test_an_end_of_turn_model_that_cannot_be_used_is_refused_with_a_hint(tmp_path: Path) -> None:
    missing, broken = tmp_path / "missing.onnx", tmp_path / "broken.onnx"
    broken.write_text("not a model")
    for path, reason in ((missing, "There is no end-of-turn model"), (broken, "is not an ONNX model")):
        stderr = refused("--turn-model", str(path))
        assert reason in stderr
        assert str(path) in stderr
        assert "pip install --no-deps pipecat-ai" in stderr


async def test_a_prompt_of_many_thousand_characters_is_taken_or_refused() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "Be brief. " * 3000 + "{{turn}}"}]}
    with started() as (_, line):
        async with calling(line["listening"], llm_gateway=json.dumps(asked)) as caller:
            await caller.send("Terminate")
            assert (await caller.ended())[0] == 1000
        async with calling(line["listening"], agent_version="1" * 62_000) as caller:
            await caller.until("Begin")
        with pytest.raises(InvalidStatus):
            async with calling(line["listening"], agent_version="1" * 200_000):
                pass


@pytest.mark.parametrize(
    ("url", "keys", "key"),
    [
        ("http://127.0.0.1:11434", {"LIVEGIST_LLM_KEY": "theirs", "ASSEMBLYAI_API_KEY": "vendors"}, "theirs"),
        ("http://127.0.0.1:11434", {"ASSEMBLYAI_API_KEY": "vendors"}, ""),
        ("https://llm-gateway.assemblyai.com", {"ASSEMBLYAI_API_KEY": "vendors"}, "vendors"),
        ("https://assemblyai.com.example.org", {"ASSEMBLYAI_API_KEY": "vendors"}, ""),
    ],
)
def test_the_key_of_the_environment_goes_to_the_server_it_is_for(
    monkeypatch: pytest.MonkeyPatch, url: str, keys: dict[str, str], key: str
) -> None:
    served: list[GatewayOptions] = []
    monkeypatch.setattr("tui.gateway.app.serve", lambda options, host, port: served.append(options))
    outcome = CliRunner().invoke(main, ["serve", "--llm-url", url], env=keys)
    assert outcome.exit_code == 0, outcome.output
    assert served[0].llm_key == key


@pytest.mark.parametrize(
    ("arguments", "url"),
    [([], "http://me:secret@127.0.0.1:1"), (["--llm-url", "http://127.0.0.1:2"], "http://127.0.0.1:2")],
)
def test_the_server_of_the_settings_answers_unless_another_is_named(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], url: str
) -> None:
    served: list[GatewayOptions] = []
    monkeypatch.setattr("tui.gateway.app.serve", lambda options, host, port: served.append(options))
    settings = {"LIVEGIST_LLM_URL": "http://me:secret@127.0.0.1:1"}
    outcome = CliRunner().invoke(main, ["serve", *arguments], env=settings)
    assert outcome.exit_code == 0, outcome.output
    assert served[0].llm_url == url


async def test_the_llm_server_of_a_local_engine_is_not_in_the_arguments_of_its_gateway(short_dir: Path) -> None:
    gateway = GatewayProcess(short_dir / "log")
    config = Config(llm_url="http://me:secret@127.0.0.1:1")
    try:
        await gateway.url(config, "planted")
        commands = [(PROC / str(pid) / "cmdline").read_bytes() for pid in tree(os.getpid())]
        assert any(b"serve" in command for command in commands)
        assert not any(b"secret" in command or b"planted" in command for command in commands)
    finally:
        await gateway.close()


async def test_why_the_gateway_of_the_engine_did_not_start_is_said(short_dir: Path) -> None:
    (short_dir / "log").write_text("livegist: An earlier error.\nAn earlier hint.\n")
    with pytest.raises(ConnectError) as failed:
        await GatewayProcess(short_dir / "log").url(Config(local_model="/nope"), "")
    assert failed.value.close.meaning == "The local gateway did not start: Unknown speech model: /nope."
    assert "`livegist models` lists the known ones" in failed.value.close.hint


async def test_the_token_of_a_gateway_for_others_does_not_keep_the_engine_out(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_TOKEN", "planted")
    gateway = GatewayProcess(short_dir / "log")
    try:
        async with calling(await gateway.url(Config(), "")) as caller:
            await caller.until("Begin")
    finally:
        await gateway.close()


def test_a_port_that_does_not_exist_is_refused() -> None:
    assert "65535" in refused("--port", "99999", code=2)


def test_an_address_open_to_others_needs_a_token() -> None:
    assert "--token" in refused("--host", "0.0.0.0")


def test_a_port_in_use_is_an_error_that_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [*SERVE[:-1], str(taken.getsockname()[1])], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 1
    assert "cannot be bound" in done.stderr


def test_a_model_that_is_not_installed_is_an_error_that_says_so() -> None:
    said = refused("--model", "large-v3")
    assert "is not installed" in said
    assert "tiny.en" in said


def test_an_unknown_model_is_a_usage_error() -> None:
    assert "Unknown speech model" in refused("--model", "enormous", code=2)


@pytest.mark.parametrize("damage", ["empty", "rubbish"])
def test_a_broken_model_ends_it_with_a_reason(short_dir: Path, damage: str) -> None:
    if damage == "rubbish":
        (short_dir / "model.bin").write_bytes(os.urandom(1000))
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (short_dir / name).write_text("{}")
    done = subprocess.run(
        [*SERVE, "--model", str(short_dir)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1
    assert ("cannot be used" if damage == "rubbish" else "is not a speech model") in done.stderr
    assert "Traceback" not in done.stderr
