"""What a person adds to a session by keys, in a real terminal with a real engine: kept, exported, reported in lines."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.terminal import LIVEGIST, Terminal, terminal
from tui.sessions.journal import fold, read


@pytest.fixture
def demo(short_dir: Path, home: Path) -> Iterator[Terminal]:
    needs("tmux")
    with terminal(short_dir, " ".join((*LIVEGIST, "demo")), columns=100, rows=30) as window:
        yield window
    subprocess.run((*LIVEGIST, "stop"), check=False, capture_output=True, timeout=40)


def write(window: Terminal, text: str) -> None:
    window.type("-l", text)
    window.type("Enter")


@pytest.mark.timeout(240)
def test_bookmarks_questions_extra_prompts_and_gain_go_all_the_way(demo: Terminal, home: Path) -> None:
    demo.until("LIVE", within_s=30)
    demo.until("extractive", within_s=60)
    demo.type("m")
    demo.until("note for the bookmark")
    write(demo, "check this")
    demo.until("★", "check this")
    demo.type(":")
    demo.until("question about the session")
    write(demo, "How did the release go?")
    demo.until("Question: How did the release")
    demo.type("p")
    demo.until("in use")
    demo.type("Down", "Space")
    demo.until("◎ extra")
    demo.escape("◎ extra")
    demo.until("prompt Summary +1", "to ask Action items about")
    demo.type("b")
    demo.until("· Action items", within_s=30)
    demo.type("+")
    demo.until("+3 dB")
    demo.type("q")
    demo.until("Stop and quit")
    demo.type("x")
    demo.until("[left with 0]", within_s=60)
    (session,) = (home / "data" / "sessions").iterdir()
    record = fold(read(session / "events.jsonl").entries)
    assert "check this" in record.bookmarks.values()
    assert record.extra_prompts == ("actions",)
    assert record.gain_db == 3.0
    assert any(gist.question == "How did the release go?" and gist.text for gist in record.gists.values())
    assert {gist.prompt for gist in record.gists.values() if gist.turn == 1} == {"summary", "actions"}
    exported = subprocess.run(
        (*LIVEGIST, "export", "last", "--format", "md", "--output", "-"), capture_output=True, text=True, timeout=40
    )
    assert "★ check this" in exported.stdout, exported.stderr
