"""Prompts that change while an engine runs, by command and on disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fake_endpoint import Endpoint, speech
from tests.faults.engines import Watch, assert_nothing_lost, fast, start_session
from tui.engine.engine import Engine
from tui.errors import ConfigError
from tui.model.commands import DeletePrompt, ShowPrompt, UseExtraPrompts, UsePrompt, WritePrompt
from tui.model.events import Notice, PromptChanged, PromptsChanged, PromptShown
from tui.paths import PACKAGE, log_file, sessions_dir
from tui.sessions.store import Store

TEXT = '# mine\nname = "Risks"\nturn = "Risks? {{turn}}"\nsession = "Risks? {{transcript}}"\n'


@asynccontextmanager
async def running(watch: Watch, own: Path) -> AsyncIterator[Engine]:
    folders = (PACKAGE / "prompts", own)
    built = Engine(watch.publish, store=Store(sessions_dir()), prompt_folders=folders, log_file=log_file(), clock=fast)
    task = asyncio.create_task(built.run())
    try:
        yield built
    finally:
        built.quit()
        await task


def names(watch: Watch) -> list[str]:
    """Return the names of the prompts in the last `PromptsChanged`."""
    reported = [event for event in watch.events if isinstance(event, PromptsChanged)]
    return [prompt.name for prompt in reported[-1].prompts] if reported else []


async def test_a_prompt_that_is_written_can_be_used_at_once_and_read_as_it_was_written(tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, tmp_path / "prompts") as built:
        await built.execute(WritePrompt("risks", TEXT))
        assert names(watch)[-1] == "Risks"
        await built.execute(UsePrompt("risks"))
        assert await built.execute(ShowPrompt("risks")) == PromptShown("risks", TEXT, own=True)
        with pytest.raises(ConfigError):
            await built.execute(WritePrompt("risks", "name = 1"))
        assert built.snapshot().prompt == "risks"


async def test_a_prompt_that_is_gone_gives_way_to_the_first(tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, tmp_path / "prompts") as built:
        await built.execute(WritePrompt("risks", TEXT))
        await built.execute(UsePrompt("risks"))
        await built.execute(DeletePrompt("risks"))
        assert "Risks" not in names(watch)
        assert watch.events[-1] == PromptChanged("summary")


async def test_a_file_that_comes_and_goes_on_the_disk_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.engine.prompt_watcher.PROMPT_POLL_S", 0.01)
    own = tmp_path / "prompts"
    watch = Watch()
    async with running(watch, own):
        own.mkdir()
        (own / "risks.toml").write_text(TEXT)
        await watch.until(lambda: "Risks" in names(watch))
        (own / "risks.toml").write_text("no prompt")
        await watch.until(lambda: "Risks" not in names(watch))
        await watch.until(
            lambda: any(isinstance(reported, Notice) and "risks.toml" in reported.text for reported in watch.events)
        )


async def test_prompts_in_use_outlast_their_files_while_a_session_goes_on(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, tmp_path / "prompts") as built:
        for id in ("risks", "doubts"):
            await built.execute(WritePrompt(id, TEXT))
        await built.execute(UsePrompt("risks"))
        await start_session(built, speech(1, 2), server.url, tmp_path, llm_url="http://127.0.0.1:9")
        await watch.until_turn(1)
        await built.execute(UseExtraPrompts(("doubts",)))
        for id in ("risks", "doubts"):
            await built.execute(DeletePrompt(id))
        assert names(watch).count("Risks") == 2
        await watch.until_over()
        assert {gist.prompt for gist in watch.record.gists.values() if gist.turn == 2} == {"risks", "doubts"}
        await built.execute(WritePrompt("other", TEXT))
        assert names(watch).count("Risks") == 1


async def test_a_new_text_of_the_prompt_in_use_is_asked_from_then_on(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, tmp_path / "prompts") as built:
        await start_session(built, speech(1, 2, 3, 4), server.url, tmp_path)
        await watch.until_turn(1)
        await built.execute(WritePrompt("summary", TEXT))
        await watch.until_over()
    assert len(server.calls) == 2
    assert server.calls[1].prompt == "Risks? {{turn}}"
    assert_nothing_lost(speech(1, 2, 3, 4), watch, server.calls, 4)


async def test_another_text_of_another_prompt_leaves_the_connection_alone(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, tmp_path / "prompts") as built:
        await start_session(built, speech(1, 2), server.url, tmp_path)
        await watch.until_turn(1)
        await built.execute(WritePrompt("actions", TEXT))
        await watch.until_over()
    assert len(server.calls) == 1
