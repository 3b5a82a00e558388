"""Import hygiene: which heavy modules each entry point loads, seen in a process of its own."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import fake_endpoint
from tests.fake_endpoint import speech

TOOLKIT = frozenset({"textual", "rich"})
AUDIO = frozenset({"numpy", "sounddevice", "soundfile", "soxr"})
NETWORK = frozenset({"httpx2", "websockets"})
MODELS = frozenset({"av", "ctranslate2", "faster_whisper", "huggingface_hub", "onnx_asr", "onnxruntime", "tokenizers"})
SERVER = frozenset({"starlette", "uvicorn"})
HEAVY = TOOLKIT | AUDIO | NETWORK | MODELS | SERVER | {"asyncio", "msgspec", "sqlite3", "tomlkit", "tomllib"}

RUN = """
import sys
from tui.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
"""
REPORT = """
import json
import os
print(json.dumps(sorted(sys.modules)), file=sys.__stderr__)
"""


def modules_after(program: str, *arguments: str) -> set[str]:
    """Return the heavy modules that a program has loaded at its end."""
    return loaded_after(program, *arguments) & HEAVY


def loaded_after(program: str, *arguments: str) -> set[str]:
    """Return all modules that a program has loaded at its end."""
    command = [sys.executable, "-P", "-c", f"import sys\n{program}\n{REPORT}", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    loaded = set(json.loads(ended.stderr.splitlines()[-1]))
    assert "tui" in loaded
    return loaded


def test_the_version_loads_no_heavy_module() -> None:
    assert modules_after(RUN, "--version") == set()


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["sessions", "--help"],
        ["stream", "--help"],
        ["serve", "--help"],
        ["models", "--help"],
        ["web", "--help"],
    ],
)
def test_help_loads_neither_screen_nor_audio_nor_network_nor_models(command: list[str]) -> None:
    assert modules_after(RUN, *command) <= {"asyncio", "msgspec", "tomllib"}


@pytest.mark.parametrize("command", [["sessions", "list"], ["config", "show"], ["ls"]])
def test_commands_without_audio_load_neither_audio_nor_screen(command: list[str]) -> None:
    assert modules_after(RUN, *command) <= {"asyncio", "msgspec", "tomllib"}


def test_the_engine_never_loads_the_screen_and_loads_audio_and_http_late() -> None:
    loaded = modules_after("import tui.engine.engine, tui.engine.server")
    assert loaded & (TOOLKIT | AUDIO | MODELS | SERVER | {"httpx2"}) == set()
    assert "websockets" in loaded, "its socket"


SESSION = """
import asyncio, sys
from tui.engine.engine import Engine
from tui.model.commands import Start
from tui.model.events import TurnChanged
from tui.paths import PACKAGE, log_file, sessions_dir
from tui.sessions.store import Store

async def main():
    ended = asyncio.Event()
    def publish(event):
        if isinstance(event, TurnChanged) and event.turn.final:
            ended.set()
    engine = Engine(publish, store=Store(sessions_dir()), prompt_folders=(PACKAGE / "prompts",), log_file=log_file())
    running = asyncio.create_task(engine.run())
    await engine.execute(Start({"source": f"cmd:cat {sys.argv[1]}", "url": sys.argv[2], "llm_url": sys.argv[3]}))
    await ended.wait()
    global live
    live = set(sys.modules)
    engine.quit(0)
    await running

asyncio.run(main())
for name in set(sys.modules) - live:
    del sys.modules[name]
"""
NOT_LIVE = frozenset(
    {
        "tui.audio.file_source",
        "tui.engine.replay",
        "tui.engine.session_queries",
        "tui.sessions.captions",
        "tui.sessions.export",
        "tui.sessions.flac",
        "tui.sessions.hooks",
        "tui.sessions.search",
    }
)
"""Modules for files and stored sessions, which an engine loads when it needs them."""


async def test_an_engine_loads_nothing_for_stored_sessions_while_it_records(tmp_path: Path) -> None:
    sound = tmp_path / "sound.raw"
    sound.write_bytes(speech(*range(1, 40)))
    async with fake_endpoint.running() as server:
        loaded = await asyncio.to_thread(loaded_after, SESSION, str(sound), server.url, "http://127.0.0.1:9")
    assert HEAVY & loaded <= {"asyncio", "msgspec", "tomllib", "websockets", "httpx2", "sounddevice"}
    assert NOT_LIVE & loaded == set()


def test_the_viewer_loads_no_audio_no_http_and_no_models() -> None:
    loaded = modules_after("import tui.viewer.app, tui.viewer.wall_app, tui.engine.client, tui.engine.ssh_client")
    assert loaded & (AUDIO | NETWORK | MODELS | SERVER | {"sqlite3", "tomlkit"}) == set()
    assert "textual" in loaded


def test_the_line_interface_loads_no_screen() -> None:
    loaded = modules_after("import tui.line_ui.app, tui.line_ui.wall, tui.engine.client")
    assert loaded & (TOOLKIT | AUDIO | NETWORK | MODELS | SERVER) == set()


def test_the_gateway_loads_its_models_only_when_it_serves() -> None:
    loaded = modules_after("import tui.gateway.app, tui.gateway.gateway")
    assert loaded & (TOOLKIT | MODELS) == set()


def test_the_gateway_loads_nothing_for_speakers_until_a_client_wants_labels() -> None:
    modules_after(
        "import sys, tui.gateway.app, tui.gateway.gateway\n"
        "assert not [name for name in sys.modules if name.startswith('tui.gateway.speaker')]"
    )


def test_the_runtime_of_the_models_stores_no_telemetry(tmp_path: Path) -> None:
    program = "from tui.gateway import vad\nvad.load()"
    command = [sys.executable, "-P", "-c", program]
    environ = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(command, env=environ | {"HOME": str(tmp_path)}, check=True, timeout=60)
    assert list(tmp_path.rglob("*")) == []
