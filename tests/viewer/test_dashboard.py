"""Tests of the dashboard, driven by keys and by a scripted engine."""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.binding import Binding
from textual.events import Key, MouseScrollUp
from textual.pilot import Pilot
from textual.screen import Screen

from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import (
    PROMPTS,
    SAID,
    SESSION,
    STATS,
    ScriptedEngine,
    gist,
    meeting,
    partial,
    turn,
)
from tui.model.commands import Analyse, Ask, Mute, Quit, Recover, Start, Stop, UsePrompt
from tui.model.events import (
    Event,
    GistChanged,
    GistDelta,
    LevelChanged,
    MutedChanged,
    Notice,
    PromptChanged,
    Rejected,
    SessionsListed,
    SessionStarted,
    Severity,
    Snapshot,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TurnBookmarked,
    TurnChanged,
    TurnRemoved,
    UntranscribedChanged,
)
from tui.model.gists import GistStatus
from tui.model.stats import Stats
from tui.model.tracks import Track
from tui.paths import shipped
from tui.presentation.formatting import STATES
from tui.presentation.view_model import ViewModel
from tui.viewer.app import LivegistApp
from tui.viewer.bindings import DASHBOARD, TOPICS
from tui.viewer.engine_connection import ExitStatus
from tui.viewer.screens.body_actions import BodyActions
from tui.viewer.screens.export import ExportPicker
from tui.viewer.screens.help import HelpScreen
from tui.viewer.screens.prompt_picker import PromptPicker
from tui.viewer.screens.quit_dialog import QuitDialog
from tui.viewer.screens.search import SearchScreen
from tui.viewer.styled_text import Line, width
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.choices import Reader
from tui.viewer.widgets.gists_pane import GistsPane
from tui.viewer.widgets.pane import Pane
from tui.viewer.widgets.stats_pane import StatsPane
from tui.viewer.widgets.turns_pane import TurnsPane

Running = tuple[LivegistApp, Pilot[ExitStatus]]


@asynccontextmanager
async def running(
    engine: ScriptedEngine,
    *,
    size: tuple[int, int] = (120, 36),
    keys: dict[str, str] | None = None,
    theme: str = "night",
    start: Start | None = None,
    host: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Running]:
    """Run the app with a scripted engine until it has shown the first snapshot."""
    app = LivegistApp(engine, theme=theme, fps=20, keys=keys or {}, start=start, host=host, clock=clock)
    async with run_app(app, size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        yield app, pilot


def shown(app: LivegistApp, part: str | None = None) -> str:
    """Return the text of the screen, or of the widget with that id."""
    if part is not None:
        widget = app.screen.query_one(f"#{part}", CellWidget)
        return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


def shown_below(app: LivegistApp, part: str) -> str:
    """Return the text of a widget of the dashboard below another screen."""
    widget = app.dashboard.query_one(f"#{part}", CellWidget)
    return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))


def toasts(app: LivegistApp) -> str:
    """Return the messages on the screen: errors, the footer's, and that in the border of a dialog."""
    said = [notice.message for notice in app._notifications]
    said += [screen.footer.message for screen in app.screen_stack if isinstance(screen, BodyActions)]
    said += [str(box.border_subtitle or "") for box in app.screen.query(".dialog")]
    return "\n".join(filter(None, said))


async def emit(pilot: Pilot[ExitStatus], engine: ScriptedEngine, *events: Event) -> None:
    """Emit events, and wait until the viewer has shown them."""
    engine.emit(*events)
    await engine.handled()
    await pilot.pause()


async def test_the_first_frame_does_not_wait_for_the_engine() -> None:
    engine = ScriptedEngine()
    engine.accepting.clear()
    app = LivegistApp(engine, theme="night", fps=20, keys={})
    async with run_app(app, size=(80, 24)) as pilot:
        await pilot.pause()
        assert "… STARTING" in shown(app, "banner")
        assert "Starting the engine" in shown(app, "turns")
        engine.accepting.set()
        await until(pilot, lambda: "READY" in shown(app, "banner"))


async def test_an_empty_dashboard_says_what_to_do() -> None:
    async with running(ScriptedEngine()) as (app, pilot):
        await until(pilot, lambda: "Press s to start" in shown(app, "turns"))
        assert "○ READY" in shown(app, "banner")
        assert "s start" in shown(app, "keys")
        assert "x stop" not in shown(app, "keys")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (200, 50)])
@pytest.mark.parametrize("failed", [False, True])
async def test_the_first_start_explains_the_three_ways_to_begin_at_any_size(
    size: tuple[int, int], failed: bool
) -> None:
    engine = ScriptedEngine()
    async with running(engine, size=size) as (app, pilot):
        if failed:
            why = "There is no API key for the cloud engine, and the local engine is not installed."
            await emit(pilot, engine, StateChanged(State.FAILED, why, "Run livegist login, or install it."))
        text = shown(app, "turns")
        for way in ("livegist login", "livegist --engine local", "livegist demo"):
            assert way in text
        await emit(pilot, engine, StateChanged(State.LIVE), TurnChanged(partial(1, "so")))
        assert app.dashboard.body.gists.display


