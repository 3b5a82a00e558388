"""Probing a session's lock never prevents another process from opening it: real processes, real locks."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.session_fixtures import store_session
from tui.engine.process import is_running, lock
from tui.errors import EngineError, SessionError
from tui.paths import runtime_dir
from tui.sessions.store import Store, StoredSession

OPENINGS = 3_000
PROBING = """
import sys
from pathlib import Path
from tui.engine.process import is_running
from tui.sessions.store import StoredSession
stored, folder = StoredSession("s", Path(sys.argv[1])), Path(sys.argv[2])
print("probing", flush=True)
while True:
    stored.live
    is_running(folder)
"""


@pytest.fixture
def stored(tmp_path: Path) -> StoredSession:
    return store_session(Store(tmp_path))


@pytest.fixture
def probing(stored: StoredSession) -> Iterator[None]:
    """Run three processes that probe continuously whether the session is active and an engine is running."""
    command = [sys.executable, "-c", PROBING, str(stored.path), str(runtime_dir())]
    probes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        for probe in probes:
            assert probe.stdout is not None
            assert probe.stdout.readline() == "probing\n"
        yield
        assert [probe.poll() for probe in probes] == [None, None, None]
    finally:
        for probe in probes:
            probe.kill()
            probe.communicate()


@pytest.mark.usefixtures("probing")
def test_a_session_opens_while_others_look_whether_it_is_under_way(stored: StoredSession) -> None:
    for _ in range(OPENINGS):
        stored.open_journal().close()
    assert not stored.live


@pytest.mark.usefixtures("probing")
def test_an_engine_starts_while_others_look_whether_one_is_running() -> None:
    for _ in range(OPENINGS):
        with lock(runtime_dir()):
            pass
    assert not is_running(runtime_dir())


@pytest.mark.usefixtures("probing")
def test_a_second_opening_is_refused_while_others_look(stored: StoredSession) -> None:
    journal = stored.open_journal()
    with lock(runtime_dir()):
        for _ in range(OPENINGS):
            assert stored.live
            assert is_running(runtime_dir())
            with pytest.raises(SessionError, match=f"The session {stored.id} is active"):
                stored.open_journal()
            with pytest.raises(EngineError, match="An engine is already running"), lock(runtime_dir()):
                pass
    journal.close()
    assert not stored.live
