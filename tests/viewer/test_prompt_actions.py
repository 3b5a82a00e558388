"""Tests of creating, editing, duplicating and deleting prompts."""

from pathlib import Path

import pytest
from textual.widgets import TextArea

from tests.viewer.dashboard_harness import emit, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.model.commands import COMMAND_BYTES, PROMPT_CHARACTERS, DeletePrompt, ShowPrompt, WritePrompt
from tui.model.events import PromptShown
from tui.model.prompts import parse_prompt
from tui.viewer.messages import CommandRequested
from tui.viewer.screens.prompt_editor import PromptEditor, edit_externally
from tui.viewer.screens.prompt_picker import PromptPicker
from tui.viewer.screens.text_input import TextInputScreen

TEXT = '# mine\nname = "Risks"\nturn = "Risks? {{turn}}"\nsession = "Risks? {{transcript}}"\n'


async def test_the_picker_names_its_keys() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await until(pilot, lambda: "^n new · ^e edit · ^y duplicate · ^x delete" in shown(app, "prompt-keys"))


async def test_the_hint_of_the_picker_fits_the_smallest_screen() -> None:
    async with running(ScriptedEngine(snapshot=meeting()), size=(60, 16)) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: "enter use" in shown(app) and "esc back" in shown(app))
        await pilot.press("down", "space")
        await until(pilot, lambda: "enter confirm" in shown(app) and "esc back" in shown(app))


async def test_a_new_prompt_begins_as_one_and_is_written() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p", "ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, TextInputScreen))
        await pilot.press(*"Open risks", "enter")
        await until(pilot, lambda: isinstance(app.screen, PromptEditor))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(engine.sent) == 1)
        (written,) = engine.sent
        assert isinstance(written, WritePrompt)
        assert written.prompt == "open-risks"
        assert parse_prompt(written.text, "open-risks", "").name == "Open risks"


async def test_the_marked_prompt_is_edited_as_its_file_is() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p", "down", "ctrl+e")
        await until(pilot, lambda: engine.sent == [ShowPrompt("actions")])
        await emit(pilot, engine, PromptShown("actions", TEXT, own=True))
        await until(pilot, lambda: isinstance(app.screen, PromptEditor))
        await pilot.press("#", "ctrl+s")
        await until(pilot, lambda: engine.sent[1:] == [WritePrompt("actions", f"#{TEXT}")])


async def test_a_copy_gets_an_id_of_its_own() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p", "ctrl+y")
        await until(pilot, lambda: isinstance(app.screen, TextInputScreen))
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent == [ShowPrompt("summary")])
        await emit(pilot, engine, PromptShown("summary", TEXT, own=False))
        await until(pilot, lambda: isinstance(app.screen, PromptEditor))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: engine.sent[1:] == [WritePrompt("summary-2", TEXT)])


async def test_a_prompt_is_deleted_only_when_its_id_is_typed() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p", "ctrl+x", "enter")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []
        await pilot.press("p", "ctrl+x", *"summary", "enter")
        await until(pilot, lambda: engine.sent == [DeletePrompt("summary")])


async def test_an_invalid_prompt_keeps_the_editor_open_and_says_why() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptShown("risks", TEXT, own=True))
        await until(pilot, lambda: isinstance(app.screen, PromptEditor))
        app.screen.query_one(TextArea).text = TEXT.replace("{{turn}}", "")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "turn lacks {{turn}}" in toasts(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []


async def test_a_prompt_that_is_too_long_stays_open_and_says_why() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptShown("risks", TEXT, own=True))
        await until(pilot, lambda: isinstance(app.screen, PromptEditor))
        app.screen.query_one(TextArea).text = TEXT + "#" * PROMPT_CHARACTERS
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "The prompt is too long. At most 100,000 characters." in toasts(app))
        assert isinstance(app.screen, PromptEditor)
        assert engine.sent == []


async def test_a_command_that_is_too_long_is_refused_with_words() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        app.post_message(CommandRequested(WritePrompt("risks", "#" * COMMAND_BYTES)))
        await until(pilot, lambda: "The text is too long" in toasts(app))
        assert engine.sent == []


def test_a_persons_own_editor_changes_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "ed"
    editor.write_text('#!/bin/sh\nsed -i s/Risks/Doubts/ "$2"\n')
    editor.chmod(0o700)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{editor} -w")
    assert edit_externally(TEXT, "risks") == TEXT.replace("Risks", "Doubts")


async def test_an_editor_that_cannot_be_started_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptShown("risks", TEXT, own=True))
        await until(pilot, lambda: isinstance(app.screen, PromptEditor))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: "cannot be suspended for an editor" in toasts(app))
