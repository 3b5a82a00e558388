"""Tests of the keys of the dashboard and its footer, driven by keys and by a scripted engine."""

import pytest
from msgspec.structs import replace
from textual.events import Key

from tests.viewer.dashboard_harness import emit, live, running, shown, toasts
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import SESSION, ScriptedEngine, meeting, partial
from tui.model.commands import Analyse, Ask, Mute, Recover, Start, Stop, UsePrompt
from tui.model.events import Notice, Severity, Snapshot, State, TurnChanged, UntranscribedChanged
from tui.viewer.app import LivegistApp
from tui.viewer.widgets.box import Box


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
async def test_the_way_to_all_keys_stands_in_the_footer_at_any_width(columns: int) -> None:
    async with running(ScriptedEngine(snapshot=meeting()), size=(columns, 16)) as (app, _):
        assert "? help" in shown(app, "keys")
        assert shown(app, "keys").startswith(" x stop")


async def test_the_footer_is_a_row_of_buttons_for_the_mouse() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        at = shown(app, "keys").index("mute")
        await pilot.click("#keys", offset=(at, 0))
        await until(pilot, lambda: engine.sent == [Mute(True)])


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("x", Stop()),
        ("space", Mute(True)),
        ("a", Analyse()),
        ("3", UsePrompt("takeaway")),
        ("right_square_bracket", UsePrompt("actions")),
        ("left_square_bracket", UsePrompt("improve")),
    ],
)
async def test_each_key_of_a_live_session_asks_the_engine(key: str, command: object) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (_, pilot):
        await pilot.press(key)
        await until(pilot, lambda: engine.sent == [command])


async def test_s_starts_with_the_options_of_the_command_line() -> None:
    engine = ScriptedEngine()
    app = LivegistApp(engine, theme="night", fps=20, keys={}, options={"source": "talk.wav"})
    async with run_app(app) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        await pilot.press("s")
        await until(pilot, lambda: engine.sent == [Start({"source": "talk.wav"})])


async def test_what_is_not_possible_now_is_not_asked() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (_, pilot):
        await pilot.press("x", "space", "a", "9", "c")
        await pilot.press("s")
        await until(pilot, lambda: engine.sent == [Start({})])


async def test_a_start_is_sent_after_the_first_snapshot_only_if_no_session_is_live() -> None:
    idle = ScriptedEngine()
    async with running(idle, start=Start({"source": "demo.wav"})) as (_, pilot):
        await until(pilot, lambda: idle.sent == [Start({"source": "demo.wav"})])
    busy = ScriptedEngine(snapshot=meeting())
    async with running(busy, start=Start()) as (_, pilot):
        await pilot.press("space")
        await until(pilot, lambda: busy.sent == [Mute(True)])


async def test_the_rest_of_a_session_is_offered_and_sent_by_a_key() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "READY" in shown(app, "banner"))
        assert "transcribe rest" not in shown(app, "keys")
        await emit(pilot, engine, UntranscribedChanged(("2026-11-22T10-00-00-abcd",)))
        assert "not transcribed to the end. Press t to" in " ".join(shown(app, "turns").split())
        assert "t transcribe rest" in shown(app, "keys")
        await pilot.press("t")
        await until(pilot, lambda: engine.sent == [Recover("2026-11-22T10-00-00-abcd")])


async def test_a_key_of_ones_own_works_and_stands_in_the_footer() -> None:
    engine = ScriptedEngine()
    async with running(engine, keys={"start": "f5"}) as (app, pilot):
        await until(pilot, lambda: "start" in shown(app, "keys"))
        assert "f5 start" in shown(app, "keys").lower()
        await pilot.press("s", "f5")
        await until(pilot, lambda: engine.sent == [Start({})])


async def test_bad_keys_and_a_missing_theme_are_notices() -> None:
    async with running(ScriptedEngine(), keys={"start": "x"}, theme="nigth") as (app, _):
        assert "'x' is bound to both start and stop" in toasts(app)
        assert "Unknown theme: nigth." in toasts(app)
        assert app.theme == "night"


async def test_keys_that_come_in_one_piece_go_to_the_screen_that_the_first_opens() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        assert app._driver is not None
        for key in ("colon", *"why", "question_mark", "enter"):
            app._driver.send_message(Key(key, "?" if key == "question_mark" else key if len(key) == 1 else None))
        await until(pilot, lambda: engine.sent == [Ask("why?")])


