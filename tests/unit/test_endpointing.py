import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.endpointing import FRAME, FRAME_MS, Ended, Endpointer, Endpointing, Event, Paused, Resumed, Started

SETTINGS = Endpointing()


def fed(endpointer: Endpointer, *stretches: tuple[float, int]) -> list[Event]:
    """Feed stretches of a probability and a length in ms; return all events."""
    return [
        event
        for probability, length_ms in stretches
        for _ in range(length_ms // FRAME_MS)
        for event in endpointer.feed(probability)
    ]


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def test_silence_begins_no_turn() -> None:
    assert fed(Endpointer(SETTINGS), (0.4, 10_000)) == []


def test_a_click_begins_no_turn() -> None:
    assert fed(Endpointer(SETTINGS), *[(0.9, 64), (0.1, 320)] * 20) == []


def test_a_turn_is_kept_with_padding_on_both_sides_of_its_speech() -> None:
    started, paused, ended = fed(Endpointer(SETTINGS), (0.0, 960), (0.9, 960), (0.0, 1600))
    assert isinstance(started, Started)
    assert started.speech == 960 * 16
    assert started.start == (960 - 320) * 16
    assert isinstance(paused, Paused)
    assert ended == Ended((960 - 320) * 16, (1920 + 320) * 16, 960 * 16, 1920 * 16)


def test_a_turn_ends_after_the_longest_silence() -> None:
    endpointer = Endpointer(SETTINGS)
    assert Ended not in kinds(fed(endpointer, (0.9, 960), (0.0, 1248)))
    assert kinds(fed(endpointer, (0.0, 32))) == [Ended]


@pytest.mark.parametrize(
    ("completeness", "silence_ms"),
    [(1.0, 608), (0.5, 960), (0.0, 1280)],
    ids=["the shortest", "the mean, to a whole frame", "the longest"],
)
def test_the_silence_that_ends_a_turn_depends_on_how_complete_it_is(completeness: float, silence_ms: int) -> None:
    endpointer = Endpointer(SETTINGS)
    fed(endpointer, (0.9, 960), (0.0, 320))
    endpointer.decide(completeness)
    assert Ended not in kinds(fed(endpointer, (0.0, silence_ms - 352)))
    assert kinds(fed(endpointer, (0.0, 32))) == [Ended]


@pytest.mark.parametrize("completeness", [0.0, 0.5, 1.0])
def test_a_clients_longest_silence_ends_a_turn_however_complete_it_is(completeness: float) -> None:
    endpointer = Endpointer(Endpointing(min_turn_silence_ms=608, max_turn_silence_ms=480))
    fed(endpointer, (0.9, 960), (0.0, 320))
    endpointer.decide(completeness)
    assert kinds(fed(endpointer, (0.0, 160))) == [Ended]


def test_speech_after_a_pause_is_judged_anew() -> None:
    endpointer = Endpointer(SETTINGS)
    fed(endpointer, (0.9, 960), (0.0, 320))
    endpointer.decide(1.0)
    assert Ended not in kinds(fed(endpointer, (0.9, 320), (0.0, 224)))
    endpointer.decide(0.0)
    assert Ended not in kinds(fed(endpointer, (0.0, 1024)))
    assert kinds(fed(endpointer, (0.0, 32))) == [Ended]


def test_a_pause_depends_on_its_decision_where_it_ends_or_could_end_the_turn() -> None:
    endpointer = Endpointer(SETTINGS)
    assert not endpointer.depends_on_decision(0.0)
    fed(endpointer, (0.9, 960), (0.0, 160))
    assert endpointer.undecided
    assert not endpointer.depends_on_decision(0.9)
    fed(endpointer, (0.9, 64))
    assert endpointer.depends_on_decision(0.9)
    assert not endpointer.depends_on_decision(0.0)
    fed(endpointer, (0.0, 352))
    assert endpointer.depends_on_decision(0.0)
    endpointer.decide(0.0)
    assert not endpointer.depends_on_decision(0.0)


def test_a_pause_is_checked_after_each_silence_until_it_is_decided() -> None:
    endpointer = Endpointer(Endpointing(checks_ms=(64, 192, 320)))
    assert fed(endpointer, (0.9, 960), (0.0, 64))[1:] == [Paused(last=False)]
    assert fed(endpointer, (0.0, 64)) == [], "the check is under way"
    endpointer.recheck()
    assert fed(endpointer, (0.0, 64)) == [Paused(last=False)]
    endpointer.recheck()
    assert fed(endpointer, (0.0, 128)) == [Paused(last=True)]
    endpointer.decide(1.0)
    assert kinds(fed(endpointer, (0.0, 288))) == [Ended]


@pytest.mark.parametrize(
    ("silence_ms", "depends"), [(128, False), (160, True)], ids=["a frame earlier", "the next frame is checked"]
)
def test_a_pause_depends_on_its_decision_where_it_is_checked_again(silence_ms: int, depends: bool) -> None:
    endpointer = Endpointer(Endpointing(checks_ms=(64, 192)))
    fed(endpointer, (0.9, 960), (0.0, silence_ms))
    assert endpointer.depends_on_decision(0.0) is depends


def test_speech_after_an_undecided_pause_begins_with_the_first_check() -> None:
    endpointer = Endpointer(Endpointing(checks_ms=(64, 192)))
    fed(endpointer, (0.9, 960), (0.0, 64))
    endpointer.recheck()
    assert fed(endpointer, (0.0, 32), (0.9, 96), (0.0, 64)) == [Paused(last=False)]


def test_a_breath_does_not_end_a_turn() -> None:
    events = fed(Endpointer(SETTINGS), (0.9, 960), (0.0, 480), (0.9, 960), (0.0, 480))
    assert kinds(events) == [Started, Paused, Resumed, Paused]


def test_a_click_in_a_pause_does_not_end_the_pause() -> None:
    quiet = fed(Endpointer(SETTINGS), (0.9, 960), (0.0, 1280))[-1]
    clicking = fed(Endpointer(SETTINGS), (0.9, 960), (0.0, 192), (0.9, 64), (0.0, 1024))
    assert kinds(clicking) == [Started, Paused, Ended]
    assert clicking[-1] == quiet


def test_short_speech_after_short_silences_ends_a_pause() -> None:
    events = fed(Endpointer(SETTINGS), (0.9, 960), (0.0, 192), *[(0.9, 64), (0.0, 64)] * 2)
    assert kinds(events) == [Started, Paused, Resumed]


def test_a_turn_does_not_end_while_a_click_may_become_speech() -> None:
    endpointer = Endpointer(SETTINGS)
    assert kinds(fed(endpointer, (0.9, 960), (0.0, 1248), (0.9, 64))) == [Started, Paused]
    assert kinds(fed(endpointer, (0.9, 32))) == [Resumed]


def test_speech_goes_on_a_little_below_the_threshold_that_begins_it() -> None:
    endpointer = Endpointer(SETTINGS)
    assert kinds(fed(endpointer, (0.45, 3200))) == []
    assert kinds(fed(endpointer, (0.9, 320), (0.45, 3200))) == [Started]


def test_a_turn_does_not_reach_back_into_the_one_before() -> None:
    endpointer = Endpointer(Endpointing(max_turn_silence_ms=160))
    first = fed(endpointer, (0.9, 960), (0.0, 160))[-1]
    second = fed(endpointer, (0.9, 960))[0]
    assert isinstance(first, Ended)
    assert isinstance(second, Started)
    assert second.start == first.end


def test_a_split_turn_continues_at_the_split() -> None:
    endpointer = Endpointer(SETTINGS)
    fed(endpointer, (0.0, 960), (0.9, 8000))
    first = endpointer.split(5000 * 16)
    second = fed(endpointer, (0.9, 8000), (0.0, 1600))[-1]
    assert first == Ended(640 * 16, 5000 * 16, 960 * 16, 5000 * 16, continues=True)
    assert isinstance(second, Ended)
    assert (second.start, second.speech) == (first.end, first.end)


def test_force_ends_the_open_turn_once() -> None:
    endpointer = Endpointer(SETTINGS)
    assert endpointer.force() is None
    fed(endpointer, (0.9, 960))
    ended = endpointer.force()
    assert ended is not None
    assert ended.end == 960 * 16
    assert endpointer.force() is None


def test_new_settings_hold_from_the_next_frame() -> None:
    endpointer = Endpointer(SETTINGS)
    fed(endpointer, (0.9, 960), (0.0, 640))
    endpointer.settings = Endpointing(max_turn_silence_ms=320)
    assert kinds(fed(endpointer, (0.0, 32))) == [Ended]


@given(st.lists(st.floats(0, 1), max_size=1500), st.floats(0, 1))
def test_turns_never_overlap_and_their_speech_lies_inside(probabilities: list[float], completeness: float) -> None:
    endpointer = Endpointer(SETTINGS)
    ends = [0]
    # One turn at least, whatever came before it.
    for at, probability in enumerate([*probabilities, *[0.9] * 60, *[0.0] * 60], 1):
        if endpointer.undecided:
            endpointer.decide(completeness)
        for event in endpointer.feed(probability):
            if isinstance(event, Ended):
                assert ends[-1] <= event.start <= event.speech <= event.speech_end <= event.end <= at * FRAME
                ends.append(event.end)
        assert 0 <= endpointer.confidence <= 1
        assert endpointer.needed >= ends[-1]
    assert len(ends) > 1
