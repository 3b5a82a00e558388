"""The `Retry-After` header of HTTP. Pure."""

from email.utils import parsedate_to_datetime


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait according to a `Retry-After` header, or `None` if the value is not valid.

    Args:
        value: seconds or an HTTP date (RFC 9110, 10.2.3).
        now: Unix time in seconds.
    """
    if not value:
        return None
    try:
        wait_s = float(value)
    except ValueError:
        try:
            wait_s = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return max(0.0, wait_s) if wait_s < float("inf") else None