async def test_a_lost_connection_asks_nobody_to_speak() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        assert "Speak" in shown(app, "turns")
        await emit(pilot, engine, StateChanged(State.RECONNECTING, "The endpoint does not answer."))
        assert "Speech is recorded now" in shown(app, "turns")
        assert "Recording. Speak" not in shown(app)


async def test_quitting_while_a_session_finishes_does_not_offer_to_stop_it() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.DRAINING))
    engine.quits = False
    async with running(engine) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: engine.sent == [Quit()])
        assert app.screen is app.dashboard
        assert "Finishing the session. Press q again to quit now." in toasts(app)


async def test_the_meter_of_an_ended_session_is_blank() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-6.0, 0.0, True))
        await until(pilot, lambda: "CLIP" in shown(app, "meter") and "█" in shown(app, "meter"))
        await emit(pilot, engine, StateChanged(State.ENDED))
        bar, *_ = shown(app, "meter").splitlines()
        assert bar.strip() == "not recording"
        assert "c clear clip" not in shown(app, "keys")


@pytest.mark.parametrize("key", ["e", "p", "comma", "h", "D"])
async def test_the_key_that_closes_a_dialog_stands_in_its_border_at_60_columns(key: str) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(60, 16)) as (app, pilot):
        if key == "h":
            await emit(pilot, engine, SessionsListed(()))
        else:
            await pilot.press(key)
        await until(pilot, lambda: re.search(r"· esc (back|cancel) ─╯", shown(app)))


async def test_words_of_an_open_turn_count() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await pilot.press("i")
        await emit(pilot, engine, StatsChanged(Stats(words=10)), TurnChanged(partial(1, "three more words")))
        await until(pilot, lambda: re.search(r"words +13 ", shown(app, "stats")))


async def test_who_looks_is_a_viewer() -> None:
    async with running(ScriptedEngine()) as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: re.search(r"viewers +1", shown(app, "stats")))


async def test_a_snapshot_is_shown_whole() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await until(pilot, lambda: "let me look at the" in shown(app, "turns"))
        assert "● LIVE" in shown(app, "banner")
        assert "12:34" in shown(app, "banner")
        assert "prompt Summary" in shown(app, "banner")
        assert "from Built-in Audio" in shown(app, "banner")
        assert "speech u3-rt-pro" in shown(app, "banner")
        assert "132 13:12 A ▎Maria, could you" in shown(app, "turns")
        assert "now 13:18 C ▎I think I can do both" in shown(app, "turns")
        assert "The decision falls at noon" in shown(app, "gists")
        assert "∅ timed out: no answer within 30 s" in shown(app, "gists")
        assert "… waiting" in shown(app, "gists")
        await until(pilot, lambda: "recording" in shown(app, "stats"))
        stats = shown(app, "stats")
        for label, value in (("turns", "132"), ("latency", "304 ms"), ("cost", "$0.173"), ("recording", "24.1 MB")):
            assert any(label in row and value in row for row in stats.splitlines())
        assert "! 1 gist missing · 1 reconnect" in stats
        assert "round trip" not in stats


async def test_a_final_takes_the_place_of_its_partial() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, TurnChanged(partial(1, "so the plan is that", stable=2)))
        assert "now  0:06 ▎so the plan is that" in shown(app, "turns")
        await emit(pilot, engine, TurnChanged(turn(1, "So the plan is that we ship.")))
        assert "  1  0:06 ▎So the plan is that we ship." in shown(app, "turns")
        assert "so the plan" not in shown(app, "turns")
        assert row_of(app, "So the plan") == row_of(app, " now") - 2


async def test_the_newest_turn_stands_at_the_bottom_above_the_open_ones() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        for number in range(1, 30):
            await emit(pilot, engine, TurnChanged(turn(number, f"This is turn {number}.")))
            assert row_of(app, f"turn {number}.") == row_of(app, " now") - 2


async def test_the_end_of_a_long_partial_is_shown_and_two_open_turns_share_the_rows() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, TurnChanged(partial(1, " ".join(f"word{n}" for n in range(99)))))
        assert "word98" in shown(app, "turns")
        assert "word0 " not in shown(app, "turns")
        await emit(pilot, engine, TurnChanged(partial(2, "another")))
        assert "word98" in shown(app, "turns")
        assert "another" in shown(app, "turns")


async def test_an_open_turn_of_a_session_that_has_ended_is_in_the_list() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.ENDED))
        assert "now 13:18 C ▎I think I can do both" in shown(app, "turns")
        assert app.dashboard.body.turns.tail_rows(30) == 0


async def test_the_gutter_fits_the_names_and_the_hours() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, TurnChanged(turn(1, "One.", speaker="A")), TurnChanged(turn(2, "Two.", speaker="B")))
        assert "  1  0:06 A ▎One." in shown(app, "turns")
        await emit(pilot, engine, SpeakerNamed("B", "Maximiliane"))
        assert "  1  0:06 A          ▎One." in shown(app, "turns")
        assert "  2  0:12 Maximilia… ▎Two." in shown(app, "turns")
        await emit(pilot, engine, TurnChanged(turn(1000, "Late.", speaker="A")))
        assert "  1    0:06 A          ▎One." in shown(app, "turns")
        assert "1000 1:40:00 A          ▎Late." in shown(app, "turns")


