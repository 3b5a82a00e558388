"""Parses ages and points in time from options."""

import re
from datetime import datetime, timedelta

from tui.errors import UsageError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
HINT = "Write an age as 90d, 12h, 30m or 2w, or a time as 2026-11-22 or 2026-11-22T09:45."


def parse_age(text: str) -> timedelta:
    """Return the duration of an age such as `90d`, `12h`, `30m` or `2w`.

    Raises:
        UsageError: the text is not a valid age.
    """
    found = re.fullmatch(r"(\d{1,6})\s*([mhdw])", text.strip().lower())
    if not found:
        raise UsageError(f"{text!r} is not a valid age.", HINT)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def parse_time(text: str, now: datetime) -> datetime:
    """Return the time given by an ISO 8601 date or time, or by an age before `now`, with the offset from UTC.

    Raises:
        UsageError: the text is neither a valid time nor a valid age.
    """
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        pass
    try:
        return now - parse_age(text)
    except (UsageError, OverflowError):
        raise UsageError(f"{text!r} is not a valid time or age.", HINT) from None
