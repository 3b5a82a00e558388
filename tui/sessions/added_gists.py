"""Adds gists to the journal of an ended session."""

from collections.abc import Sequence

from msgspec.structs import replace

from tui.model.events import GistChanged, StateChanged, StatsChanged
from tui.model.gists import Gist
from tui.sessions.journal import fold
from tui.sessions.store import StoredSession


def add_gists(stored: StoredSession, gists: Sequence[Gist]) -> list[Gist]:
    """Append gists to a session's journal; return them with their numbers in the session.

    Raises:
        SessionError: the session is active, or its journal cannot be read or written.
    """
    # Locked before reading, so that two processes do not use the same numbers.
    journal = stored.open_journal()
    try:
        contents = stored.read()
        state = fold(contents.entries)
        at = max((entry.at for entry in contents.entries), default=0.0)
        added = [replace(gist, number=number) for number, gist in enumerate(gists, max(state.gists, default=0) + 1)]
        for gist in added:
            journal.append(GistChanged(gist), at)
        # `read_end` takes the final state and statistics from the end of the journal, so they are repeated there.
        journal.append(StatsChanged(state.stats), at)
        journal.append(StateChanged(state.state, state.reason, state.hint), at)
    finally:
        journal.close()
    return added
