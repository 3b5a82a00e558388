"""Due times of samples, and their split into blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.audio.pacing import RealtimePacer, take_blocks


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_block_is_due_when_it_would_have_been_spoken() -> None:
    clock = Clock()
    pace = RealtimePacer(16_000, clock=clock)
    assert pace.wait_s(800) == pytest.approx(0.05)
    clock.now += 0.02
    assert pace.wait_s(800) == pytest.approx(0.08)


def test_three_hours_of_waits_that_are_too_long_do_not_drift() -> None:
    clock = Clock()
    pace = RealtimePacer(16_000, clock=clock)
    for _ in range(3 * 3600 * 20):
        clock.now += pace.wait_s(800) + 0.003
    assert clock.now == pytest.approx(1_000 + 3 * 3600, abs=0.01)


def test_a_delay_is_made_up() -> None:
    clock = Clock()
    pace = RealtimePacer(16_000, clock=clock)
    clock.now += pace.wait_s(800) + 10
    assert [pace.wait_s(800) for _ in range(200)] == [0.0] * 200
    assert pace.wait_s(800) > 0


@pytest.mark.parametrize("drift", [0.9995, 1.0, 1.0005])
def test_a_live_pipe_whose_clock_is_a_little_off_is_never_held_up(drift: float) -> None:
    clock = Clock()
    pace = RealtimePacer(16_000, lead_s=0.5, speed=1.001, clock=clock)
    for _ in range(3 * 3600 * 20):
        assert pace.wait_s(800) == 0
        clock.now += 0.05 * drift


@given(st.lists(st.binary(max_size=4000), max_size=10))
def test_blocks_put_together_are_what_was_cut(pieces: list[bytes]) -> None:
    buffer = bytearray()
    blocks: list[bytes] = []
    for piece in pieces:
        buffer += piece
        blocks += take_blocks(buffer, 16_000)
    assert {len(block) for block in blocks} <= {1600}
    assert len(buffer) < 1600
    assert b"".join(blocks) + buffer == b"".join(pieces)