@pytest.mark.parametrize(
    ("snapshot", "key", "reason"),
    [
        (None, "x", "No session is running. Press s to start one."),
        (None, "a", "No turn has ended yet."),
        (None, "e", "No stored session to export."),
        (None, "9", "There is no prompt 9: 4 prompts. Press p to see them."),
        ("live", "s", "A session is running. Press x to stop it first."),
        ("live", "c", "No clip mark is set."),
        ("live", "n", "No search. Press / to search."),
        ("live", "left", "Only a replay can seek: livegist replay."),
        ("finishing", "space", "The session is finishing: recording has stopped."),
    ],
)
async def test_a_key_that_cannot_act_says_why(snapshot: str | None, key: str, reason: str) -> None:
    state = State.DRAINING if snapshot == "finishing" else State.LIVE
    engine = ScriptedEngine(snapshot=meeting(state) if snapshot else None)
    async with running(engine) as (app, pilot):
        await pilot.press(key)
        await until(pilot, lambda: reason in shown(app, "keys"))
        assert engine.sent == []


@pytest.mark.parametrize(
    "snapshot",
    [
        None,
        meeting(),
        meeting(State.DRAINING),
        replace(meeting(State.ENDED), session=replace(SESSION, path="")),
        replace(meeting(), replay_speed=1.0),
    ],
    ids=["ready", "live", "finishing", "private", "replay"],
)
async def test_every_key_that_cannot_act_has_a_reason_of_its_own(snapshot: Snapshot | None) -> None:
    async with running(ScriptedEngine(snapshot=snapshot)) as (app, _):
        impossible = [found.binding for found in app.dashboard.active_bindings.values() if not found.enabled]
        assert impossible
        for binding in impossible:
            app.dashboard.explain_unavailable(binding)
            assert app.dashboard.footer.message not in ("", "Not possible now."), binding.id


async def test_a_long_message_is_shown_row_after_row_and_then_the_keys_are_back() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(60, 16)) as (app, pilot):
        app.notify(" ".join(f"word{n}" for n in range(12)), markup=False)
        await pilot.pause()
        assert "word0" in shown(app, "keys")
        assert "word11" not in shown(app, "keys")
        app.dashboard.footer.turn_over()
        await pilot.pause()
        assert "word11" in shown(app, "keys")
        app.dashboard.footer.turn_over()
        await pilot.pause()
        assert shown(app, "keys").startswith(" x stop")
        assert shown(app, "keys").rstrip().endswith("… ? help")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (120, 36)])
@pytest.mark.parametrize("dialog", [False, True], ids=["dashboard", "dialog"])
async def test_what_to_do_about_a_session_that_is_not_fully_transcribed_stands_in_one_row(
    size: tuple[int, int], dialog: bool
) -> None:
    text = "The session 2026-11-27T21-57-24-7d98 was interrupted and has been repaired: 6 s recorded, 0 s transcribed."
    hint = "To transcribe the rest, press t or run: livegist recover"
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=size) as (app, pilot):
        if dialog:
            await pilot.press("p")
        await emit(pilot, engine, Notice(Severity.WARNING, text, hint))
        shower = app.screen.query_one(Box) if dialog else app.dashboard.footer
        rows = [row_of_message(app, dialog)]
        while rows[-1].endswith(" …"):
            shower.turn_over()
            await pilot.pause()
            rows.append(row_of_message(app, dialog))
        assert " ".join(row.removesuffix(" …") for row in rows) == f"! {text} {hint}"
        assert dialog or rows[-1].endswith(hint)


def row_of_message(app: LivegistApp, dialog: bool) -> str:
    """Return the row of the message that is shown, without the keys beside it."""
    if not dialog:
        return shown(app, "keys").strip().partition("   ")[0]
    row = str(app.screen.query_one(Box).border_subtitle)
    assert row in shown(app)
    return row


async def test_a_question_may_be_about_a_turn_that_has_not_ended() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await pilot.press("colon")
        await until(pilot, lambda: "Nothing has been said yet." in shown(app, "keys"))
        await emit(pilot, engine, TurnChanged(partial(1, "we ship on")))
        await pilot.press("colon", *"when?", "enter")
        await until(pilot, lambda: engine.sent == [Ask("when?")])
