"""A replay: pausing, seeking, and what it cannot do."""

from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, live, running, shown
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.model.commands import Mute, Pause, Seek

REPLAY = replace(meeting(), replay_speed=2.0)


async def test_in_a_replay_space_pauses_and_arrows_seek() -> None:
    engine = ScriptedEngine(snapshot=REPLAY)
    async with running(engine) as (app, pilot):
        assert "REPLAY ×2" in shown(app, "banner")
        await pilot.press("space", "left", "right")
        elapsed_s = REPLAY.stats.elapsed_s
        await until(pilot, lambda: engine.sent == [Pause(True), Seek(elapsed_s - 10), Seek(elapsed_s + 10)])
        await emit(pilot, engine, replace(REPLAY, paused=True))
        await until(pilot, lambda: "PAUSED" in shown(app, "banner"))
        await pilot.press("space")
        await until(pilot, lambda: engine.sent[3:] == [Pause(False)])


async def test_a_replay_does_not_look_like_a_recording() -> None:
    async with running(ScriptedEngine(snapshot=REPLAY)) as (app, pilot):
        await until(pilot, lambda: "space pause" in shown(app, "keys"))
        assert "LIVE" not in shown(app, "banner")
        assert "REPLAY ×2" in shown(app, "banner")
        assert "mute" not in shown(app, "keys")
        assert "detach" not in shown(app, "keys")


async def test_an_empty_replay_asks_for_no_speech_and_no_analysis() -> None:
    async with running(ScriptedEngine(snapshot=replace(live(), replay_speed=2.0))) as (app, pilot):
        await until(pilot, lambda: "Turns appear here as the recording is replayed." in shown(app, "turns"))
        assert "Speak" not in shown(app, "turns")
        assert "Press a" not in shown(app, "gists")


async def test_in_a_replay_o_goes_on_from_the_selected_turn() -> None:
    engine = ScriptedEngine(snapshot=REPLAY)
    async with running(engine) as (app, pilot):
        await pilot.press("home")
        await until(pilot, lambda: app.dashboard.body.turns.cursor is not None)
        await pilot.press("o")
        first = REPLAY.turns[0]
        await until(pilot, lambda: engine.sent == [Seek(first.start_s)])


async def test_in_a_replay_nothing_is_recorded_or_asked() -> None:
    engine = ScriptedEngine(snapshot=REPLAY)
    async with running(engine) as (app, pilot):
        await pilot.press("s", "x", "a", "1", "p", "D", "e", "h")
        await pilot.pause()
        assert app.screen is app.dashboard
        assert engine.sent == []


async def test_a_live_session_has_no_seeking_and_space_mutes() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (_, pilot):
        await pilot.press("left", "right", "o", "space")
        await until(pilot, lambda: engine.sent == [Mute(True)])
