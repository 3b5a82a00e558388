"""Links: which tracks have a connection, from which the state of the session follows. Pure."""

from collections.abc import Iterable


class Links:
    """Connections of the tracks: a session is LIVE while each of them that still streams has one.

    Args:
        tracks: names of the tracks.
    """

    def __init__(self, tracks: Iterable[str]) -> None:
        self._streaming = set(tracks)
        self._connected: set[str] = set()

    @property
    def all_connected(self) -> bool:
        """Whether each track that streams has a connection."""
        return self._streaming <= self._connected

    @property
    def over(self) -> bool:
        """Whether no track streams any more."""
        return not self._streaming

    def add(self, track: str) -> None:
        """Note that a track starts to stream."""
        self._streaming.add(track)

    def rename(self, old: str, new: str) -> None:
        """Note that a track has another name."""
        for names in (self._streaming, self._connected):
            if old in names:
                names.remove(old)
                names.add(new)

    def connect(self, track: str) -> None:
        """Note that a track has a connection."""
        self._connected.add(track)

    def lose(self, track: str) -> None:
        """Note that a track has lost its connection."""
        self._connected.discard(track)

    def end(self, track: str) -> None:
        """Note that a track streams no more."""
        self._streaming.discard(track)
        self._connected.discard(track)
