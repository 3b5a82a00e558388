"""Past sessions in a real terminal: replayed, opened, exported, keys only."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.session_fixtures import store_session
from tests.terminal import LIVEGIST, terminal
from tui.paths import data_dir, sessions_dir
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store, StoredSession


@pytest.fixture
def stored() -> StoredSession:
    needs("tmux")
    return store_session(Store(sessions_dir()), sound_s=30.0, metadata=SessionMetadata("Standup"))


def test_a_replay_is_watched_paused_and_sought_in(stored: StoredSession, short_dir: Path) -> None:
    with terminal(
        short_dir, " ".join((*LIVEGIST, "replay", "standup", "--speed", "4")), columns=100, rows=30
    ) as window:
        window.until("REPLAY ×4", "migration is ready")
        window.type("Space")
        window.until("PAUSED")
        window.type("Home", "o")
        window.until("0:00")
        window.type("Space")
        window.until("Grüße", "ENDED")
        window.type("q")
        window.until("[left with 0]")
    assert stored.load().state == "ended"


def test_a_past_session_is_opened_edited_exported_and_replayed(stored: StoredSession, short_dir: Path) -> None:
    with terminal(short_dir, " ".join(LIVEGIST), columns=100, rows=30) as window:
        window.until("READY")
        window.type("h")
        window.until("Standup")
        window.type("Enter")
        window.until("ENDED", "connection")
        window.type("Home", "E", "End", "Space", "Everyone?", "Enter")
        window.until("quickly. Everyone?")
        window.type("e")
        window.until("Export the session as")
        window.type("Enter")
        window.until("Wrote")
        window.type("Escape")
        window.until("newest first")
        window.type("C-l")
        window.until("REPLAY ×1")
        window.type("q")
        window.until("newest first")
        window.escape("newest first")
        window.type("q")
        window.until("[left with 0]")
    subprocess.run((*LIVEGIST, "stop"), check=True, capture_output=True, timeout=40)
    exported = (data_dir() / "exports" / f"{stored.id}.md").read_text(encoding="utf-8")
    assert "# Standup" in exported
    assert "Everyone?" in exported