async def test_words_that_may_change_look_it() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, TurnChanged(partial(1, "sure and unsure words", stable=2)))
        widget = app.dashboard.body.turns
        row = widget.render_line(row_of(app, "sure and"))
        segments = {part.text.strip(): part.style for part in row if part.text.strip()}
        assert segments["unsure words"] is not None
        assert segments["unsure words"].italic
        assert segments["sure and"] is not None
        assert not segments["sure and"].italic


async def test_a_turn_that_was_nothing_disappears() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, TurnChanged(partial(1, "uh")))
        assert "uh" in shown(app, "turns")
        await emit(pilot, engine, TurnRemoved(1))
        assert "uh" not in shown(app, "turns")


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


HOSTILE = "\x1b[31m[red]x[/red] [@click=app.exit]\u202eevil\x07 [/]" + "\u200b" * 999


async def test_hostile_text_is_shown_and_does_nothing() -> None:
    texts = [name for name in SESSION.__struct_fields__ if isinstance(getattr(SESSION, name), str)]
    session = replace(SESSION, **dict.fromkeys(texts, HOSTILE), tracks=(Track(HOSTILE, HOSTILE),))
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(
            pilot,
            engine,
            SessionStarted(session),
            TurnChanged(turn(1, HOSTILE, speaker=HOSTILE)),
            TurnChanged(partial(2, HOSTILE + "y" * 100_000)),
            GistChanged(gist(1, 1, HOSTILE)),
            GistChanged(gist(2, 1, HOSTILE, GistStatus.STREAMING)),
            Notice(Severity.ERROR, HOSTILE, HOSTILE),
            StatsChanged(type(STATS)(device=HOSTILE)),
            StateChanged(State.FAILED, HOSTILE, HOSTILE),
        )
        everything = shown(app)
        assert "␛[31m[red]x[/red] [@click=app.exit]evil␇" in shown(app, "gists")
        assert "␛[31m[red]x[/red]" in shown(app, "alert")
        assert not set(everything) & set("\x1b\x07\u202e\u200b")
        assert all(len(row) <= 120 for row in everything.splitlines())


async def test_scrolled_back_the_turns_stay_put_and_say_how_much_is_new() -> None:
    engine = ScriptedEngine(snapshot=long_session(60))
    async with running(engine) as (app, pilot):
        await pilot.press("home")
        await until(pilot, lambda: "This is turn 1." in shown(app, "turns"))
        before = shown(app, "turns").splitlines()[1:]
        await emit(pilot, engine, *(TurnChanged(turn(n, f"This is turn {n}.")) for n in range(61, 64)))
        assert shown(app, "turns").splitlines()[1:] == before
        assert "↓ 3 new" in shown(app, "turns")
        await pilot.press("f")
        await until(pilot, lambda: "This is turn 63." in shown(app, "turns"))
        assert "new" not in shown(app, "turns")


async def test_f_stays_put_and_follows_again() -> None:
    engine = ScriptedEngine(snapshot=long_session(60))
    async with running(engine) as (app, pilot):
        await pilot.press("f")
        await until(pilot, lambda: not app.dashboard.body.turns.following)
        await pilot.press("f")
        await until(pilot, lambda: app.dashboard.body.turns.following)


async def test_paging_and_the_wheel_scroll() -> None:
    engine = ScriptedEngine(snapshot=long_session(80))
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "turn 80." in shown(app, "turns"))
        await pilot.press("pageup")
        await until(pilot, lambda: "turn 80." not in shown(app, "turns"))
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: app.dashboard.body.turns.following)
        await pilot._post_mouse_events([MouseScrollUp], "#turns", button=0)
        await until(pilot, lambda: not app.dashboard.body.turns.following)


async def test_selecting_a_turn_shows_its_gist_and_the_reverse() -> None:
    engine = ScriptedEngine(snapshot=long_session(60))
    async with running(engine) as (app, pilot):
        await pilot.press("home")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == 1001)
        assert "Gist of turn 1." in shown(app, "gists")
        await pilot.press("down", "down")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == 1003)
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is app.dashboard.body.gists)
        await pilot.press("end", "up")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 60)
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is app.dashboard.body.turns)


async def test_a_click_selects_a_turn() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "Good morning" in shown(app, "turns"))
        await pilot.click("#turns", offset=(20, row_of(app, "Thursday, after") + 1))
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 127)


async def test_tab_goes_from_pane_to_pane_and_the_title_says_where_the_keys_go() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        assert "▸ Turns" in shown(app, "turns")
        await pilot.press("tab")
        await until(pilot, lambda: "▸ Gists" in shown(app, "gists"))
        assert "▸" not in shown(app, "turns")
        await pilot.press("shift+tab")
        await until(pilot, lambda: "▸ Turns" in shown(app, "turns"))


