import asyncio
import time

import pytest
from msgspec.structs import replace
from textual.geometry import Region

from tests.viewer.dashboard_harness import emit, live, running, shown
from tests.viewer.pilot import Clock, until
from tests.viewer.scripted_engine import SESSION, ScriptedEngine, partial, turn
from tui.model.events import LevelChanged, MutedChanged, SessionStarted, TurnChanged, TurnRemoved
from tui.model.tracks import Track
from tui.presentation.ballistics import Interval, Reading
from tui.viewer.frame_rate import EARLY_S
from tui.viewer.styled_text import Span, width
from tui.viewer.widgets.meter import Meter, bar, braille, with_deadband, zone_style


def text(reading: Reading, columns: int = 60) -> str:
    return "".join(span.text for span in bar(reading, columns))


def test_rms_is_solid_the_peak_shaded_and_the_hold_a_stroke() -> None:
    shown = text(Reading(rms_dbfs=-40.0, peak_dbfs=-20.0, hold_dbfs=-10.0))
    assert shown == "█" * 20 + "░" * 20 + " " * 10 + "│" + " " * 9


def test_half_a_cell_of_rms_is_shown() -> None:
    assert text(Reading(rms_dbfs=-39.5))[20] == "▌"
    assert text(Reading(rms_dbfs=-39.6))[20] == " "


def test_full_scale_fills_the_bar_and_digital_silence_leaves_it_empty() -> None:
    assert text(Reading(0.0, 0.0, 0.0)) == "█" * 60
    assert text(Reading()) == " " * 60
    assert text(Reading(rms_dbfs=3.0, peak_dbfs=3.0, hold_dbfs=3.0), 10) == "█" * 10


def test_the_zones_change_at_minus_20_and_minus_9() -> None:
    assert [zone_style(level) for level in (-60.0, -20.1, -20.0, -9.1, -9.0, 0.0)] == ["good"] * 2 + ["warn"] * 2 + [
        "bad"
    ] * 2
    styles = {span.style for span in bar(Reading(0.0, 0.0, 0.0), 60)}
    assert styles == {"good track", "warn track", "bad track"}


@pytest.mark.parametrize("columns", range(1, 200, 7))
def test_the_bar_is_as_wide_as_asked(columns: int) -> None:
    assert width(bar(Reading(-30.0, -12.0, -11.0), columns)) == columns


def test_a_needle_that_trembles_is_shown_at_rest() -> None:
    shown = Reading(-50.0, -40.0, -38.0)
    assert with_deadband(shown, Reading(-50.6, -40.9, -38.0)) == shown
    assert with_deadband(shown, Reading(-51.0, -39.0, -38.0)) == Reading(-51.0, -39.0, -38.0)
    assert with_deadband(Reading(-59.5, -59.5, -59.5), Reading(-60.1, -60.1, -60.1)) == Reading(-60.1, -60.1, -60.1)


def test_speech_fills_a_column_of_the_history_and_silence_is_a_dot() -> None:
    loud, low, none = Interval(-3.0, True), Interval(-50.0, False), Interval(-120.0, False)
    assert braille([(loud, loud), (loud, none), (low, low), (none, none)]) == (
        Span("⣿⡇", "good"),
        Span("⣀⠀", "muted"),
    )
    assert braille([(Interval(-3.0, False), none)]) == (Span("⠁", "muted"),)


async def test_the_last_minutes_stand_beside_the_level() -> None:
    clock = Clock()
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, clock=clock) as (app, pilot):
        await emit(pilot, engine, TurnChanged(partial(1, "so")))
        for at in range(9):
            if at == 4:
                await emit(pilot, engine, TurnChanged(turn(1, "So.")))
            await emit(pilot, engine, LevelChanged(-40.0, -3.0 if at < 4 else -50.0))
            clock.now += 2.5
        await until(pilot, lambda: "⣿⣿⣀⣀ 4 min" in shown(app, "meter"))
        engine.snapshot = live()
        engine.cut()
        await until(pilot, lambda: engine.connections == 2 and "not recording" not in shown(app, "meter"))
        assert "⣿⣿⣀⣀ 4 min" in shown(app, "meter"), "a lost connection to the engine leaves the history"
        await emit(pilot, engine, SessionStarted(SESSION))
        await until(pilot, lambda: "⣿" not in shown(app, "meter"))


async def test_levels_move_the_meter_and_its_figures() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, clock=Clock()) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        await until(pilot, lambda: "█" in shown(app, "meter"))
        await until(pilot, lambda: "-23 │-12 dB" in shown(app, "meter"))


@pytest.mark.parametrize(
    ("size", "speech", "silence"), [((120, 36), "● speech", "○ silence"), ((40, 16), "dB ●", "dB ○")]
)
async def test_the_meter_says_whether_the_endpoint_detects_speech(
    size: tuple[int, int], speech: str, silence: str
) -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, clock=Clock(), size=size) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        await until(pilot, lambda: silence in shown(app, "meter"))
        await emit(pilot, engine, TurnChanged(partial(1, "so")))
        await until(pilot, lambda: speech in shown(app, "meter"))
        await emit(pilot, engine, TurnChanged(partial(2, "er")), TurnChanged(turn(1, "So.")), TurnRemoved(2))
        await until(pilot, lambda: silence in shown(app, "meter"))


