"""Human speech, all the way: source, engine, local gateway, turns."""

import asyncio
from pathlib import Path

import pytest

from tests.gateway_harness import CLIPS, spoken, word_errors, words
from tui.engine.engine import Engine
from tui.model.commands import Start
from tui.model.events import Event, GistChanged, TurnChanged
from tui.model.gists import GistStatus
from tui.paths import PACKAGE
from tui.sessions.store import Store

PATIENCE_S = 90.0


@pytest.mark.timeout(240)
async def test_five_clips_are_transcribed_with_few_wrong_words_and_a_gist_each(tmp_path: Path) -> None:
    reported: list[Event] = []
    engine = Engine(
        reported.append,
        store=Store(tmp_path / "sessions"),
        prompt_folders=(PACKAGE / "prompts",),
        log_file=tmp_path / "gateway.log",
        flags={"engine": "local", "analyse_at_end": False},
    )
    running = asyncio.create_task(engine.run())
    wrong = said = 0
    for clip in CLIPS:
        reported.clear()
        await engine.execute(Start({"source": str(clip)}))
        async with asyncio.timeout(PATIENCE_S):
            await engine.wait_idle()
        assert engine.failure is None
        finals = {
            event.turn.number: event.turn for event in reported if isinstance(event, TurnChanged) and event.turn.final
        }
        gists = {event.gist.turn: event.gist for event in reported if isinstance(event, GistChanged)}
        assert finals
        assert all(gists[number].status is GistStatus.DONE for number in finals)
        reference = words(spoken(clip))
        transcribed = words(" ".join(turn.text for turn in finals.values()))
        wrong += word_errors(reference, transcribed)
        said += len(reference)
    engine.quit()
    await running
    assert wrong / said <= 0.15, f"{wrong} of {said} words"
