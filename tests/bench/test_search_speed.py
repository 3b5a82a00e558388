"""Ten thousand turns are searched in less than fifty milliseconds."""

import random
import time
from datetime import timedelta
from pathlib import Path

from tests.kept import STARTED, keep, spoken
from tui.model.events import Event, TurnChanged
from tui.sessions.search import search
from tui.sessions.store import Store

TURNS = 10_000
SESSIONS = 50
BUDGET_S = 0.050
TRIES = 5


def test_ten_thousand_turns_are_searched_in_fifty_milliseconds(tmp_path: Path) -> None:
    chance = random.Random(7)
    words = [f"word{number}" for number in range(3000)]
    store = Store(tmp_path / "sessions")
    for number in range(SESSIONS):
        events: list[Event] = [
            TurnChanged(
                spoken(turn, "the " + " ".join(chance.choices(words, k=15)) + (" connection pool" if turn == 7 else ""))
            )
            for turn in range(1, TURNS // SESSIONS + 1)
        ]
        keep(store, events, started=STARTED + timedelta(hours=number), sound_s=0.0)
    index = tmp_path / "search.sqlite"
    started = time.perf_counter()
    assert len(search(store, index, '"connection pool"', most=100)) == SESSIONS
    built_s = time.perf_counter() - started
    taken: list[float] = []
    for query in ('"connection pool"', "the", "the word12*", "connection -word5") * TRIES:
        started = time.perf_counter()
        assert search(store, index, query)
        taken.append(time.perf_counter() - started)
    # The best of each query's tries: what the code costs, not what else the machine does.
    worst_s = max(min(taken[at::4]) for at in range(4))
    each = ", ".join(f"{min(taken[at::4]) * 1000:.1f}" for at in range(4))
    print(f"searches take {each} ms; index of {TURNS} turns made in {built_s:.2f} s")
    assert worst_s < BUDGET_S
