"""Gists whose connection is lost before the LLM answers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import http_server
from tests.fake_endpoint import RATE, Endpoint, speech
from tests.faults.engines import Watch, assert_nothing_lost, fast, in_session
from tests.http_server import Answer, Server
from tui.model.commands import UsePrompt
from tui.model.events import State
from tui.model.gists import GistStatus

TURNS = 6
SOUND = speech(*range(1, TURNS + 1))
LATE_S = 600.0
"""Seconds, longer than any test waits."""
SAID = {"model": "m", "choices": [{"message": {"content": "Asked again."}, "finish_reason": "stop"}]}


@pytest.fixture
async def llm() -> AsyncIterator[Server]:
    async with http_server.serving(Answer(body={"data": []}), *[Answer(body=SAID)] * 20) as serving:
        yield serving


def answers(watch: Watch) -> dict[int | None, str]:
    return {gist.turn: gist.text for gist in watch.record.gists.values() if gist.status is GistStatus.DONE}


async def test_an_answer_that_a_cut_has_taken_is_asked_for_once_there_is_a_line_again(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    server.answer_s = LATE_S
    async with in_session(SOUND, server.url, tmp_path, llm_url=llm.url, clock=fast) as (watch, _):
        await watch.until_turn(2)
        server.answer_s = 0.0
        await server.cut()
        await watch.until_over()
    assert_nothing_lost(SOUND, watch, server.calls, TURNS)
    found = answers(watch)
    assert set(found) == set(range(1, TURNS + 1))
    assert found[1] == "Asked again."
    assert found[TURNS] != "Asked again.", "the endpoint answers what arrives after the cut"
    assert (watch.record.stats.gists, watch.record.stats.gists_missing) == (TURNS, 0)


async def test_an_answer_is_asked_for_if_only_the_connection_before_is_cut(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    server.answer_s = LATE_S
    async with in_session(SOUND, server.url, tmp_path, llm_url=llm.url, clock=fast) as (watch, built):
        await watch.until_turn(2)
        server.answer_s = 0.0
        await built.execute(UsePrompt("actions"))
        await server.wait_for(lambda: len(server.calls) == 2 and server.calls[1].audio)
        old = server.calls[0].websocket
        assert old is not None
        old.transport.abort()
        await watch.until(lambda: 1 in answers(watch))
        assert watch.record.state is State.LIVE
        await watch.until_over()
    assert_nothing_lost(SOUND, watch, server.calls, TURNS)
    assert answers(watch)[1] == "Asked again."


async def test_a_session_whose_last_answer_is_late_is_transcribed_to_its_end(server: Endpoint, tmp_path: Path) -> None:
    sound, server.answer_s = speech(1) + bytes(2 * RATE * 2), 7.0
    async with in_session(sound, server.url, tmp_path, drain_timeout_s=4) as (watch, _):
        await watch.until_over()
    assert_nothing_lost(sound, watch, server.calls, 1)
    assert set(answers(watch)) == {1}
    assert watch.record.stats.untranscribed_s == 0


async def test_an_answer_that_timed_out_is_not_requested_again_after_a_cut(
    server: Endpoint, llm: Server, tmp_path: Path
) -> None:
    server.answers = False
    async with in_session(
        SOUND, server.url, tmp_path, llm_url=llm.url, gist_timeout_s=1.0, drain_timeout_s=2, clock=fast
    ) as (watch, _):
        await watch.until(lambda: any(gist.status is GistStatus.TIMED_OUT for gist in watch.record.gists.values()))
        assert watch.record.state is State.LIVE, "it is reported while the session goes on"
        gone = {gist.turn for gist in watch.record.gists.values() if gist.status is GistStatus.TIMED_OUT}
        await server.cut()
        await watch.until_over()
    assert gone
    assert not gone & set(answers(watch))


async def test_an_answer_that_no_server_can_give_is_shown_as_failed(server: Endpoint, tmp_path: Path) -> None:
    server.answer_s = LATE_S
    async with in_session(SOUND, server.url, tmp_path, clock=fast) as (watch, _):
        await watch.until_turn(2)
        server.answer_s = 0.0
        await server.cut()
        await watch.until_over()
    assert watch.record.state is State.ENDED
    (failed,) = [gist for gist in watch.record.gists.values() if gist.status is not GistStatus.DONE]
    assert (failed.turn, failed.status) == (1, GistStatus.FAILED)
    assert "127.0.0.1" in failed.error
    assert (watch.record.stats.gists, watch.record.stats.gists_missing) == (TURNS - 1, 1)
