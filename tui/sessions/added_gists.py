"""New answers to a session that is over, beside those it has."""

from collections.abc import Sequence

from msgspec.structs import replace

from tui.model.events import GistChanged, StateChanged, StatsChanged
from tui.model.gists import Gist
from tui.sessions.journal import fold
from tui.sessions.store import StoredSession


def add_gists(stored: StoredSession, gists: Sequence[Gist]) -> list[Gist]:
    """Keep gists in a session; return them with the numbers they got there.

    Raises:
        SessionError: the session is under way, or its journal cannot be read or written.
    """
    # Locked before it is read, so that two who add at once take different numbers.
    journal = stored.open_journal()
    try:
        reading = stored.read()
        record = fold(reading.entries)
        at = max((entry.at for entry in reading.entries), default=0.0)
        added = [replace(gist, number=number) for number, gist in enumerate(gists, max(record.gists, default=0) + 1)]
        for gist in added:
            journal.append(GistChanged(gist), at)
        # How a session ended is told by the end of its journal.
        journal.append(StatsChanged(record.stats), at)
        journal.append(StateChanged(record.state, record.reason, record.hint), at)
    finally:
        journal.close()
    return added
