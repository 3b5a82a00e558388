"""Waits between attempts to connect."""

from hypothesis import given
from hypothesis import strategies as st

from tui.stream.backoff import BACKOFF_LATER_S, BACKOFF_MAX_S, BACKOFF_S, HEALTHY_S, LATER_MIN_S, Backoff
from tui.stream.close_codes import LOST, CloseInfo, Retry


def closed(retry: Retry, retry_after_s: float = 0.0) -> CloseInfo:
    return CloseInfo(LOST, "", retry, "", "", retry_after_s)


def backoff(now: float = 100.0) -> Backoff:
    """Return a backoff at one moment, whose jitter takes the whole bound."""
    return Backoff(lambda: now, lambda: 1.0)


def test_the_first_loss_is_retried_at_once_and_the_next_ones_after_longer_and_longer_waits() -> None:
    waits = backoff()
    assert waits.after_loss(closed(Retry.YES), 1.0) == 0.0
    assert waits.is_due
    assert [waits.after_loss(closed(Retry.YES), 1.0) for _ in range(3)] == [BACKOFF_S * 2, BACKOFF_S * 4, BACKOFF_S * 8]
    assert not waits.is_due


def test_an_endpoint_with_too_many_sessions_is_never_retried_at_once() -> None:
    waits = backoff()
    assert waits.after_loss(closed(Retry.LATER), 1.0) == BACKOFF_LATER_S
    assert waits.retry_at == 100.0 + BACKOFF_LATER_S


def test_a_connection_that_lasted_makes_the_next_loss_a_first_one() -> None:
    waits = backoff()
    waits.after_failure(closed(Retry.YES))
    waits.after_failure(closed(Retry.YES))
    assert waits.after_loss(closed(Retry.YES), HEALTHY_S) == 0.0


def test_a_reset_keeps_the_shortest_wait_after_too_many_sessions() -> None:
    waits = backoff()
    waits.after_failure(closed(Retry.LATER))
    waits.reset()
    assert waits.retry_at == 100.0 + LATER_MIN_S, "an endpoint with too many sessions is not asked again at once"


def test_a_reset_allows_an_attempt_now_or_when_the_endpoint_allows_it() -> None:
    waits = backoff()
    waits.after_failure(closed(Retry.YES))
    waits.reset()
    assert waits.is_due
    assert waits.after_failure(closed(Retry.YES, 7.0)) == 7.0
    waits.reset()
    assert waits.retry_at == 107.0


@given(st.floats(0, 1), st.floats(0, 1e9), st.sampled_from([Retry.YES, Retry.LATER]))
def test_no_wait_is_shorter_than_the_endpoint_asks_for(jitter: float, asked_s: float, retry: Retry) -> None:
    waits = Backoff(lambda: 0.0, lambda: jitter)
    assert waits.after_failure(closed(retry, asked_s)) >= max(asked_s, LATER_MIN_S if retry is Retry.LATER else 0.0)


@given(st.integers(0, 5000), st.floats(0, 1), st.sampled_from([Retry.YES, Retry.LATER]))
def test_no_wait_exceeds_the_longest(attempts: int, jitter: float, retry: Retry) -> None:
    waits = Backoff(lambda: 0.0, lambda: jitter)
    for _ in range(min(attempts, 40)):
        waits.after_failure(closed(retry))
    assert 0.0 <= waits.after_failure(closed(retry)) <= BACKOFF_MAX_S
