"""`livegist ask` and `livegist analyse` against a real HTTP server."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.command import livegist
from tests.http_server import Answer, Server, serving
from tests.session_fixtures import MEETING, STARTED, final_turn, meeting_events, store_session
from tests.terminal import LIVEGIST
from tui.model.events import Event, SpeakerNamed, State, TurnChanged
from tui.paths import sessions_dir
from tui.sessions.journal import Journal
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store


@pytest.fixture
def store() -> Store:
    return Store(sessions_dir())


@pytest.fixture
def llm() -> Iterator[Server]:
    """Run a chat completions server in a thread; it gives out what is put into `answers`."""
    ready, leave = threading.Event(), asyncio.Event()
    found: list[tuple[Server, asyncio.AbstractEventLoop]] = []

    async def run() -> None:
        async with serving() as server:
            found.append((server, asyncio.get_running_loop()))
            ready.set()
            await leave.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(10)
    server, loop = found[0]
    yield server
    loop.call_soon_threadsafe(leave.set)
    thread.join(10)


def said(text: str) -> Answer:
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    return Answer(body={"model": "echo", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 4}})


def asked(server: Server) -> list[str]:
    return [str(request.body["messages"][0]["content"]) for request in server.asked]


def test_an_answer_comes_with_the_turns_it_rests_on_in_their_own_words(store: Store, llm: Server) -> None:
    store_session(store)
    llm.answers = [said("On Thursday [turn 2, 00:06].")]
    result = livegist("ask", "last", "When do we ship?", "--llm-url", llm.url, says="— echo")
    assert result.exit_code == 0
    assert result.stdout == (
        "On Thursday [turn 2, 00:06].\n\nCited turns:\n"
        "  [turn 2, 00:06] The migration is ready and I want to ship it on Thursday.\n"
    )
    assert "When do we ship?" in asked(llm)[0]
    assert "[turn 3, 00:12] C: What worries me" in asked(llm)[0]


def test_an_answer_that_names_nothing_is_not_vouched_for(store: Store, llm: Server) -> None:
    store_session(store)
    llm.answers = [said("Probably never."), said("See [turn 77, 01:00].")]
    livegist("ask", "last", "When?", "--llm-url", llm.url, says="cites no turn")
    livegist("ask", "last", "When?", "--llm-url", llm.url, says="do not exist: 77")


def test_an_answer_about_one_session_is_kept_there(store: Store, llm: Server) -> None:
    stored = store_session(store)
    llm.answers = [said("On Thursday [turn 2, 00:06].")]
    livegist("ask", "last", "When?", "--llm-url", llm.url, says="— echo")
    gist = stored.load().gists[7]
    assert (gist.question, gist.text, gist.turn) == ("When?", "On Thursday [turn 2, 00:06].", None)
    assert stored.load().state is State.ENDED
    assert list(store.interrupted()) == []


def test_several_sessions_are_asked_at_once(store: Store, llm: Server) -> None:
    store_session(store, metadata=SessionMetadata("Old", ("work",)))
    store_session(store, started=STARTED + timedelta(days=1), metadata=SessionMetadata("New", ("work",)))
    store_session(store, started=STARTED + timedelta(days=2))
    llm.answers = [said("Twice: [Old, turn 3, 00:12] and [New, turn 3, 00:12].")]
    result = livegist("ask", "--tag", "work", "What of the pool?", "--json", "--llm-url", llm.url)
    answer = json.loads(result.stdout)
    assert [(quote["title"], quote["turn"]) for quote in answer["quotes"]] == [("Old", 3), ("New", 3)]
    assert asked(llm)[0].index("Session Old") < asked(llm)[0].index("Session New")
    assert asked(llm)[0].count("connection pool") == 2


def test_a_long_session_is_read_in_parts_and_that_is_said(
    store: Store, llm: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_session(store, _long())
    monkeypatch.setenv("LIVEGIST_CONTEXT_TOKENS", "1000")
    llm.answers = [*[said("part")] * 4, said("Whole [turn 40, 03:54].")]
    result = livegist("ask", "last", "What?", "--llm-url", llm.url, says="part 1 of 4")
    assert result.stdout.startswith("Whole")
    assert "turn 40" in result.stdout.partition("Cited turns:")[2]


def _long() -> list[Event]:
    return [TurnChanged(final_turn(n, f"This is turn {n} " + "and it goes on " * 4)) for n in range(1, 41)]


def test_a_question_without_a_session_is_a_usage_error(store: Store) -> None:
    store_session(store)
    livegist("ask", "What?", code=2, says="A question needs a session")
    livegist("ask", "--tag", "nope", "What?", code=2, says="No session matches")


def test_a_session_under_way_is_asked_but_nothing_is_added_to_it(store: Store, llm: Server) -> None:
    stored = store_session(store, state=None)
    engine = Journal(stored.events)
    llm.answers = [said("Yes [turn 1, 00:00].")]
    livegist("ask", "last", "Well?", "--llm-url", llm.url, says="not stored")
    engine.close()
    assert len(stored.load().gists) == 6


def test_a_session_is_analysed_again_beside_what_was_said_of_it(store: Store, llm: Server) -> None:
    stored = store_session(store)
    llm.answers = [said("- Tom: pool")]
    result = livegist("analyse", "last", "--prompt", "actions", "--llm-url", llm.url, says="— echo")
    assert result.stdout == "- Tom: pool\n"
    assert stored.load().gists[6].prompt == "summary"
    assert (stored.load().gists[7].prompt, stored.load().gists[7].turns) == ("actions", 5)


def test_each_turn_is_analysed_again(store: Store, llm: Server) -> None:
    stored = store_session(store)
    llm.answers = [said(f"new {n}") for n in range(5)]
    result = livegist("analyse", "last", "--turns", "--prompt", "takeaway", "--llm-url", llm.url)
    assert result.exit_code == 0
    gists = [stored.load().gists[n] for n in range(7, 12)]
    assert [gist.turn for gist in gists] == [1, 2, 3, 4, 5]
    assert {gist.text for gist in gists} == {f"new {n}" for n in range(5)}
    assert {gist.prompt for gist in gists} == {"takeaway"}


def test_answers_about_turns_come_one_by_one_and_those_there_are_outlive_a_ctrl_c(store: Store, llm: Server) -> None:
    stored = store_session(store)
    first, second = (replace(said(f"new {number}"), to=MEETING[number - 1][1]) for number in (1, 2))
    llm.answers = [first, second, *[Answer(hangs=True)] * 3]
    process = subprocess.Popen(
        [*LIVEGIST, "analyse", "last", "--turns", "--prompt", "takeaway", "--llm-url", llm.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    # The other three are still to come.
    printed = [process.stdout.readline() for _ in range(6)]
    assert {line.strip() for line in printed} >= {"new 1", "new 2"}
    process.send_signal(signal.SIGINT)
    _, reported = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in reported
    assert {gist.text for gist in stored.load().gists.values() if gist.prompt == "takeaway"} == {"new 1", "new 2"}
    assert list(store.interrupted()) == []


INTERRUPTED_CALLBACK = """
import os, signal, sys
from tui.cli import analyse, main

