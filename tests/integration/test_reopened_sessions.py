"""A person's additions to a stored session through an engine that does not record it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests import http_server
from tests.faults.engines import PATIENCE_S, Watch, running
from tests.http_server import Answer, Server
from tests.session_fixtures import MEETING, store_session
from tui.errors import SessionError, UsageError
from tui.model.commands import Analyse, AnnotateSession, Ask, Bookmark, EditTurn, MergeTurn, SetTitle, UndoEdit
from tui.model.events import GistChanged, State, StoredChange, StoredSessionChanged
from tui.model.gists import Gist, GistStatus
from tui.paths import sessions_dir
from tui.sessions.catalogue import summarise
from tui.sessions.store import Store, StoredSession

SAID = {"model": "m", "choices": [{"message": {"content": "On Thursday [turn 2, 00:06]."}, "finish_reason": "stop"}]}


@pytest.fixture
async def llm(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    async with http_server.serving(*[Answer(body=SAID)] * 10) as serving:
        monkeypatch.setenv("LIVEGIST_LLM_URL", serving.url)
        yield serving


@pytest.fixture
def stored() -> StoredSession:
    return store_session(Store(sessions_dir()))


def changes(watch: Watch, stored: StoredSession) -> list[StoredChange]:
    found = [event for event in watch.events if isinstance(event, StoredSessionChanged)]
    assert {event.session for event in found} <= {stored.id}
    return [event.event for event in found]


def answers(watch: Watch, stored: StoredSession) -> list[Gist]:
    gists = [event.gist for event in changes(watch, stored) if isinstance(event, GistChanged)]
    return [gist for gist in gists if gist.status.over]


async def test_words_are_mended_and_turns_split_and_merged_and_each_edit_is_undone(stored: StoredSession) -> None:
    watch = Watch()
    async with running(watch) as built:
        for command in (EditTurn(1, ("Good morning.",)), MergeTurn(2), EditTurn(4, ("Tom raises", "the pool."))):
            await built.execute(AnnotateSession(stored.id, command))
        texts = [(turn.number, turn.text) for turn in stored.load().finals]
        assert texts[:2] == [(1, "Good morning."), (2, f"{MEETING[1][1]} {MEETING[2][1]}")]
        assert texts[2:4] == [(4, "Tom raises"), (4, "the pool.")]
        for _ in range(3):
            await built.execute(AnnotateSession(stored.id, UndoEdit()))
        assert [turn.text for turn in stored.load().finals] == [text for _, text in MEETING]
        with pytest.raises(UsageError, match="no edit to undo"):
            await built.execute(AnnotateSession(stored.id, UndoEdit()))
    assert len(changes(watch, stored)) == 6
    summary = summarise(stored)
    assert (summary.state, summary.length_s) == (State.ENDED, 30.0)


async def test_a_title_and_a_bookmark_are_stored(stored: StoredSession) -> None:
    watch = Watch()
    async with running(watch) as built:
        await built.execute(AnnotateSession(stored.id, SetTitle("Standup")))
        await built.execute(AnnotateSession(stored.id, Bookmark(3, "a risk")))
    assert stored.metadata().name == "Standup"
    assert stored.load().bookmarks == {3: "a risk"}


async def test_a_question_and_an_analysis_are_answered_and_stored(stored: StoredSession, llm: Server) -> None:
    watch = Watch()
    async with running(watch) as built:
        await built.execute(AnnotateSession(stored.id, Ask("When?")))
        await built.execute(AnnotateSession(stored.id, Analyse()))
        await watch.until(lambda: len(answers(watch, stored)) == 2)
        async with asyncio.timeout(PATIENCE_S):
            await llm.unused.wait()
    assert watch.record.gists == {}, "an answer about a stored session is none of the current one"
    kept = stored.load().gists
    assert [(kept[number].question, kept[number].status) for number in sorted(kept)[-2:]] == [
        ("When?", GistStatus.DONE),
        ("", GistStatus.DONE),
    ]


async def test_a_session_that_is_being_recorded_elsewhere_is_left_alone(stored: StoredSession) -> None:
    journal = stored.open_journal()
    try:
        async with running(Watch()) as built:
            with pytest.raises(SessionError, match="is active"):
                await built.execute(AnnotateSession(stored.id, UndoEdit()))
            with pytest.raises(UsageError):
                await built.execute(AnnotateSession("nothing", UndoEdit()))
    finally:
        journal.close()


async def test_without_an_llm_a_question_says_so(stored: StoredSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_ENGINE", "cloud")
    watch = Watch()
    async with running(watch) as built:
        await built.execute(AnnotateSession(stored.id, Ask("When?")))
        await watch.until(lambda: bool(answers(watch, stored)))
    (gist,) = answers(watch, stored)
    assert gist.status is GistStatus.FAILED
    assert "API key" in gist.error
