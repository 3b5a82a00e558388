"""`livegist --plain` and a terminal that cannot draw a screen."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.terminal import LIVEGIST, terminal


@pytest.fixture(autouse=True)
def engine_ends(home: Path) -> Iterator[None]:
    yield
    subprocess.run((*LIVEGIST, "stop"), check=False, capture_output=True, timeout=40)


def test_without_a_terminal_words_come_in_and_lines_go_out() -> None:
    process = subprocess.Popen(
        (*LIVEGIST, "--plain"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready, 0:00, 0 turns")
    process.stdin.write("prompts\n")
    process.stdin.flush()
    assert process.stdout.readline().startswith("prompt 1 ")
    out, reported = process.communicate("gain 3\nquit\n", timeout=40)
    assert "No session is active." in out
    assert (process.returncode, reported) == (0, "")


def test_commands_from_a_pipe_wait_for_the_connection() -> None:
    ended = subprocess.run(
        (*LIVEGIST, "--plain"), input="status\nquit\n", capture_output=True, text=True, check=False, timeout=40
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == ["ready, 0:00, 0 turns, prompt Summary"] * 2


def test_an_ended_input_fails_if_no_engine_can_start(home: Path) -> None:
    # A folder in the place of the socket: no engine can listen there.
    (home / "run" / "engine.sock").mkdir(parents=True)
    ended = subprocess.run(
        (*LIVEGIST, "--plain"), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("livegist: The engine does not respond on ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--url", "foo"), "Invalid WebSocket URL: foo."),
        (("--url", "ws://localhost", "--engine", "local"), "--url and --engine local exclude each other."),
    ],
)
def test_an_endpoint_that_is_not_valid_is_an_error_before_anything_starts(
    home: Path, words: tuple[str, ...], said: str
) -> None:
    ended = subprocess.run(
        (*LIVEGIST, "--plain", *words),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert not (home / "run" / "engine.log").exists()


def test_a_dumb_terminal_gets_lines_and_a_reason(short_dir: Path) -> None:
    needs("tmux")
    command = f"TERM=dumb {' '.join(LIVEGIST)}"
    with terminal(short_dir, command, columns=120, rows=24) as window:
        window.until("cannot draw a screen (TERM=dumb)", "ready, 0:00")
        window.type("help", "Enter")
        window.until("quit: end the session and the engine")
        window.type("quit", "Enter")
        window.until("[left with 0]")
