"""Tests of themes of the dashboard, driven by keys and by a scripted engine."""

from pathlib import Path

import pytest

from tests.viewer.dashboard_harness import running, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine
from tui.paths import shipped


async def test_ones_own_theme_is_used_as_soon_as_it_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", str(tmp_path))
    monkeypatch.setattr("tui.viewer.viewer_app.THEME_CHECK_S", 0.02)
    folder = tmp_path / "config" / "themes"
    folder.mkdir(parents=True)
    night = (shipped("themes") / "night.toml").read_text()
    (folder / "mine.toml").write_text(night)
    async with running(ScriptedEngine(), theme="mine") as (app, pilot):
        (folder / "mine.toml").write_text(night.replace("#12161f", "#010203"))
        await until(pilot, lambda: app.dashboard.styles.background.hex == "#010203")
        (folder / "mine.toml").write_text("dark =")
        await until(pilot, lambda: "mine.toml" in toasts(app))
        assert app.dashboard.styles.background.hex == "#010203"


async def test_a_broken_theme_is_reported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", str(tmp_path))
    folder = tmp_path / "config" / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("dark =")
    async with running(ScriptedEngine(), theme="mine") as (app, _):
        assert toasts(app).count("mine.toml") == 1
        assert app.theme == "night"


async def test_a_theme_is_in_force_from_the_first_frame() -> None:
    async with running(ScriptedEngine(), theme="paper") as (app, _):
        assert app.dashboard.styles.background.hex.lower() == "#faf7f0"
        assert app.dashboard.body.turns.style_of("accent").color.name == "#1f4f9e"  # type: ignore[union-attr]
