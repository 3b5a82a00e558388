"""Annotations of a running session: questions, extra prompts, bookmarks, speaker names; and gain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import http_server
from tests.command import livegist
from tests.fake_endpoint import RATE, Endpoint, speech
from tests.faults.engines import PATIENCE_S, Watch, fast, in_session, running, start_session
from tests.http_server import Answer, Server
from tui.config.schema import Config
from tui.engine.gist_tracker import MAX_CONCURRENT, GistTracker
from tui.engine.stats_collector import StatsCollector
from tui.errors import ConfigError, UsageError
from tui.llm.client import ChatClient
from tui.model.commands import (
    Analyse,
    Ask,
    AskAllTurns,
    Bookmark,
    EditTurn,
    MergeTurn,
    NameSpeaker,
    RetryGist,
    SetGain,
    SetTitle,
    UndoEdit,
    UseExtraPrompts,
)
from tui.model.gists import Gist, GistStatus
from tui.model.prompts import Prompt
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.paths import sessions_dir
from tui.sessions.export import export
from tui.sessions.journal import fold, read
from tui.sessions.store import Store

SAID = {"model": "m", "choices": [{"message": {"content": "It was [turn 1, 00:00]."}, "finish_reason": "stop"}]}


@pytest.fixture
async def llm() -> AsyncIterator[Server]:
    async with http_server.serving(*[Answer(body=SAID)] * 40) as serving:
        yield serving


def gists(watch: Watch, prompt: str) -> dict[int | None, Gist]:
    return {gist.turn: gist for gist in watch.record.gists.values() if gist.prompt == prompt}


def show_last(*options: str) -> str:
    """Return what `livegist sessions show` prints of the newest session."""
    return livegist("sessions", "show", "last", *options).stdout


def asked(llm: Server) -> list[str]:
    found: list[Any] = [request.body for request in llm.asked if request.body]
    return [body["messages"][0]["content"] for body in found]


async def test_a_question_is_answered_from_what_was_said_so_far(server: Endpoint, llm: Server, tmp_path: Path) -> None:
    async with in_session(speech(1, 2), server.url, tmp_path, llm_url=llm.url, clock=fast) as (watch, built):
        await watch.until(lambda: len(watch.finals) == 1)
        await built.execute(Ask("What was\nsaid?"))
        await watch.until(lambda: any(gist.question and gist.status.over for gist in watch.record.gists.values()))
        await watch.until_over()
    (answer,) = [gist for gist in watch.record.gists.values() if gist.question]
    assert (answer.question, answer.text, answer.status) == (
        "What was said?",
        "It was [turn 1, 00:00].",
        GistStatus.DONE,
    )
    (question,) = asked(llm)
    assert "What was said?" in question
    assert "[turn 1, 00:00] turn 1 of" in question


async def test_no_connection_to_the_llm_server_stays_open_after_a_session(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    watch = Watch()

    def answered() -> int:
        return sum(gist.status is GistStatus.DONE for gist in watch.record.gists.values() if gist.turn is None)

    async with running(watch, clock=fast) as built:
        await start_session(built, speech(1, 2), server.url, tmp_path, llm_url=llm.url, analyse_at_end=True)
        await watch.until_over()
        assert answered() == 1
        async with asyncio.timeout(PATIENCE_S):
            await llm.unused.wait()
        await built.execute(Ask("And then?"))
        await watch.until(lambda: answered() == 2)
        async with asyncio.timeout(PATIENCE_S):
            await llm.unused.wait()


async def test_lenses_ask_their_prompts_about_each_turn_beside_the_stream(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    async with in_session(speech(1, 2), server.url, tmp_path, llm_url=llm.url, clock=fast) as (watch, built):
        await watch.until_turn(1)
        await built.execute(UseExtraPrompts(("actions", "takeaway", "summary")))
        assert built.snapshot().extra_prompts == ("actions", "takeaway")
        await watch.until_over()
    for prompt in ("summary", "actions", "takeaway"):
        assert set(gists(watch, prompt)) == {1, 2}, prompt
        assert all(gist.status is GistStatus.DONE for gist in gists(watch, prompt).values())
    assert watch.record.stats.gists == 6
    assert len(asked(llm)) == 4


async def test_more_lenses_than_fit_and_unknown_ones_are_refused(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(1), server.url, tmp_path, clock=fast) as (watch, built):
        await watch.until_turn(1)
        with pytest.raises(ConfigError, match="poem"):
            await built.execute(UseExtraPrompts(("poem",)))
        assert built.snapshot().extra_prompts == ()
        await watch.until_over()


async def test_a_prompt_is_asked_about_all_turns_so_far_but_never_twice(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    async with in_session(speech(1, 2, 3), server.url, tmp_path, llm_url=llm.url, clock=fast) as (watch, built):
        await watch.until(lambda: len(watch.finals) == 2)
        await built.execute(AskAllTurns("actions"))
        await watch.until(lambda: len([g for g in gists(watch, "actions").values() if g.status.over]) == 2)
        await built.execute(AskAllTurns("actions"))
        await watch.until_over()
        await built.execute(AskAllTurns("actions"))
        await watch.until(lambda: len([g for g in gists(watch, "actions").values() if g.status.over]) == 3)
    assert len(asked(llm)) == 3


async def test_a_missing_answer_is_asked_for_again_and_no_longer_missing(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    server.answers = False
    async with in_session(speech(1), server.url, tmp_path, llm_url=llm.url, drain_timeout_s=0.5, clock=fast) as (
        watch,
        built,
    ):
        await watch.until_over()
        (missing,) = watch.record.gists.values()
        assert missing.status is GistStatus.TIMED_OUT
        await built.execute(RetryGist(missing.number))
        await watch.until(lambda: watch.record.gists[missing.number].status is GistStatus.DONE)
        with pytest.raises(UsageError):
            await built.execute(RetryGist(99))


def test_an_answer_within_half_a_millisecond_has_a_latency() -> None:
    record = SessionState()
    answers = GistTracker(Config(), record, StatsCollector(), record.apply, clock=lambda: 7.0)
    answers.expect(1, Prompt("Summary", "Say: {{turn}}", "", "summary"))
    answers.answer(1, "summary", SAID)
    (gist,) = record.gists.values()
    assert (gist.status, gist.latency_s) == (GistStatus.DONE, 0.001)


async def test_a_queued_question_is_not_asked_twice(llm: Server) -> None:
    record, client = SessionState(), ChatClient(llm.url)
    answers = GistTracker(Config(), record, StatsCollector(), record.apply)
    turn, prompt = Turn(1, "We ship on Thursday.", True, 0.0, 2.0), Prompt("Summary", "Say: {{turn}}", "", "summary")

    async def chat() -> ChatClient:
        return client

    async with AsyncExitStack() as busy:
        for _ in range(MAX_CONCURRENT):
            await busy.enter_async_context(answers._semaphore)
        asking = [asyncio.ensure_future(answers.about_turn(turn, prompt, chat)) for _ in range(2)]
        await asyncio.sleep(0)
    await asyncio.gather(*asking)
    await client.aclose()
    assert [gist.status for gist in record.gists.values()] == [GistStatus.DONE]
    assert len(asked(llm)) == 1


async def test_bookmarks_and_names_are_kept_in_the_journal_and_in_the_snapshot_of_a_viewer(
    server: Endpoint, tmp_path: Path
) -> None:
    async with in_session(speech(1, 2), server.url, tmp_path, clock=fast) as (watch, built):
        await watch.until(lambda: len(watch.finals) == 2)
        await built.execute(Bookmark(1, "decided"))
        await built.execute(Bookmark(2, ""))
        await built.execute(Bookmark(2, None))
        await built.execute(NameSpeaker("A", "Maria"))
        with pytest.raises(UsageError):
            await built.execute(Bookmark(9, ""))
        snapshot = built.snapshot()
        await watch.until_over()
    assert [(mark.turn, mark.note) for mark in snapshot.bookmarks] == [(1, "decided")]
    assert [(named.label, named.name) for named in snapshot.speakers] == [("A", "Maria")]
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert kept.bookmarks == {1: "decided"}
    assert kept.speakers == {"A": "Maria"}


async def test_gain_makes_what_is_recorded_louder(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(100, samples=RATE * 3), server.url, tmp_path) as (watch, built):
        await watch.until_turn(1)
        await built.execute(SetGain(20.0))
        with pytest.raises(UsageError):
            await built.execute(SetGain(400.0))
        await watch.until_over()
    assert set(np.unique(np.frombuffer(watch.recorded, "<i2"))) == {0, 100, 1000}


async def test_an_edited_transcript_is_what_exports_prompts_and_questions_read(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    async with in_session(speech(1, 2, 3), server.url, tmp_path, llm_url=llm.url, clock=fast) as (watch, built):
        await watch.until_over()
        await built.execute(EditTurn(1, ("The first turn.",)))
        await built.execute(MergeTurn(2))
        await built.execute(EditTurn(2, ("The second.", "The third.")))
        await built.execute(Analyse())
        await watch.until(lambda: any(gist.turn is None and gist.status.over for gist in watch.record.gists.values()))
        with pytest.raises(UsageError, match="No final turn follows turn 2"):
            await built.execute(MergeTurn(2))
        with pytest.raises(UsageError, match="There is no final turn 3"):
            await built.execute(EditTurn(3, ("It is part of turn 2.",)))
        with pytest.raises(UsageError, match="empty"):
            await built.execute(EditTurn(1, (" ",)))
    assert "The first turn.\nThe second.\nThe third." in asked(llm)[-1]
    (stored,) = Store(sessions_dir())
    state = stored.load()
    assert export(state, stored.metadata(), "txt").split("] ")[1].startswith("The first turn.")
    lines = await asyncio.to_thread(show_last)
    assert "The third." in lines
    assert "] turn 3 of 8000 samples" not in lines
    lines = await asyncio.to_thread(show_last, "--original")
    assert "] turn 3 of 8000 samples" in lines
    assert "The third." not in lines


async def test_undo_takes_back_one_edit_after_the_other_also_from_the_journal(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    async with in_session(speech(1, 2), server.url, tmp_path, llm_url=llm.url, clock=fast) as (watch, built):
        await watch.until_over()
        await built.execute(EditTurn(1, ("One.",)))
        await built.execute(MergeTurn(1))
        await built.execute(UndoEdit())
        assert [turn.text for turn in watch.record.finals] == ["One.", "turn 2 of 8000 samples"]
        assert [turn.text for turn in built.snapshot().edits[0].parts or ()] == ["One."]
        await built.execute(UndoEdit())
        with pytest.raises(UsageError, match="no edit to undo"):
            await built.execute(UndoEdit())
    (stored,) = Store(sessions_dir())
    assert [turn.text for turn in stored.load().finals] == ["turn 1 of 8000 samples", "turn 2 of 8000 samples"]


async def test_a_title_is_suggested_and_a_person_sets_another(
    server: Endpoint, llm: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.engine.title.SUGGEST_AFTER_S", 2.0)
    async with in_session(speech(1, 2, 3, 4, 5, 6, 7, 8), server.url, tmp_path, llm_url=llm.url, clock=fast) as (
        watch,
        built,
    ):
        await watch.until(lambda: bool(watch.record.title))
        assert watch.record.title == "It was [turn 1, 00:00]"
        assert any(body.startswith("Suggest a title") for body in asked(llm))
        (stored,) = Store(sessions_dir())
        assert stored.metadata().name == "It was [turn 1, 00:00]"
        await built.execute(SetTitle(" Release\x1b planning "))
        assert built.snapshot().title == "Release planning"
        await watch.until_over()
    assert stored.metadata().name == "Release planning"
    assert export(stored.load(), stored.metadata(), "md").startswith("# Release planning")


async def test_prompts_contain_the_language_and_the_title(server: Endpoint, llm: Server, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        given = {"llm_url": llm.url, "language": "German", "prompt": "translation"}
        await start_session(built, speech(1, 2), server.url, tmp_path, **given)
        await watch.until_over()
        await built.execute(SetTitle("Standup"))
        await built.execute(NameSpeaker("A", "Ann"))
        await built.execute(Analyse("minutes"))
        await watch.until(lambda: any(gist.turn is None and gist.status.over for gist in watch.record.gists.values()))
    assert "Translate this into German." in server.calls[0].prompt
    assert "{{turn}}" in server.calls[0].prompt
    assert "in German, as Markdown" in asked(llm)[-1]
    assert "Title: Standup\nSpeakers: (not known)" in asked(llm)[-1]
