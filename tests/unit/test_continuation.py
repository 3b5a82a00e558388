"""Which session is continued after its engine was killed, by itself or when a person asks, and which is not."""

import os
import stat
from datetime import datetime
from pathlib import Path

import pytest

from tests.session_fixtures import store_session
from tui.engine.continuation import AUTOMATIC_S, MAX_AUTOMATIC, OFFERED_S, SessionContinuation, gap_notice
from tui.model.events import Notice, State, StateChanged
from tui.paths import sessions_dir
from tui.sessions.store import Store, StoredSession

NOW = 1_800_000_000.0


def killed(state: State = State.LIVE) -> StoredSession:
    """Leave behind a session whose engine was killed in a state; its last audio is of the time `NOW`."""
    stored = store_session(Store(sessions_dir()), [StateChanged(state)], state=None)
    os.utime(stored.audio, (NOW, NOW))
    return stored


def found(folder: Path, stored: StoredSession, after_s: float) -> tuple[SessionContinuation, list[str]]:
    """Return what an engine finds that starts some seconds after the last audio, and the ids that it reported."""
    SessionContinuation(folder / "session.json", Store(sessions_dir())).open(stored.id, {"source": "mic"})
    continuation = SessionContinuation(folder / "session.json", Store(sessions_dir()), lambda: NOW + after_s)
    unreported: list[str] = []

    def repair(id: str) -> list[Notice]:
        unreported.append(id)
        return []

    continuation.find(repair)
    return continuation, unreported


def test_the_session_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    found(tmp_path, killed(), 2.0)
    assert stat.S_IMODE((tmp_path / "session.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("state", [State.CONNECTING, State.LIVE, State.RECONNECTING])
def test_a_session_that_recorded_a_moment_ago_is_continued_by_itself(tmp_path: Path, state: State) -> None:
    stored = killed(state)
    continuation, unreported = found(tmp_path, stored, 2.0)
    assert unreported == [stored.id]
    assert continuation.interruption is not None
    assert continuation.interruption.options == {"source": "mic"}
    assert datetime.fromisoformat(continuation.stopped_at).timestamp() == NOW
    assert continuation.is_automatic()


@pytest.mark.parametrize("state", [State.DRAINING, State.ENDED, State.FAILED])
def test_a_session_that_a_person_has_stopped_is_not(tmp_path: Path, state: State) -> None:
    continuation, unreported = found(tmp_path, killed(state), 2.0)
    assert unreported == [""]
    assert continuation.interruption is None
    assert not (tmp_path / "session.json").exists()


def test_after_a_minute_a_person_has_to_ask_and_after_ten_it_is_too_late(tmp_path: Path) -> None:
    stored = killed()
    continuation, _ = found(tmp_path, stored, AUTOMATIC_S + 1)
    assert continuation.is_offered()
    assert not continuation.is_automatic()
    late, _ = found(tmp_path, stored, OFFERED_S + 1)
    assert late.stopped_at == ""


def test_a_session_that_kills_its_engine_again_and_again_waits_for_a_person(tmp_path: Path) -> None:
    stored = killed()
    continuation, _ = found(tmp_path, stored, 2.0)
    for _ in range(MAX_AUTOMATIC):
        assert continuation.is_automatic()
        continuation.open(stored.id, {})
        continuation = SessionContinuation(tmp_path / "session.json", Store(sessions_dir()), lambda: NOW + 3.0)
        continuation.find(lambda _: [])
    assert not continuation.is_automatic()
    assert continuation.is_offered()


def test_a_session_without_a_file_or_with_a_broken_one_is_only_repaired(tmp_path: Path) -> None:
    killed()
    for file in (None, tmp_path / "missing.json", tmp_path):
        continuation = SessionContinuation(file, Store(sessions_dir()), lambda: NOW)
        assert continuation.find(lambda _: []) == []
        assert continuation.interruption is None


def test_the_gap_is_reported_with_its_clock_times() -> None:
    now = datetime.fromisoformat("2026-11-22T10:00:05+00:00")
    notice = gap_notice(now.timestamp() - 5.0, now, 65.0, 5.0)
    assert notice.text.startswith("Not recorded: 10:00:00 to 10:00:05 (5.0 s).")
    assert notice.gap is not None
    assert notice.gap.start_s == 60.0
    assert gap_notice(now.timestamp() - 5.0, now, 60.0, 0.0).gap is None
