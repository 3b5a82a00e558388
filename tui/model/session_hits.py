"""Matches of a search in the stored sessions."""

import msgspec


class SessionHit(msgspec.Struct, frozen=True):
    """A match of a search in the stored sessions."""

    session: str
    """Id of the session."""
    turn: int
    """Number of the turn; 0 for the whole session."""
    at_s: float
    """Time in the session, in seconds."""
    parts: tuple[str, ...]
    """The snippet split at the matches: parts with odd index are matches."""
