"""Finishing: what a session whose recording has ended still waits for. Pure."""

from collections.abc import Iterable
from typing import Protocol

from tui.engine.links import Links
from tui.engine.track_audio import SAMPLE_RATE

BACKLOG_S = 1.0
"""Seconds of audio to be sent from which sending, not the endpoint, is what a session waits for."""
CONNECTING = "Connecting to the endpoint."
SENDING = "Sending the rest of the recording."
LAST_TURNS = "Waiting for the last turns."
LAST_GISTS = "Waiting for the last gists."
ANALYSING = "Analysing the whole session."


class Stream(Protocol):
    """Stream of a track, as far as its end is concerned."""

    @property
    def behind(self) -> int:
        """Samples to be sent."""


def finishing_reason(links: Links, streams: Iterable[Stream], reason: str) -> str:
    """Return what a session waits for.

    Args:
        links: the connections of its tracks.
        streams: the streams of its tracks.
        reason: the reason before: of a lost connection, it still holds while the connection is missing.
    """
    if links.over:
        return reason if reason == ANALYSING else LAST_GISTS
    if not links.all_connected:
        return reason or CONNECTING
    behind = max(stream.behind for stream in streams)
    return SENDING if behind > BACKLOG_S * SAMPLE_RATE else LAST_TURNS