async def test_z_gives_a_pane_the_whole_body_and_takes_it_back() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        wide = app.dashboard.body.turns.size.width
        await pilot.press("z")
        await until(pilot, lambda: app.dashboard.body.turns.size.width == 120)
        assert not app.dashboard.body.gists.display
        await pilot.press("z")
        await until(pilot, lambda: app.dashboard.body.turns.size.width == wide)
        assert app.dashboard.body.gists.display


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


async def test_how_far_endpoint_and_disk_are_behind_is_said_in_the_header_while_it_matters() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StatsChanged(Stats(lag_s=37.4, unsaved_s=12.0)))
        assert "37 s BEHIND" in shown(app, "banner")
        assert "12 s NOT ON DISK" in shown(app, "banner")
        await emit(pilot, engine, StateChanged(State.ENDED))
        assert "BEHIND" not in shown(app, "banner"), "nothing is sent any more"
        assert "12 s NOT ON DISK" in shown(app, "banner")
        assert "Saved in" not in toasts(app)
        await emit(pilot, engine, StatsChanged(Stats()))
        assert "NOT ON DISK" not in shown(app, "banner")


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


async def test_muted_is_said_in_the_header_and_on_the_meter() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, MutedChanged(True))
        assert "⊘ MUTED" in shown(app, "banner")
        assert "muted" in shown(app, "meter")


async def test_the_picker_filters_previews_and_chooses() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await until(pilot, lambda: "● in use" in shown(app, "prompts"))
        await pilot.press(*"take")
        await until(pilot, lambda: "Summary" not in shown(app, "prompts"))
        assert "main take-away from the transcript" in shown(app, "preview")
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent == [UsePrompt("takeaway")])


async def test_the_picker_moves_with_the_arrows_and_leaves_with_escape() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await pilot.press("down")
        await until(pilot, lambda: "set of action items" in shown(app, "preview"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []


@pytest.mark.parametrize("size", [(1, 1), (8, 3), (20, 5), (40, 10), (300, 100)])
async def test_no_size_is_too_small_or_too_big(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=size) as (app, pilot):
        await emit(
            pilot, engine, LevelChanged(-23.0, -12.0, True), StateChanged(State.FAILED, "why " * 50, "hint " * 50)
        )
        for key in ("p", "escape", "question_mark", "escape", "slash", "x", "enter", "z", "up", "z"):
            await pilot.press(key)
        rows = shown(app).splitlines()
        assert len(rows) <= size[1]
        assert max(map(len, rows), default=0) <= size[0]
        await pilot.press("escape")
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: app.screen is app.dashboard and "FAILED" in shown(app, "banner"))
        await until(pilot, lambda: "why why" in shown(app, "alert"))


async def test_another_prompt_is_named_in_the_header() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptChanged("actions"))
        assert "prompt Action items" in shown(app, "banner")


async def test_a_theme_is_in_force_from_the_first_frame() -> None:
    async with running(ScriptedEngine(), theme="paper") as (app, _):
        assert app.dashboard.styles.background.hex.lower() == "#faf7f0"
        assert app.dashboard.body.turns.style_of("accent").color.name == "#1f4f9e"  # type: ignore[union-attr]


async def test_a_search_marks_its_matches_and_n_goes_from_one_to_the_next() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
        await pilot.press(*"SCRIPT")
        await until(pilot, lambda: "3 with “SCRIPT”" in shown_below(app, "turns"))
        await pilot.press("enter")
        await until(pilot, lambda: "3 of 3 with “SCRIPT”" in shown(app, "turns"))
        assert app.dashboard.body.turns.cursor == 132
        marked = [part.text for part in app.dashboard.body.turns.render_line(row_of(app, "Maria, could"))]
        assert any(text == "script" for text in marked)
        await pilot.press("n")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 127)
        await pilot.press("N")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 132)
        await emit(pilot, engine, TurnChanged(turn(133, "The script is checked.")))
        assert "3 of 4 with" in shown(app, "turns")
        await pilot.press("escape")
        await until(pilot, lambda: "with “" not in shown(app, "turns"))


async def test_a_search_starts_from_what_is_on_the_page_of_the_pane_in_use() -> None:
    engine = ScriptedEngine(snapshot=long_session(300))
    async with running(engine) as (app, pilot):
        await pilot.press("tab", "home", "escape")
        await until(pilot, lambda: "Gist of turn 1." in shown(app, "gists"))
        await pilot.press("slash", *"gist of", "enter")
        await until(pilot, lambda: app.screen is app.dashboard and app.dashboard.body.gists.cursor is not None)
        cursor = app.dashboard.body.gists.cursor
        assert cursor is not None
        assert 1001 < cursor < 1030
        await pilot.press("n")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == cursor + 1)


async def test_the_end_of_the_engine_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.viewer.app.QUIT_TIMEOUT_S", 0.05)
    engine = ScriptedEngine(snapshot=meeting())
    engine.quits = False
    async with running(engine) as (app, pilot):
        await pilot.press("q", "x")
        await until(pilot, lambda: app.return_value is not None)
    assert "still finishing" in str(app.return_value)


