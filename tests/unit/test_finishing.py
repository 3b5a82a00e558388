"""Tests of what a session says that it waits for once its recording has ended."""

import pytest
from msgspec import Struct

from tui.engine.finishing import ANALYSING, CONNECTING, LAST_GISTS, LAST_TURNS, SENDING, finishing_reason
from tui.engine.links import Links
from tui.engine.track_audio import SAMPLE_RATE

LOST = "The connection was lost."


class Stream(Struct):
    behind: int = 0


def connected() -> Links:
    links = Links([""])
    links.connect("")
    return links


def over() -> Links:
    links = connected()
    links.end("")
    return links


@pytest.mark.parametrize(
    ("links", "behind_s", "before", "reason"),
    [
        (Links([""]), 5, "", CONNECTING),
        (Links([""]), 5, LOST, LOST),
        (connected(), 5, LOST, SENDING),
        (connected(), 0, LOST, LAST_TURNS),
        (over(), 0, LAST_TURNS, LAST_GISTS),
        (over(), 0, ANALYSING, ANALYSING),
    ],
    ids=["connecting", "lost", "backlog", "turns", "gists", "analysis"],
)
def test_the_reason_is_what_the_session_waits_for_next(links: Links, behind_s: int, before: str, reason: str) -> None:
    assert finishing_reason(links, [Stream(), Stream(behind_s * SAMPLE_RATE)], before) == reason
