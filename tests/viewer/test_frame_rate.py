"""Tests of frame rates that adapt to the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.viewer.dashboard_harness import emit, live, shown
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import ScriptedEngine, partial, turn
from tui.model.events import TurnChanged, TurnRemoved
from tui.viewer.app import LivegistApp
from tui.viewer.compositor import MAX_FRAMES_WAITING
from tui.viewer.frame_rate import (
    EARLY_S,
    LOW_FPS,
    LOW_HOLD_S,
    RECOVERY_S,
    SLOW_S,
    STEPS,
    FrameLimiter,
    FrameRateController,
)
from tui.viewer.screens import gated_screen


def slow(controller: FrameRateController, *, seconds: float, start: float = 100.0) -> float:
    """Block the terminal for some seconds; return the time at their end."""
    for tick in range(int(seconds / 0.05) + 1):
        controller.mark_slow(start + tick * 0.05)
    return start + seconds


def test_a_good_line_gets_every_frame_and_every_partial() -> None:
    controller = FrameRateController(20)
    assert (controller.fps, controller.hold_s) == (20, 0.0)


def test_a_short_stall_does_not_change_the_frame_rate() -> None:
    controller = FrameRateController(20)
    slow(controller, seconds=SLOW_S / 2)
    controller.mark_fast(101.0)
    slow(controller, seconds=SLOW_S / 2, start=102.0)
    assert (controller.fps, controller.hold_s) == (20, 0.0)


def test_a_terminal_that_drains_slowly_gets_fewer_frames_and_partials() -> None:
    controller = FrameRateController(20)
    slow(controller, seconds=SLOW_S + 0.1)
    assert controller.fps == 10
    assert 0 < controller.hold_s < LOW_HOLD_S


def test_however_slow_it_is_something_moves_each_second() -> None:
    controller = FrameRateController(4)
    slow(controller, seconds=60.0)
    assert (controller.fps, controller.hold_s) == (1, LOW_HOLD_S)


def test_a_line_that_has_recovered_gets_all_again_step_by_step() -> None:
    controller = FrameRateController(16)
    now = slow(controller, seconds=60.0)
    seen = [controller.fps]
    for _ in range(STEPS):
        controller.mark_fast(now + RECOVERY_S - 1)
        seen.append(controller.fps)
        now += RECOVERY_S + 1
        controller.mark_fast(now)
        seen.append(controller.fps)
    assert seen == [2, 2, 4, 4, 8, 8, 16]


def test_a_line_that_is_said_to_bear_little_is_spared_from_the_start() -> None:
    assert (FrameRateController(20, low_bandwidth=True).fps, FrameRateController(20, low_bandwidth=True).hold_s) == (
        LOW_FPS,
        LOW_HOLD_S,
    )
    assert FrameRateController(2, low_bandwidth=True).fps == 2


async def test_on_a_bad_line_only_the_newest_of_many_partials_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = ScriptedEngine(snapshot=live())
    app = LivegistApp(engine, theme="night", fps=20, low_bandwidth=True, keys={})
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        put: list[int] = []
        monkeypatch.setattr(app.dashboard.body.turns, "put", put.append)
        growing = [TurnChanged(partial(200, " ".join(["tomorrow"] * words))) for words in range(1, 9)]
        await emit(pilot, engine, *growing)
        assert put == []
        await until(pilot, lambda: put == [200])


async def test_on_a_bad_line_a_final_is_shown_at_once() -> None:
    engine = ScriptedEngine(snapshot=live())
    app = LivegistApp(engine, theme="night", fps=20, low_bandwidth=True, keys={})
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        await emit(pilot, engine, TurnChanged(partial(200, "we ship")), TurnChanged(turn(200, "we ship tomorrow")))
        assert "we ship tomorrow" in shown(app, "turns")


async def test_a_partial_that_was_kept_back_and_came_to_nothing_is_not_shown() -> None:
    engine = ScriptedEngine(snapshot=live())
    app = LivegistApp(engine, theme="night", fps=20, low_bandwidth=True, keys={})
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        before = app.dashboard.body.turns.count
        await emit(pilot, engine, TurnChanged(partial(200, "er")), TurnChanged(partial(201, "so")), TurnRemoved(200))
        await until(pilot, lambda: app.dashboard.body.turns.count == before + 1)
        assert "so" in shown(app, "turns")


async def test_frames_that_wait_for_the_terminal_lower_the_rate_of_the_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine(snapshot=live())
    app = LivegistApp(engine, theme="night", fps=20, keys={})
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        assert app.dashboard.meter.fps == 20
        monkeypatch.setattr(gated_screen, "frames_waiting", lambda driver: MAX_FRAMES_WAITING)
        await emit(pilot, engine, TurnChanged(turn(200, "nobody reads this yet")))
        await until(pilot, lambda: app.dashboard.meter.fps == 10)


@given(st.integers(1, 60), st.lists(st.floats(0, 0.5), min_size=1, max_size=100))
def test_frames_are_never_more_than_so_many_a_second(fps: int, waits: list[float]) -> None:
    frames, now, first, painted = FrameLimiter(), 1000.0, 1000.0, 0
    for wait in waits:
        now += wait
        first = first if painted else now
        painted += frames.due(now, fps)
        assert painted <= (now - first + EARLY_S) * fps + 2 + 1e-6, "two at once after a rest"
    assert painted


def test_levels_that_come_a_little_unevenly_each_get_their_frame() -> None:
    frames = FrameLimiter()
    assert all(frames.due(100 + at * 0.05 + (0.01 if at % 3 else -0.01), 20) for at in range(200))


def test_a_lower_rate_lets_every_fourth_level_through() -> None:
    frames = FrameLimiter()
    assert sum(frames.due(100 + at * 0.05, 5) for at in range(200)) == 51
