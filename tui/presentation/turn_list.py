"""Turns of a session by number and time, and as Markdown. Pure."""

import contextlib
from collections.abc import Collection
from datetime import datetime, timedelta

from tui.presentation.view_model import ViewModel
from tui.text import clock, escape_markdown

DAY_S = 24 * 3600


def turn_at(view_model: ViewModel, where: str, *, clock_times: bool = False) -> int | None:
    """Return the number of the turn that a person means; `None` if there is none.

    Args:
        view_model: the session.
        where: the number of a turn, or a time with colons: `1:30` or `1:02:03`.
        clock_times: whether a time is one of the day, and not since the start of the session.
    """
    shown = [turn for turn in view_model.transcript if view_model.parts(turn)]
    if where.isdecimal():
        return max((turn.number for turn in shown if turn.number <= int(where)), default=None)
    at_s = _seconds(where)
    if at_s is None or not shown:
        return None
    if clock_times and view_model.session is not None:
        with contextlib.suppress(ValueError):
            started = datetime.fromisoformat(view_model.session.started_at)
            day = started.replace(hour=0, minute=0, second=0, microsecond=0)
            time_s = at_s if where.count(":") > 1 else at_s * 60
            at_s = (day + timedelta(seconds=time_s) - started).total_seconds() % DAY_S
    return next((turn.number for turn in reversed(shown) if turn.start_s <= at_s), shown[0].number)


def turns_as_markdown(view_model: ViewModel, numbers: Collection[int] | None = None) -> str:
    """Return final turns as Markdown with their numbers and times, one paragraph each; all of them for `None`."""
    lines = []
    for turn in view_model.finals:
        if numbers is None or turn.number in numbers:
            speaker = f"**{escape_markdown(turn.speaker)}:** " if turn.speaker else ""
            lines.append(
                f"`{turn.number}` `{clock(turn.start_s, padded=True)}` {speaker}{escape_markdown(turn.text)}\n"
            )
    return "\n".join(lines)


def _seconds(time: str) -> float | None:
    """Return the seconds of a time with colons; `None` if it is not one."""
    parts = time.strip().split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isdecimal() for part in parts):
        return None
    seconds = 0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return float(seconds)
