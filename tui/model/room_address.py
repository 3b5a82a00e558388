"""Addresses of rooms: which engine a room of the wall is. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tui.errors import UsageError

LOCAL = "local"
"""Address of the engine of this user and home."""
EVERY_ROOM = "all"
"""Word that means every room, which none can be called."""


class RoomAddress(NamedTuple):
    """An engine and its name on the wall."""

    name: str
    host: str = ""
    """Destination as ssh takes it; empty for this machine."""
    home: str = ""
    """LIVEGIST_HOME of another engine of this machine; empty for the own one."""


def parse_room(text: str) -> RoomAddress:
    """Return the address in `local`, `HOST`, `USER@HOST`, a folder, or one of them after `NAME=`.

    Raises:
        UsageError: a part of it is missing, or the name means every room.
    """
    given, equals, place = (part.strip() for part in text.rpartition("="))
    if not place or (equals and not given):
        raise UsageError(f"Not a valid room: {text!r}.", "Use: local, HOST, NAME=HOST, or a folder for LIVEGIST_HOME.")
    if place == LOCAL:
        address = RoomAddress(given or LOCAL)
    elif "/" in place:
        address = RoomAddress(given or place.rstrip("/").rpartition("/")[2] or place, home=place)
    else:
        address = RoomAddress(given or place.rpartition("@")[2] or place, host=place)
    if address.name == EVERY_ROOM:
        raise UsageError(f"A room cannot be called {EVERY_ROOM}.", f"Give it another name: NAME={place}")
    return address


def parse_rooms(words: Sequence[str], walls: Mapping[str, Iterable[str]]) -> list[RoomAddress]:
    """Return the addresses of rooms and of whole walls, in order.

    Args:
        words: names of walls, and addresses.
        walls: addresses by the name of their wall.

    Raises:
        UsageError: there is no address, one is not valid, or two rooms have the same name.
    """
    addresses = [parse_room(text) for word in words for text in walls.get(word, [word])]
    names = [address.name for address in addresses]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise UsageError(f"Two rooms are called {twice}.", f"Give one of them another name: NAME={twice}")
    if not addresses:
        known = f" or of a wall in the config: {', '.join(walls)}" if walls else ""
        raise UsageError("No room given.", f"Name rooms{known}. For example: livegist wall local HOST")
    return addresses