async def test_two_channels_have_a_bar_each_and_mono_has_one() -> None:
    engine = ScriptedEngine(snapshot=live())
    clock = Clock()
    async with running(engine, clock=clock) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0, channels=((-20.0, -9.0), (-120.0, -120.0))))
        await until(pilot, lambda: shown(app, "meter").startswith("L █"))
        left, right = shown(app, "meter").splitlines()
        assert right.strip() == "R"
        assert "-23 │-12 dB" in left
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        assert len(shown(app, "meter").splitlines()) == 2
        clock.now += 3
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        await until(pilot, lambda: not shown(app, "meter").startswith("L"))
        assert len(shown(app, "meter").splitlines()) == 1


async def test_the_clip_mark_stays_until_c() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-3.0, 0.0, True))
        await until(pilot, lambda: "CLIP" in shown(app, "meter"))
        await until(pilot, lambda: "c clear clip" in shown(app, "keys"))
        await pilot.press("c")
        await until(pilot, lambda: "CLIP" not in shown(app, "meter"))
        await until(pilot, lambda: "clear clip" not in shown(app, "keys"))


async def test_digital_silence_is_called_no_signal() -> None:
    clock = Clock()
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, clock=clock) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-120.0, -120.0))
        clock.now += 2
        await emit(pilot, engine, LevelChanged(-120.0, -120.0))
        await until(pilot, lambda: "no signal" in shown(app, "meter"))
        await emit(pilot, engine, LevelChanged(-30.0, -12.0))
        await until(pilot, lambda: "no signal" not in shown(app, "meter"))


async def test_the_clock_of_the_needles_rests_when_they_do() -> None:
    clock = Clock()
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, clock=clock) as (app, pilot):

        def resting() -> bool:
            return app.dashboard.query_one("#meter", Meter)._timer is None

        assert resting()
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        assert not resting()
        clock.now += 20
        await until(pilot, lambda: app.dashboard.query_one("#meter", Meter)._ballistics.read(clock.now).peak_dbfs < -60)
        clock.now += 20
        await until(pilot, resting)
        assert "█" not in shown(app, "meter")


async def test_a_level_that_looks_the_same_paints_nothing() -> None:
    clock = Clock()
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, clock=clock) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        await until(pilot, lambda: "-23 │-12" in shown(app, "meter"))
        meter = app.dashboard.query_one("#meter", Meter)
        painted = count_refreshes(meter)
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        meter._tick()
        await pilot.pause()
        assert painted == []
        await emit(pilot, engine, LevelChanged(-20.0, -10.0))
        await until(pilot, lambda: painted)


def count_refreshes(meter: Meter) -> list[tuple[Region, ...]]:
    """Return a list that grows by what the meter has painted."""
    painted: list[tuple[Region, ...]] = []
    refresh = meter.refresh

    def counted(*regions: Region, **options: bool) -> Meter:
        painted.append(regions)
        return refresh(*regions, **options)

    meter.refresh = counted  # type: ignore[method-assign]
    return painted


async def test_a_meter_paints_no_more_frames_than_it_may() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, clock=Clock()) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        await until(pilot, lambda: "-23 │-12" in shown(app, "meter"))
        meter = app.dashboard.query_one("#meter", Meter)
        painted = count_paints(meter)
        meter.fps = 5
        started = time.monotonic()
        while len(painted) < 5:
            meter.feed(LevelChanged(-23.0, -12.0))
            await asyncio.sleep(0.005)
        assert time.monotonic() - started >= 3 / 5 - EARLY_S


def count_paints(meter: Meter) -> list[None]:
    """Return a list that grows with each frame; nothing is painted any more."""
    painted: list[None] = []
    meter._paint = lambda: painted.append(None)  # type: ignore[method-assign]
    return painted


async def test_the_clock_moves_the_needles_only_while_no_level_comes() -> None:
    clock = Clock()
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, clock=clock) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        meter = app.dashboard.query_one("#meter", Meter)
        due = meter._timer
        assert due is not None
        meter.feed(LevelChanged(-23.0, -12.0))
        assert due.cancelled()
        painted = count_paints(meter)
        await until(pilot, lambda: len(painted) > 2)


async def test_each_track_has_a_row_with_its_name_level_and_speech() -> None:
    tracks = (Track("you", "mic"), Track("them", "system", muted=True))
    engine = ScriptedEngine(snapshot=replace(live(), tracks=tracks))
    async with running(engine, clock=Clock()) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0, track="you"))
        await until(pilot, lambda: "-23 │-12" in shown(app, "meter"))
        assert shown(app, "meter").startswith("you ")
        assert shown(app, "meter-2").startswith("them ")
        assert "muted" in shown(app, "meter-2")
        assert len(shown(app, "meter").splitlines()) == len(shown(app, "meter-2").splitlines()) == 1
        await emit(pilot, engine, MutedChanged(False, "them"), LevelChanged(-30.0, -20.0, track="them"))
        await emit(pilot, engine, TurnChanged(replace(partial(1, "so"), track="them")))
        await until(pilot, lambda: "● speech" in shown(app, "meter-2"))
        assert "○ silence" in shown(app, "meter")
        await until(pilot, lambda: "them" in shown(app, "turns"))
        await emit(pilot, engine, LevelChanged(-6.0, 0.0, True, track="them"))
        await until(pilot, lambda: "CLIP" in shown(app, "meter-2"))
        assert "CLIP" not in shown(app, "meter")
