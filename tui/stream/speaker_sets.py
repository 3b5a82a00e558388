"""Speaker labels over connections: tells apart the labels of connections whose speakers may be other people. Pure.

An endpoint labels the speakers of a connection A, B and so on. On the next connection, A may be somebody else, unless
the endpoint names the set of speakers and it is the same: livegist's own gateway does so. The labels of the first set
are the session's as they are; those of the second become A-2, B-2 and so on.
"""

import re
from collections.abc import Callable, Iterable

NUMBERED = re.compile(r"(.+)-(\d{1,6})")
"""A label of a later set than the first."""


def _parsed(label: str) -> tuple[str, int]:
    """Return the endpoint's own label and the number of its set."""
    found = NUMBERED.fullmatch(label)
    return (found[1], int(found[2])) if found else (label, 1)


class SpeakerSets:
    """The sets of speakers that the endpoint has labelled in a session.

    Args:
        labels: those of the session so far, if it is continued.
        on_restart: called for each set but the first with its first label, and the same as the endpoint gave it.
    """

    def __init__(
        self, labels: Iterable[str] = (), on_restart: Callable[[str, str], None] = lambda label, own: None
    ) -> None:
        self._newest = max((_parsed(label)[1] for label in labels), default=0)
        self._numbers: dict[str, int] = {}
        self._on_restart = on_restart

    def attach(self, id: str = "") -> "ConnectionSpeakers":
        """Return the speakers of a new connection.

        Args:
            id: the set, as the endpoint names it; empty if it names none, so that no other connection has the same.
        """
        return ConnectionSpeakers(self, id)

    def known_label(self, label: str) -> str | None:
        """Return the endpoint's own label of a speaker; `None` if the endpoint has begun a new set since."""
        own, number = _parsed(label)
        return own if number == self._newest else None

    def _number(self, id: str, own: str) -> int:
        """Return the number of the set in which the endpoint gives a label."""
        if id in self._numbers:
            return self._numbers[id]
        self._newest += 1
        if id:
            self._numbers[id] = self._newest
        if self._newest > 1:
            self._on_restart(_numbered(own, self._newest), own)
        return self._newest


class ConnectionSpeakers:
    """The speakers of one connection; its set has a number from its first label on."""

    def __init__(self, sets: SpeakerSets, id: str) -> None:
        self._sets = sets
        self._id = id
        self._number = 0

    def label(self, own: str | None) -> str | None:
        """Return the session's label for one of the endpoint; `None` for none."""
        if not own:
            return None
        self._number = self._number or self._sets._number(self._id, own)
        return _numbered(own, self._number)


def _numbered(own: str, number: int) -> str:
    return own if number == 1 else f"{own}-{number}"
