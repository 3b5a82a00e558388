"""Tests of the gists pane, driven by keys and by a scripted engine."""

import re

from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, live, running, shown
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import ScriptedEngine, gist
from tui.model.events import GistChanged, GistDelta
from tui.model.gists import GistStatus
from tui.viewer.app import LivegistApp
from tui.viewer.styled_text import Line
from tui.viewer.widgets.gists_pane import GistsPane


async def test_an_answer_streams_as_plain_text_and_is_markdown_once_whole() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, GistChanged(gist(1, 1, "", GistStatus.WAITING)), GistDelta(1, "It is **bo"))
        await until(pilot, lambda: "It is **bo ▌" in shown(app, "gists"))
        await emit(pilot, engine, GistChanged(gist(1, 1, "It is **bold**.")))
        assert "It is bold." in shown(app, "gists")
        assert re.search(r"◆ Turn 1 +800 ms │$", shown(app, "gists"), re.MULTILINE)
        assert "claude-sonnet-4-20250514" in shown(app, "gists").splitlines()[0]


async def test_a_streaming_answer_is_laid_out_less_often_than_it_grows() -> None:
    laid_out: list[int] = []

    class Counted(GistsPane):
        def entry(self, key: int, columns: int) -> list[Line]:
            laid_out.append(key)
            return super().entry(key, columns)

    engine = ScriptedEngine(snapshot=live())
    app = LivegistApp(engine, theme="night", fps=20, keys={})
    app.dashboard.body.gists = Counted(app.dashboard.view_model, id="gists")
    async with run_app(app) as pilot:
        await emit(pilot, engine, GistChanged(gist(1, 1, "", GistStatus.WAITING)))
        laid_out.clear()
        await emit(pilot, engine, *(GistDelta(1, f"{n} ") for n in range(1000)))
        await until(pilot, lambda: "999 ▌" in shown(app, "gists"))
        assert len(laid_out) < 100


async def test_a_failed_answer_says_why() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, GistChanged(gist(1, 1, "", GistStatus.FAILED, error="the key is wrong")))
        assert "✗ failed: the key is wrong" in shown(app, "gists")


async def test_where_an_answer_broke_off_stands_why() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        cut = replace(gist(1, 1, "Ship on"), error="The answer is truncated at max_tokens.")
        cancelled = gist(2, None, "1. Tom: pool\n2. Maria:", GistStatus.FAILED, error="The request was cancelled.")
        await emit(pilot, engine, GistChanged(cut), GistChanged(cancelled))
        rows = [row.strip(" │┃") for row in shown(app, "gists").splitlines() if row.strip(" │┃")]
        text = " ".join(rows)
        assert "Ship on ! The answer is truncated at max_tokens." in text
        assert "2. Maria: ✗ failed: The request was cancelled." in text


async def test_a_whole_session_stands_out_and_an_extractive_answer_says_what_it_is() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        whole = gist(1, None, "They ship on Thursday.")
        extract = type(whole)(2, 1, "summary", "We ship on Thursday.", GistStatus.DONE, model="extractive")
        await emit(pilot, engine, GistChanged(extract))
        assert "extractive: picked sentences, no LLM" in shown(app, "gists").splitlines()[0]
        assert shown(app, "gists").count("extractive") == 1
        await emit(pilot, engine, GistChanged(whole))
        assert "extractive" not in shown(app, "gists").splitlines()[0]
        assert "┃ Whole session (7 turns)" in shown(app, "gists")
        assert "┃ They ship on Thursday." in shown(app, "gists")
        assert "extractive: picked sentences, no LLM" in shown(app, "gists"), "this gist is by another model"
