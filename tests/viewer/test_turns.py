"""Tests of the turns pane, driven by keys and by a scripted engine."""

import re

from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, live, long_session, row_of, running, shown
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import SESSION, STATS, ScriptedEngine, gist, meeting, partial, turn
from tui.model.events import (
    GistChanged,
    Notice,
    SessionStarted,
    Severity,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gists import GistStatus
from tui.model.tracks import Track
from tui.viewer.app import LivegistApp
from tui.viewer.styled_text import Line
from tui.viewer.widgets.turns_pane import TurnsPane

HOSTILE = "\x1b[31m[red]x[/red] [@click=app.exit]\u202eevil\x07 [/]" + "\u200b" * 999


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
