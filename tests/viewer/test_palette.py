"""Tests of the command palette, driven by keys and by a scripted engine."""

import stat
from pathlib import Path

import pytest
from textual.binding import Binding

from tests.viewer.contrast import READABLE, contrast_ratio
from tests.viewer.dashboard_harness import running, shown
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.model.commands import Analyse
from tui.paths import shipped
from tui.viewer import command_order
from tui.viewer.app import LivegistApp
from tui.viewer.bindings import DASHBOARD
from tui.viewer.screens.export import ExportPicker
from tui.viewer.screens.settings import SettingsScreen
from tui.viewer.widgets.pane import Pane


async def test_the_palette_offers_every_action_with_its_key_and_the_themes() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, _):
        every = list(app.get_system_commands(app.screen))
        offered = {command.title: command for command in every}
        assert len(offered) == len(every)
        assert {"Stop session", "Mute microphone", "Analyse session", "Hide gists", "Use theme paper"} <= set(offered)
        assert next(iter(offered)) == "Stop session"
        assert "Start session" not in offered
        assert "(x)" in offered["Stop session"].help
        assert "(s)" in offered["Start session – not possible now"].help
        ids = {binding.id for binding in (*DASHBOARD, *Pane.BINDINGS) if isinstance(binding, Binding)}
        assert len(offered) == len(ids - {"show-commands"}) + len(list(shipped("themes").glob("*.toml")))
        offered["Use theme paper"].callback()
        assert app.theme == "paper"


async def test_a_command_of_the_palette_is_carried_out() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen is not app.dashboard)
        await pilot.press(*"analyse")
        await until(pilot, lambda: "Ask the LLM about the whole" in shown(app))
        await pilot.press("enter")
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent == [Analyse()])


async def test_the_palette_names_what_a_toggle_does_next_and_offers_the_last_used_first() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("ctrl+p", *"hide gists")
        await until(pilot, lambda: "Show or hide the gists" in shown(app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.screen is app.dashboard and not app.dashboard.body.gists.display)
        assert [command.title for command in app.get_system_commands(app.screen)][:2] == ["Show gists", "Stop session"]


async def test_the_palette_offers_what_another_viewer_used_last_first(tmp_path: Path) -> None:
    def viewer() -> LivegistApp:
        engine = ScriptedEngine(snapshot=meeting())
        return LivegistApp(engine, theme="night", fps=20, keys={}, layout_file=tmp_path / "panes.json")

    async with run_app(app := viewer()) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        await pilot.press("ctrl+p", *"change settings")
        await until(pilot, lambda: "Show and change settings" in shown(app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
    assert stat.S_IMODE((tmp_path / "commands.json").stat().st_mode) == 0o600
    async with run_app(app := viewer()) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        assert next(iter(app.get_system_commands(app.screen))).title == "Change settings"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_an_order_that_cannot_be_read_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "commands.json").write_bytes(content)
    assert command_order.load(tmp_path / "commands.json") == []


async def test_the_palette_of_a_dialog_offers_what_the_dialog_can_do() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("e", "ctrl+p", *"next format")
        await until(pilot, lambda: "On this screen" in shown(app))
        while not isinstance(app.screen, ExportPicker):
            await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExportPicker) and "▸ txt" in shown(app, "formats"))


@pytest.mark.parametrize("theme", ["night", "paper", "contrast", "ember", "moss"])
async def test_the_selected_command_can_be_read(theme: str) -> None:
    async with running(ScriptedEngine(snapshot=meeting()), theme=theme) as (app, pilot):
        await pilot.press("ctrl+p", *"ma")
        await until(pilot, lambda: "Copy as Markdown" in shown(app))
        rows = app.screen._compositor.render_strips()
        at = next(at for at, strip in enumerate(rows) if "Copy as Markdown" in strip.text)
        selected = next(segment.style for segment in rows[at] if segment.text.startswith("Copy as"))
        assert selected is not None
        assert selected.bgcolor is not None
        behind, texts = selected.bgcolor, []
        for text, style, _ in (*rows[at], *rows[at + 1]):
            if style is not None and style.bgcolor == behind and style.color is not None:
                assert contrast_ratio(style.color.get_truecolor().hex, behind.get_truecolor().hex) >= READABLE, text
                texts.append(text)
        assert "Copy the selected turns" in "".join(texts)
