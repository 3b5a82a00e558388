"""Tests of how frames are written to the terminal."""

import pytest
from textual.drivers.linux_driver import LinuxDriver

from tests.viewer.scripted_engine import ScriptedEngine
from tui.viewer.app import LivegistApp
from tui.viewer.driver import SYNC_END, SYNC_START, FrameDriver


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what goes on to the thread that writes."""
    pieces: list[str] = []
    monkeypatch.setattr(LinuxDriver, "write", lambda self, data: pieces.append(data))
    return pieces


def driver() -> FrameDriver:
    app = LivegistApp(ScriptedEngine(), theme="night", fps=20, keys={})
    assert app.driver_class is FrameDriver
    return FrameDriver(app)


async def test_a_frame_is_one_write(written: list[str]) -> None:
    terminal = driver()
    for piece in (SYNC_START, "the meter", SYNC_END):
        terminal.write(piece)
    assert written == [f"{SYNC_START}the meter{SYNC_END}"]


async def test_output_outside_of_a_frame_is_written_at_once(written: list[str]) -> None:
    terminal = driver()
    for piece in ("title", SYNC_START, "a", "b", SYNC_END, "bell"):
        terminal.write(piece)
    assert written == ["title", f"{SYNC_START}ab{SYNC_END}", "bell"]