class Callback:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        os.getpid()

def find_with_turns(word, find=analyse.find_with_turns):
    Callback()
    return find(word)

analyse.find_with_turns = find_with_turns
main(sys.argv[1:])
"""
"""The command with a Ctrl-C during a callback, whose exceptions the interpreter ignores, before it asks."""


def test_a_ctrl_c_during_a_callback_of_the_interpreter_is_not_lost(store: Store, llm: Server) -> None:
    store_session(store)
    llm.answers = [Answer(hangs=True)]
    ended = subprocess.run(
        [sys.executable, "-P", "-c", INTERRUPTED_CALLBACK, "analyse", "last", "--llm-url", llm.url],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.strip()) == (1, "Aborted!")


def test_speakers_that_have_names_are_called_by_them(store: Store, llm: Server) -> None:
    store_session(store, [*meeting_events(), SpeakerNamed("B", "Bob")])
    llm.answers = [said("- Bob: ship")]
    livegist("analyse", "last", "--llm-url", llm.url, says="— echo")
    assert "Bob: The migration is ready" in asked(llm)[0]


def test_many_answers_do_not_make_a_session_look_broken(store: Store, llm: Server) -> None:
    stored = store_session(store)
    llm.answers = [said("long " * 20_000) for _ in range(5)]
    livegist("analyse", "last", "--turns", "--llm-url", llm.url)
    assert list(store.interrupted()) == []
    assert stored.load().stats.turns == 5


def test_an_llm_that_refuses_fails_in_two_lines_and_keeps_nothing(store: Store, llm: Server) -> None:
    stored = store_session(store)
    llm.answers = [Answer(401, {"error": {"message": "bad key"}})]
    livegist("analyse", "last", "--llm-url", llm.url, code=1, says="bad key")
    assert len(stored.load().gists) == 6


def test_a_session_without_words_is_not_analysed(store: Store, llm: Server) -> None:
    store_session(store, [])
    livegist("analyse", "last", "--llm-url", llm.url, code=2, says="has no turns")
    assert llm.asked == []