async def test_a_search_is_ended_with_escape() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("slash", *"pool", "escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert "with “" not in shown(app, "turns")
        assert app.dashboard.body.turns.cursor is None


async def test_the_end_of_a_search_restores_the_position_and_the_selection() -> None:
    engine = ScriptedEngine(snapshot=long_session(60))
    async with running(engine) as (app, pilot):
        await pilot.press("slash", *"turn 3", "enter", "n")
        await until(pilot, lambda: "turn 60." not in shown(app, "turns"))
        await emit(pilot, engine, TurnChanged(turn(61, "Said during the search.")))
        await pilot.press("escape")
        await until(pilot, lambda: "Said during the search." in shown(app, "turns"))
        assert "Gist of turn 60." in shown(app, "gists")
        assert app.dashboard.body.turns.cursor is None
        await pilot.press("home", "slash", *"turn 60", "enter")
        await until(pilot, lambda: "turn 60." in shown(app, "turns"))
        await pilot.press("escape")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 1 and "turn 1." in shown(app, "turns"))


@pytest.mark.parametrize("keys", [("home",), ("slash", *"turn 3", "enter", "n"), ("f",), ("M",)])
async def test_a_new_session_follows_and_shows_its_analysis(keys: tuple[str, ...]) -> None:
    snapshot = replace(long_session(60), bookmarks=(TurnBookmarked(1, ""),))
    engine = ScriptedEngine(snapshot=snapshot)
    async with running(engine) as (app, pilot):
        await pilot.press(*keys)
        await emit(pilot, engine, StateChanged(State.ENDED), SessionStarted(SESSION), StateChanged(State.LIVE))
        new = [(TurnChanged(turn(at, f"New {at}.")), GistChanged(gist(at, at, "A"))) for at in range(1, 40)]
        await emit(pilot, engine, *(event for pair in new for event in pair))
        await emit(pilot, engine, GistChanged(gist(40, None, "All of it.")))
        assert "New 39." in shown(app, "turns")
        assert "All of it." in shown(app, "gists")
        assert "with “" not in shown(app)


@pytest.mark.parametrize("columns", range(22, 66))
def test_a_statistic_that_does_not_fit_is_left_out_whole(columns: int) -> None:
    pane = StatsPane(ViewModel())
    pane.show(replace(STATS, device="Mic"))
    for table in (pane.lines(columns, 17)[1:], pane.lines(columns, 6)[1:]):
        assert not [line for line in table if "…" in "".join(span.text for span in line)]
        assert all(width(line) == columns for line in table[:-1])
    table = pane.lines(columns, 17)
    assert ("304 ms" in str(table)) == (columns >= 25)
    assert ("304 ms  p95 612 ms" in str(table)) == (columns >= 37)


async def test_a_latency_that_does_not_fit_is_left_out_whole() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, _):
        for columns in range(16, 64):
            lines = app.dashboard.body.gists.entry(100, columns)
            head = "".join(span.text for span in lines[0])
            assert "Turn 126" in head
            assert head.endswith("800 ms") == (columns >= 19)


async def test_y_copies_the_selected_turn_and_says_where_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("home", "y")
        await until(pilot, lambda: "Copied" in toasts(app))
        copied = tmp_path / "run" / "copied.txt"
        assert copied.read_text() == f"12:36 A: {SAID[0][1]}"
        assert str(copied) in toasts(app)
        await pilot.press("tab", "escape", "y")
        await until(pilot, lambda: "Ship the migration on **Thursday**" in copied.read_text())


async def test_escape_selects_nothing() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("home")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 126)
        await pilot.press("escape")
        await until(pilot, lambda: app.dashboard.body.turns.cursor is None)


async def test_help_shows_every_key_with_its_id() -> None:
    async with running(ScriptedEngine(), keys={"start": "f5"}, size=(120, 140)) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "[quit]" in shown(app, "help-text"))
        assert any("f5" in row and "[start]" in row for row in shown(app, "help-text").splitlines())
        assert "↻ RECONNECTING" in shown(app, "help-text")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)


async def test_help_is_readable_at_60_columns() -> None:
    async with running(ScriptedEngine(), size=(60, 16)) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "In Turns" in shown(app, "help-text"))
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: "In Turns" not in shown(app, "help-text"))
        await pilot.press(*"stop recording")
        await until(pilot, lambda: "Session" in shown(app, "help-text"))
        rows = shown(app, "help-text").splitlines()
        first = next(at for at, row in enumerate(rows) if "Stop recording" in row)
        assert rows[first].index("Stop") == 20
        assert rows[first + 1].index(rows[first + 1].strip()) == 20


async def test_help_is_filtered_by_what_is_typed_and_names_every_sign_and_state() -> None:
    async with running(ScriptedEngine(), size=(120, 36)) as (app, pilot):
        await pilot.press("question_mark", *"gain")
        await until(pilot, lambda: "[increase-gain]" in shown(app, "help-text"))
        assert "[stop]" not in shown(app, "help-text")
        for _ in "gain":
            await pilot.press("backspace")
        await pilot.press(*"states")
        await until(pilot, lambda: "↻ RECONNECTING" in shown(app, "help-text"))
        assert all(word in shown(app, "help-text") for _, word in STATES.values())
        await pilot.press(*"xyz")
        await until(pilot, lambda: "Nothing matches the filter." in shown(app, "help-text"))


