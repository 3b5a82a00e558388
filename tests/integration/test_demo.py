"""The demo in a real terminal, from its first paint to its end, keys only."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.gateway_harness import word_errors, words
from tests.terminal import LIVEGIST, Terminal, terminal
from tui.gateway.speaker_model import find_speaker_model
from tui.paths import demo_recording
from tui.sessions.journal import fold, read

WORDS = demo_recording().with_suffix(".txt")
DEMO = " ".join((*LIVEGIST, "demo"))


@pytest.fixture
def demo(short_dir: Path, home: Path) -> Iterator[Terminal]:
    needs("tmux")
    with terminal(short_dir, DEMO, columns=80, rows=24) as window:
        yield window
    subprocess.run((*LIVEGIST, "stop"), check=True, capture_output=True, timeout=40)


@pytest.mark.timeout(240)
def test_the_demo_shows_turns_gists_and_the_whole_session_to_its_end(demo: Terminal, home: Path) -> None:
    demo.until("livegist")
    demo.until("LIVE", " dB ")
    demo.until("morning", "extractive", within_s=40)
    demo.type("2")
    demo.until("Action items")
    demo.type("?")
    demo.until("In Turns")
    demo.escape("In Turns")
    demo.type("p")
    demo.until("Take-away")
    demo.escape("Take-away")
    demo.until("ENDED", within_s=120)
    demo.type("Tab", "z")
    demo.until("Whole session", "Action items", within_s=30)
    demo.type("q")
    demo.until("[left with 0]", within_s=20)
    (session,) = (home / "data" / "sessions").iterdir()
    assert (session / "audio.wav").stat().st_size == pytest.approx(75.2 * 32_000, rel=0.02)
    record = fold(read(session / "events.jsonl").entries)
    assert record.prompt == "actions"
    meant = words(" ".join(line.partition(": ")[2] for line in WORDS.read_text().splitlines()))
    transcribed = words(" ".join(turn.text for turn in record.transcript.finals))
    assert word_errors(meant, transcribed) / len(meant) <= 0.15
    if find_speaker_model():
        said = [label for label, name in zip("ABC", ("Sarah", "Mark", "Alan"), strict=True) for _ in lines_of(name)]
        assert sorted(turn.speaker or "" for turn in record.transcript.finals) == sorted(said)


def lines_of(name: str) -> list[str]:
    return [line for line in WORDS.read_text().splitlines() if line.startswith(f"{name}:")]


def test_a_terminal_is_needed_and_its_lack_is_said() -> None:
    done = subprocess.run(
        LIVEGIST, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, env=dict(os.environ)
    )
    assert done.returncode == 2
    assert "livegist stream" in done.stderr
