"""Folding a journal gives the state of the live session."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import DATA
from tests.structs import instances
from tui.model.events import (
    Event,
    ExtraPromptsChanged,
    GainChanged,
    GistChanged,
    GistDelta,
    LevelChanged,
    MutedChanged,
    Notice,
    PromptChanged,
    SessionStarted,
    Severity,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TurnBookmarked,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gists import Gist, GistStatus
from tui.model.session_state import SessionState
from tui.model.transcript import Turn, Word
from tui.sessions.journal import Journal, fold, is_persistent, read, read_end

NUMBERS = st.integers(1, 6)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(TurnChanged, instances(Turn, number=NUMBERS)),
    st.builds(GistChanged, instances(Gist, number=NUMBERS)),
    st.builds(GistDelta, NUMBERS, st.text(max_size=5)),
    instances(StateChanged),
    instances(PromptChanged),
    instances(MutedChanged),
    instances(SessionStarted),
    instances(LevelChanged),
    instances(StatsChanged),
    instances(Notice),
    st.builds(TurnBookmarked, NUMBERS, st.none() | st.text(max_size=5)),
    st.builds(SpeakerNamed, st.sampled_from("AB"), st.text(max_size=5)),
    instances(ExtraPromptsChanged),
    instances(GainChanged),
)


def as_engine_events(events: list[Event]) -> list[Event]:
    """Return the events in an order an engine can produce: a finished gist does not change."""
    over: set[int] = set()
    reported: list[Event] = []
    for event in events:
        match event:
            case GistChanged(gist=gist):
                if gist.number in over and not gist.status.over:
                    continue
                if gist.status.over:
                    over.add(gist.number)
            case GistDelta(number=number) if number in over:
                continue
        reported.append(event)
    return reported


def persistent_fields(record: SessionState) -> dict[str, Any]:
    """Return the part of a state that the journal stores."""
    return {
        "session": record.session,
        "state": (record.state, record.reason, record.hint),
        "muted": record.muted,
        "prompt": record.prompt,
        "finals": record.transcript.finals,
        "gists": {number: gist for number, gist in record.gists.items() if gist.status.over},
        "remarks": (dict(record.bookmarks), dict(record.speakers), record.extra_prompts, record.gain_db),
    }


def write_journal(events: list[Event], path: Path) -> SessionState:
    """Write the persistent events, as an engine does; return the state after all events."""
    record = SessionState()
    journal = Journal(path)
    for at, event in enumerate(events):
        record.apply(event)
        if is_persistent(event):
            journal.append(event, at / 10)
    journal.close()
    return record


@settings(max_examples=150)
@given(st.lists(EVENTS, max_size=30).map(as_engine_events))
def test_folding_the_journal_gives_the_live_state(events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        live = write_journal(events, path)
        reading = read(path)
        assert reading.lost == 0
        assert persistent_fields(fold(reading.entries)) == persistent_fields(live)


def all_events() -> list[Event]:
    """Return the events of a session that contains every kind of journal entry."""
    words = tuple(Word(text, at / 2, at / 2 + 0.4, 0.9, speaker="A") for at, text in enumerate(("Guten", "Tag", "„ü“")))
    reported: list[Event] = [StateChanged(State.CONNECTING), PromptChanged("summary"), StateChanged(State.LIVE)]
    for number in (1, 2, 3):
        reported += [
            LevelChanged(-20.0, -3.0),
            TurnChanged(Turn(number, "Guten", False, 0.0, 0.4, words[:1])),
            TurnChanged(Turn(number, "Guten Tag „ü“", True, number * 2.0, number * 2.0 + 1.4, words, speaker="A")),
            GistChanged(Gist(number, number, "summary")),
            GistDelta(number, "A greet"),
            GistChanged(Gist(number, number, "summary", "A greeting.\n\n- one", GistStatus.DONE, "m", 3, 4, 0.5)),
        ]
    return [
        *reported,
        MutedChanged(True),
        TurnChanged(Turn(4, "hm", False, 9.0, 9.5)),
        TurnRemoved(4),
        Notice(Severity.WARNING, "The disk…"),
        StateChanged(State.RECONNECTING, "cut", "wait"),
        StateChanged(State.LIVE),
        StateChanged(State.DRAINING),
        StateChanged(State.ENDED),
    ]


def reported(tmp_path: Path) -> Path:
    """Write the journal of a session with every kind of entry."""
    path = tmp_path / "events.jsonl"
    write_journal(all_events(), path)
    return path


def real(_: Path) -> Path:
    """Return the journal of a real session."""
    (path,) = (DATA / "sessions" / "format-1").glob("*/events.jsonl")
    return path


@pytest.mark.parametrize("journal", [reported, real])
def test_every_truncation_of_a_journal_gives_the_state_at_that_point(
    tmp_path: Path, journal: Callable[[Path], Path]
) -> None:
    path = journal(tmp_path)
    whole = path.read_bytes()
    known = [persistent_fields(SessionState())]
    record = SessionState()
    for entry in read(path).entries:
        record.apply(entry.event)
        known.append(persistent_fields(record))
    assert len(known) > 10
    cut = tmp_path / "cut.jsonl"
    for size in range(len(whole) + 1):
        cut.write_bytes(whole[:size])
        reading = read(cut)
        lines = whole[:size].count(b"\n")
        # A line whose newline alone is missing is whole, too.
        complete = lines + (size < len(whole) and whole[size : size + 1] == b"\n")
        assert len(reading.entries) == complete
        assert persistent_fields(fold(reading.entries)) == known[complete]
        assert reading.intact_bytes == whole[:size].rfind(b"\n") + 1
        assert persistent_fields(fold(read_end(cut))) == known[complete]


def test_the_end_of_a_long_journal_is_read_without_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_journal([*all_events()[:-1], *all_events() * 100], path)
    assert path.stat().st_size > 100_000
    assert fold(read_end(path)).state is State.ENDED
    assert len(read_end(path)) < len(read(path).entries)


def test_a_journal_is_locked_by_one_process(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    journal = Journal(path)
    with pytest.raises(BlockingIOError):
        Journal(path)
    journal.close()
    Journal(path).close()


def test_failed_writes_are_repeated_when_the_disk_has_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.jsonl"
    journal = Journal(path)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for event in all_events():
            if is_persistent(event):
                journal.append(event, 0.0)
        assert journal.failure is not None
    journal.flush()
    assert journal.failure is None
    journal.close()
    assert [entry.event for entry in read(path).entries] == [event for event in all_events() if is_persistent(event)]


def test_only_the_owner_can_read_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    Journal(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