async def test_help_tells_what_is_possible_now_from_what_is_not() -> None:
    async with running(ScriptedEngine(), size=(120, 100)) as (app, pilot):
        await pilot.press("question_mark")
        reader = app.screen.query_one("#help-text", Reader)
        styles = {span.text.strip(): span.style for line in reader.lines(90, 100) for span in line}
        assert styles["Start a session"] == ""
        assert styles["Stop recording, wait for the last turns, end the session"] == "muted"


def test_every_key_of_the_dashboard_has_its_place_in_the_help() -> None:
    ids = [id for _, ids in TOPICS for id in ids]
    nine = {f"use-prompt-{number}" for number in range(2, 10)}
    assert len(ids) == len(set(ids))
    assert set(ids) == {binding.id for binding in DASHBOARD} - nine


@pytest.mark.parametrize(
    ("opening", "name", "says"),
    [
        (("comma",), "Settings", "restore the default"),
        (("e",), "Export", "export the session"),
        (("q",), "Quit", "leave it running"),
        (("p",), "Prompts", "duplicate the"),
    ],
)
async def test_a_dialog_shows_its_own_keys(opening: tuple[str, ...], name: str, says: str) -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press(*opening, "f1")
        assert isinstance(app.screen, HelpScreen)
        assert name in shown(app, "help-text")
        assert says in shown(app, "help-text").casefold()
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)
        assert app.screen is not app.dashboard


async def test_a_click_marks_a_row_of_a_dialog_a_second_takes_it_and_the_wheel_goes_through_them() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p")
        await pilot.click("#prompts", offset=(5, 2))
        await until(pilot, lambda: "▸ 3 Take-away" in shown(app, "prompts"))
        assert engine.sent == []
        await pilot._post_mouse_events([MouseScrollUp], "#prompts", button=0)
        await until(pilot, lambda: "▸ 2 Action items" in shown(app, "prompts"))
        await pilot.click("#prompts", offset=(5, 1))
        await until(pilot, lambda: engine.sent == [UsePrompt("actions")])


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


async def test_ones_own_theme_is_used_as_soon_as_it_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", str(tmp_path))
    monkeypatch.setattr("tui.viewer.app.THEME_CHECK_S", 0.02)
    folder = tmp_path / "config" / "themes"
    folder.mkdir(parents=True)
    night = (shipped("themes") / "night.toml").read_text()
    (folder / "mine.toml").write_text(night)
    async with running(ScriptedEngine(), theme="mine") as (app, pilot):
        (folder / "mine.toml").write_text(night.replace("#12161f", "#010203"))
        await until(pilot, lambda: app.dashboard.styles.background.hex == "#010203")
        (folder / "mine.toml").write_text("dark =")
        await until(pilot, lambda: "mine.toml" in toasts(app))
        assert app.dashboard.styles.background.hex == "#010203"


async def test_a_broken_theme_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", str(tmp_path))
    folder = tmp_path / "config" / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("dark =")
    async with running(ScriptedEngine(), theme="mine") as (app, _):
        assert toasts(app).count("mine.toml") == 1
        assert app.theme == "night"


async def test_nothing_is_painted_for_a_terminal_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = 30
    monkeypatch.setattr("tui.viewer.screens.gated_screen.frames_waiting", lambda driver: behind)
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        painted: list[object] = []
        show = app._display

        def recorded(screen: Screen[object], update: object) -> None:
            painted.append(update)
            show(screen, update)  # type: ignore[arg-type]

        monkeypatch.setattr(app, "_display", recorded)
        for number in range(1, 50):
            engine.emit(TurnChanged(turn(number, f"This is turn {number}.")))
        await engine.handled()
        assert painted == []
        behind = 0
        await until(pilot, lambda: painted)
        await until(pilot, lambda: "turn 49." in shown(app, "turns"))
        assert len(painted) < 5


async def test_keys_that_come_in_one_piece_go_to_the_screen_that_the_first_opens() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        assert app._driver is not None
        for key in ("colon", *"why", "question_mark", "enter"):
            app._driver.send_message(Key(key, "?" if key == "question_mark" else key if len(key) == 1 else None))
        await until(pilot, lambda: engine.sent == [Ask("why?")])


async def test_the_palette_offers_every_action_with_its_key_and_the_themes() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, _):
        every = list(app.get_system_commands(app.screen))
        offered = {command.title: command for command in every}
        assert len(offered) == len(every)
        assert {"Stop session", "Mute microphone", "Analyse session", "Hide gists", "Use theme paper"} <= set(offered)
        assert next(iter(offered)) == "Stop session"
        assert "Start session" not in offered
        assert "(x)" in offered["Stop session"].help
        assert "(s)" in offered["Start session – not possible now"].help
        ids = {binding.id for binding in (*DASHBOARD, *Pane.BINDINGS) if isinstance(binding, Binding)}
        assert len(offered) == len(ids - {"show-commands"}) + len(list(shipped("themes").glob("*.toml")))
        offered["Use theme paper"].callback()
        assert app.theme == "paper"


