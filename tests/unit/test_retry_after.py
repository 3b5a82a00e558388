"""The `Retry-After` header."""

from hypothesis import given
from hypothesis import strategies as st

from tui.retry_after import parse_retry_after


def test_retry_after_may_be_seconds_or_a_date() -> None:
    assert parse_retry_after("2.5", now=0) == 2.5
    assert parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now=50) == 10
    assert parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now=70) == 0


@given(st.none() | st.text())
def test_any_retry_after_is_a_wait_or_none(value: str | None) -> None:
    wait_s = parse_retry_after(value, now=0)
    assert wait_s is None or 0 <= wait_s < float("inf")
