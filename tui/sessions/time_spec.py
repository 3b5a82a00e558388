"""Ages and moments as a person writes them."""

import re
from datetime import datetime, timedelta

from tui.errors import UsageError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
HINT = "Write an age as 90d, 12h, 30m or 2w, a moment as 2026-11-22 or 2026-11-22T09:45."


def parse_age(text: str) -> timedelta:
    """Return the span that `90d`, `12h`, `30m` or `2w` says.

    Raises:
        UsageError: it says none.
    """
    found = re.fullmatch(r"(\d{1,6})\s*([mhdw])", text.strip().lower())
    if not found:
        raise UsageError(f"{text!r} is no age.", HINT)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def parse_time(text: str, now: datetime) -> datetime:
    """Return the moment that an ISO 8601 date or an age before `now` says, with the offset from UTC.

    Raises:
        UsageError: it says none.
    """
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        pass
    try:
        return now - parse_age(text)
    except (UsageError, OverflowError):
        raise UsageError(f"{text!r} is neither a moment nor an age.", HINT) from None