async def test_a_command_of_the_palette_is_carried_out() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen is not app.dashboard)
        await pilot.press(*"analyse")
        await until(pilot, lambda: "Ask the LLM about the whole" in shown(app))
        await pilot.press("enter")
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent == [Analyse()])


async def test_the_palette_names_what_a_toggle_does_next_and_offers_the_last_used_first() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("ctrl+p", *"hide gists")
        await until(pilot, lambda: "Show or hide the gists" in shown(app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.screen is app.dashboard and not app.dashboard.body.gists.display)
        assert [command.title for command in app.get_system_commands(app.screen)][:2] == ["Show gists", "Stop session"]


async def test_the_palette_of_a_dialog_offers_what_the_dialog_can_do() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("e", "ctrl+p", *"next format")
        await until(pilot, lambda: "In this dialog" in shown(app))
        while not isinstance(app.screen, ExportPicker):
            await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExportPicker) and "▸ txt" in shown(app, "formats"))


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
        ("finishing", "x", "The session is finishing: recording has stopped."),
    ],
)
async def test_a_key_that_cannot_act_says_why(snapshot: str | None, key: str, reason: str) -> None:
    state = State.DRAINING if snapshot == "finishing" else State.LIVE
    engine = ScriptedEngine(snapshot=meeting(state) if snapshot else None)
    async with running(engine) as (app, pilot):
        await pilot.press(key)
        await until(pilot, lambda: reason in shown(app, "keys"))
        assert engine.sent == []


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


async def test_a_change_of_the_prompt_is_not_called_a_delay() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptChanged("actions"), StatsChanged(replace(STATS, elapsed_s=760.0, lag_s=9.0)))
        assert "switching prompt" in shown(app, "banner")
        assert "BEHIND" not in shown(app, "banner")
        await emit(pilot, engine, StatsChanged(replace(STATS, elapsed_s=790.0, lag_s=9.0)))
        assert "9 s BEHIND" in shown(app, "banner")


async def test_a_question_may_be_about_a_turn_that_has_not_ended() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await pilot.press("colon")
        await until(pilot, lambda: "Nothing has been said yet." in shown(app, "keys"))
        await emit(pilot, engine, TurnChanged(partial(1, "we ship on")))
        await pilot.press("colon", *"when?", "enter")
        await until(pilot, lambda: engine.sent == [Ask("when?")])


async def test_notices_and_refusals_are_shown() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(
            pilot,
            engine,
            Notice(Severity.WARNING, "The disk is full.", "Free some space."),
        )
        assert "! The disk is full. Free some space." in shown(app, "keys")
        await emit(
            pilot,
            engine,
            Rejected("A session is already active.", "Press x first."),
            Notice(Severity.ERROR, "The microphone is lost.", "Plug it in."),
        )
        assert "The microphone is lost.\nPlug it in." in toasts(app)
        assert "The microphone is lost." not in shown(app, "keys")
        assert "! A session is already active. Press x first." in shown(app, "keys")


async def test_a_failure_says_why_and_what_to_do() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.FAILED, "There is no microphone.", "Plug one in."))
        assert "✗ FAILED" in shown(app, "banner")
        assert "There is no microphone." in shown(app, "alert")
        assert "Plug one in." in shown(app, "alert")
        assert "Press s to retry." in shown(app, "turns")
        await emit(pilot, engine, StateChanged(State.CONNECTING))
        await until(pilot, lambda: not app.dashboard.alert.display)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.CONNECTING, "◌ CONNECTING"),
        (State.RECONNECTING, "↻ RECONNECTING"),
        (State.DRAINING, "◔ FINISHING"),
        (State.ENDED, "■ ENDED"),
    ],
)
async def test_every_state_is_a_sign_and_a_word(state: State, word: str) -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(state))
        assert word in shown(app, "banner")


async def test_the_end_of_a_session_says_where_it_is_saved() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.ENDED))
        assert f"Saved in {SESSION.path}" in toasts(app)


async def test_a_cut_line_is_said_and_mended() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        engine.accepting.clear()
        engine.cut()
        await until(pilot, lambda: "DISCONNECTED" in shown(app, "banner"))
        assert "Reconnecting" in shown(app, "alert")
        assert "not recording" in shown(app, "meter")
        assert "mute" not in shown(app, "keys")
        engine.accepting.set()
        await until(pilot, lambda: "● LIVE" in shown(app, "banner"))
        assert engine.connections == 2
        assert "Good morning" in shown(app, "turns")


async def test_an_engine_that_cannot_be_reached_is_told_of_with_what_helps() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.ENDED))
    async with running(engine) as (app, pilot):
        app.dashboard.set_connection_lost("far: Network is unreachable.", "Is it on?")
        text = "✗ far: Network is unreachable. Is it on? Press s to start a session, q to quit."
        await until(pilot, lambda: " ".join(shown(app, "alert").split()) == text)


