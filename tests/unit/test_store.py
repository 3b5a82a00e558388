"""Folders of new sessions."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tui.sessions.store import Store

AT = datetime(2026, 11, 20, 9, 45, tzinfo=UTC)


def test_two_sessions_of_one_second_never_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(("22ff", "22ff", "22ff", "8960"))
    monkeypatch.setattr(secrets, "token_hex", lambda size: next(drawn))
    store = Store(tmp_path / "sessions")
    ids = [store.create(AT).id for _ in range(2)]
    assert ids == ["2026-11-20T09-45-00-22ff", "2026-11-20T09-45-00-8960"]
    assert [path.stat().st_mode & 0o777 for path in store.folder.iterdir()] == [0o700, 0o700]
