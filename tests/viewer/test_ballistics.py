import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.presentation.ballistics import FLOOR_DBFS, Ballistics, Condition, History, Interval


def test_the_first_level_is_shown_at_once() -> None:
    meter = Ballistics()
    meter.feed(-30.0, -12.0, False, now=0.0)
    reading = meter.read(0.0)
    assert (reading.rms_dbfs, reading.peak_dbfs, reading.hold_dbfs) == (-30.0, -12.0, -12.0)


def test_the_peak_falls_20_db_in_1_7_s() -> None:
    meter = Ballistics()
    meter.feed(-20.0, -10.0, False, now=0.0)
    assert meter.read(1.7).peak_dbfs == pytest.approx(-30.0)


def test_rms_comes_within_one_percent_in_300_ms() -> None:
    meter = Ballistics()
    meter.feed(-60.0, -60.0, False, now=0.0)
    for tick in range(1, 8):
        meter.feed(-20.0, -10.0, False, now=tick * 0.05)
    assert meter.read(0.05).rms_dbfs < -20.0
    assert meter.read(0.35).rms_dbfs == pytest.approx(-20.0, abs=0.41)


def test_rms_goes_when_no_level_comes_any_more() -> None:
    meter = Ballistics()
    meter.feed(-20.0, -10.0, False, now=0.0)
    assert meter.read(0.2).rms_dbfs == -20.0
    meter.read(0.3)
    assert meter.read(1.0).rms_dbfs < -100.0


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=20))
def test_the_fall_does_not_depend_on_how_often_one_looks(steps: list[float]) -> None:
    often, once = Ballistics(), Ballistics()
    for meter in (often, once):
        meter.feed(-20.0, -10.0, False, now=0.0)
    now = 0.0
    for step in steps:
        now += step
        often.read(now)
    assert often.read(now).peak_dbfs == pytest.approx(once.read(now).peak_dbfs)
    assert often.read(now).hold_dbfs == pytest.approx(once.read(now).hold_dbfs)


def test_a_peak_stays_marked_for_a_second_and_a_half() -> None:
    meter = Ballistics()
    meter.feed(-30.0, -6.0, False, now=0.0)
    assert meter.read(1.49).hold_dbfs == -6.0
    assert meter.read(2.5).hold_dbfs < -6.0


def test_a_louder_peak_takes_over_the_hold() -> None:
    meter = Ballistics()
    meter.feed(-30.0, -12.0, False, now=0.0)
    meter.feed(-30.0, -6.0, False, now=1.0)
    assert meter.read(2.4).hold_dbfs == -6.0


def test_the_clip_mark_stays_until_it_is_acknowledged() -> None:
    meter = Ballistics()
    meter.feed(-3.0, 0.0, True, now=0.0)
    assert meter.read(3600.0).clipped
    meter.acknowledge()
    assert not meter.read(3600.0).clipped


def test_digital_silence_is_no_signal_after_a_second() -> None:
    meter = Ballistics()
    for tick in range(20):
        meter.feed(FLOOR_DBFS, FLOOR_DBFS, False, now=tick * 0.05)
    assert meter.read(0.95).condition is Condition.NONE
    meter.feed(FLOOR_DBFS, FLOOR_DBFS, False, now=1.0)
    assert meter.read(1.0).condition is Condition.NO_SIGNAL
    assert meter.read(11.0).condition is Condition.WRONG_DEVICE
    meter.feed(-62.0, -50.0, False, now=11.0)
    assert meter.read(11.0).condition is not Condition.WRONG_DEVICE


def test_a_quiet_room_is_not_no_signal() -> None:
    meter = Ballistics()
    for tick in range(100):
        meter.feed(-70.0, -62.0, False, now=tick * 0.05)
    assert meter.read(5.0).condition is Condition.NONE


def test_speech_that_stays_faint_is_too_quiet() -> None:
    meter = Ballistics()
    for tick in range(200):
        meter.feed(-62.0, -50.0, False, now=tick * 0.05)
    assert meter.read(10.0).condition is Condition.QUIET
    meter.feed(-30.0, -15.0, False, now=10.0)
    assert meter.read(10.0).condition is Condition.NONE


def test_clipping_is_said_while_it_happens() -> None:
    meter = Ballistics()
    meter.feed(-3.0, 0.0, True, now=0.0)
    assert meter.read(0.5).condition is Condition.CLIPPING
    assert meter.read(5.0).condition is not Condition.CLIPPING


def test_the_needles_come_to_rest() -> None:
    meter = Ballistics()
    assert meter.at_rest
    meter.feed(-20.0, -10.0, False, now=0.0)
    assert not meter.at_rest
    meter.read(20.0)
    meter.read(40.0)
    assert meter.at_rest


def test_the_history_keeps_the_highest_peak_and_the_speech_of_each_interval() -> None:
    history = History(interval_s=1.0, intervals=8)
    assert history.pairs == []
    for now, peak in ((0.0, -30.0), (0.5, -10.0), (0.9, -40.0)):
        assert not history.feed(peak, now, speech=peak == -10.0)
    assert not history.feed(-20.0, 1.2)
    assert history.feed(-50.0, 2.1)
    assert history.pairs == [(Interval(-10.0, True), Interval(-20.0, False))]


def test_time_without_levels_is_time_without_signal() -> None:
    history = History(interval_s=1.0, intervals=4)
    silent = Interval(FLOOR_DBFS, False)
    history.feed(-10.0, 0.5)
    assert history.feed(-20.0, 2.5)
    assert history.pairs == [(Interval(-10.0, False), silent)]
    history.feed(-5.0, 1001.0)
    assert history.pairs == [(silent, silent)]