async def test_d_leaves_the_session_running() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("d")
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value is not None
    assert app.return_value.running
    assert "The session continues" in str(app.return_value)
    assert engine.sent == []


async def test_q_without_a_session_ends_the_engine_and_leaves() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: app.return_value is not None)
    assert engine.sent == [Quit()]
    assert str(app.return_value) == ""


async def test_q_in_a_session_asks_and_stop_waits_for_its_end() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    engine.quits = False
    async with running(engine) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, QuitDialog))
        await until(pilot, lambda: "Stop and quit" in shown(app, "quit-choices"))
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent == [Quit()])
        await emit(pilot, engine, StateChanged(State.DRAINING), TurnChanged(turn(133, "The last word.")))
        assert "The last word." in shown(app, "turns")
        assert app.return_value is None
        engine.cut()
        await until(pilot, lambda: app.return_value is not None)
    assert str(app.return_value) == f"The session is saved in {SESSION.path}"


@pytest.mark.parametrize(("keys", "running_on"), [(("l",), True), (("down", "enter"), True), (("x",), False)])
async def test_the_question_is_answered_by_its_keys(keys: tuple[str, ...], running_on: bool) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("q", *keys)
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value is not None
    assert app.return_value.running is running_on


async def test_the_question_may_be_left_open() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("q", "escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (200, 50)])
async def test_every_size_shows_state_level_turns_gists_and_figures(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=size) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        await until(pilot, lambda: "█" in shown(app, "meter"))
        everything = shown(app)
        for expected in ("● LIVE", "12:34", "█", "let me look at the", "… waiting", "132", "x stop"):
            assert expected in everything, expected
        assert app.dashboard.body.turns.size.height >= 6
        assert all(len(row) <= size[0] for row in everything.splitlines())


async def test_another_size_lays_everything_out_anew() -> None:
    engine = ScriptedEngine(snapshot=long_session(300))
    async with running(engine, size=(120, 36)) as (app, pilot):
        await until(pilot, lambda: "turn 300." in shown(app, "turns"))
        await pilot.resize_terminal(60, 16)
        await until(pilot, lambda: app.dashboard.body.turns.size.width == 60)
        await until(pilot, lambda: "turn 300." in shown(app, "turns"))


async def test_a_long_session_is_whole_from_its_first_turn_to_its_last() -> None:
    long = "word " * 60
    snapshot = long_session(1500)
    turns = tuple(turn(n, f"Turn {n}. {long if n % 3 else ''}end{n}.") for n in range(1, 1501))
    engine = ScriptedEngine(snapshot=replace(snapshot, turns=turns))
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "end1500." in shown(app, "turns"))
        await pilot.press("home")
        await until(pilot, lambda: "end1." in shown(app, "turns"))
        seen: set[int] = set()
        for _ in range(40):
            seen |= {int(n) for n in re.findall(r"end(\d+)\.", shown(app, "turns"))}
            await pilot.press("pagedown")
        assert sorted(seen) == list(range(1, max(seen) + 1))
        await until(pilot, lambda: not app.dashboard.body.turns._estimated)
        columns = app.dashboard.body.turns._columns
        assert app.dashboard.body.turns._list.total == sum(
            len(app.dashboard.body.turns.entry(n, columns)) for n in range(1, 1501)
        )


async def test_a_long_session_lays_out_one_turn_for_one_change() -> None:
    laid_out: list[int] = []

    class Counted(TurnsPane):
        def entry(self, key: int, columns: int) -> list[Line]:
            laid_out.append(key)
            return super().entry(key, columns)

    engine = ScriptedEngine(snapshot=long_session(4000))
    app = LivegistApp(engine, theme="night", fps=20, keys={})
    app.dashboard.body.turns = Counted(app.dashboard.view_model, id="turns")
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: "turn 4000." in shown(app, "turns") and not app.dashboard.body.turns._estimated)
        laid_out.clear()
        await emit(pilot, engine, TurnChanged(partial(4001, "one more")))
        assert "one more" in shown(app, "turns")
        assert not laid_out
        await emit(pilot, engine, TurnChanged(turn(4001, "One more.")))
        assert "One more." in shown(app, "turns")
        assert set(laid_out) == {4001}


def live() -> Snapshot:
    """Return a running session without turns."""
    return Snapshot(1, "0", State.LIVE, session=SESSION, prompt="summary", prompts=PROMPTS)


def long_session(turns: int) -> Snapshot:
    """Return a session of many short turns with a gist each."""
    return Snapshot(
        1,
        "0",
        State.LIVE,
        session=SESSION,
        prompt="summary",
        prompts=PROMPTS,
        turns=tuple(turn(n, f"This is turn {n}.") for n in range(1, turns + 1)),
        gists=tuple(gist(1000 + n, n, f"Gist of turn {n}.") for n in range(1, turns + 1)),
    )


def row_of(app: LivegistApp, text: str) -> int:
    return next(at for at, row in enumerate(shown(app, "turns").splitlines()) if text in row)
