"""Measure how fast ten thousand turns are searched, beside grep over the same sessions: `python -m tests.bench.search`.

It exits with 1 if a figure is far beyond its limit.
"""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.table import Figure, markdown
from tests.session_fixtures import STARTED, final_turn, store_session
from tui.model.events import Event, TurnChanged
from tui.sessions.search import search
from tui.sessions.store import Store

TURNS = 10_000
SESSIONS = 50
VOCABULARY = 3000
TURN_WORDS = 15
TRIES = 9
"""Searches of which the median counts."""
LIMIT_MS = 50.0
QUERIES = ('"connection pool"', "the", "the word12*", "connection -word5")
"""A phrase, a word of every turn, one and a beginning, one without another."""


def kept(folder: Path, turns: int = TURNS, sessions: int = SESSIONS) -> Store:
    """Keep sessions of so many turns together; in each, one names a connection pool."""
    chance = random.Random(7)
    words = [f"word{number}" for number in range(VOCABULARY)]
    store = Store(folder / "sessions")
    for session in range(sessions):
        events: list[Event] = [
            TurnChanged(
                final_turn(
                    turn, f"the {' '.join(chance.choices(words, k=TURN_WORDS))}{' connection pool' * (turn == 7)}"
                )
            )
            for turn in range(1, turns // sessions + 1)
        ]
        store_session(store, events, started=STARTED + timedelta(hours=session), sound_s=0.0)
    return store


def median_ms(run: Callable[[], object]) -> float:
    """Return how long something takes."""
    taken: list[float] = []
    for _ in range(TRIES):
        started = time.perf_counter()
        run()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def measured(folder: Path) -> list[Figure]:
    """Return what searches take in a folder of their own."""
    store, index = kept(folder), folder / "search.sqlite"
    journals = [str(stored.events) for stored in store]
    grep_ms = median_ms(lambda: subprocess.run(("grep", "-ci", "connection pool", *journals), capture_output=True))
    assert len(search(store, index, QUERIES[0], max_hits=SESSIONS)) == SESSIONS

    def figure(query: str) -> Figure:
        found_ms = median_ms(lambda: search(store, index, query))
        return Figure(f"`{query}` in {TURNS:,} turns", "ms", found_ms, LIMIT_MS, grep_ms, "grep")

    return [figure(query) for query in QUERIES]


def main() -> None:
    """Measure, and print the table."""
    with TemporaryDirectory(prefix="lg-bench-") as folder:
        figures = measured(Path(folder))
    print(markdown(figures))
    if any(figure.regressed for figure in figures):
        sys.exit("A figure is far beyond its limit.")


if __name__ == "__main__":
    main()
