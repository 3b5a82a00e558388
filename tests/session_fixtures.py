"""Stored sessions for tests, written with the engine's own journal and recording."""

import wave
from datetime import datetime
from pathlib import Path

import numpy as np

from tui.audio.recording import Recording
from tui.model.events import (
    Event,
    GistChanged,
    PromptChanged,
    SessionStarted,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.model.session import Session
from tui.model.stats import Stats
from tui.model.transcript import Turn, Word
from tui.sessions.journal import Journal
from tui.sessions.metadata import SessionMetadata, update_metadata
from tui.sessions.store import Store, StoredSession

RATE = 16_000
STARTED = datetime.fromisoformat("2026-11-20T09:45:00+00:00")
MEETING = (
    ("A", "Good morning everybody, let's go round quickly."),
    ("B", "The migration is ready and I want to ship it on Thursday."),
    ("C", "What worries me is the connection pool: it was at ninety percent last week."),
    ("B", "Tom raises the pool to forty and reruns the load test tomorrow morning."),
    ("A", "Then we decide at noon, Grüße an alle."),
)
"""Speaker and text of each turn."""
TURN_S = 6.0
"""Seconds from the start of a turn to the start of the next."""


def final_turn(number: int, text: str, speaker: str | None = None, *, start_s: float | None = None) -> Turn:
    """Return a final turn with one word every 0.3 s, each 0.25 s long."""
    start = (number - 1) * TURN_S if start_s is None else start_s
    words = tuple(
        Word(word, round(start + at * 0.3, 3), round(start + at * 0.3 + 0.25, 3))
        for at, word in enumerate(text.split())
    )
    return Turn(number, text, True, start, words[-1].end_s if words else start, words, speaker)


def finished_gist(number: int, turn: int | None, text: str, *, turns: int = 0) -> Gist:
    """Return a finished gist about a turn, or about the session for `None`."""
    return Gist(number, turn, "summary", text, GistStatus.DONE, "echo", input_tokens=7, output_tokens=5, turns=turns)


def meeting_events() -> list[Event]:
    """Return the events of a meeting of five turns, a gist for each, and its analysis."""
    events: list[Event] = []
    for number, (speaker, text) in enumerate(MEETING, 1):
        events += [
            TurnChanged(final_turn(number, text, speaker)),
            GistChanged(finished_gist(number, number, f"Gist of turn {number}.")),
        ]
    events.append(GistChanged(finished_gist(6, None, "# Standup\n\n- Ship on **Thursday**", turns=5)))

    return events


def store_session(
    store: Store,
    events: list[Event] | None = None,
    *,
    started: datetime = STARTED,
    sound_s: float = 30.0,
    sound: bytes | None = None,
    state: State | None = State.ENDED,
    untranscribed_s: float = 0.0,
    metadata: SessionMetadata | None = None,
) -> StoredSession:
    """Create a session with a recording and a journal in a store.

    Args:
        store: the store.
        events: events of the session; `None` for those of `meeting_events`.
        started: start of the session.
        sound_s: seconds of recording, a tone of 440 Hz.
        sound: the recording in place of the tone, as s16le; to `fake_endpoint` a tone is a turn per sample.
        state: final state; `None` for a session whose engine was killed.
        untranscribed_s: seconds at the end that are not transcribed.
        metadata: name, tags and note.
    """
    stored = store.create(started)
    recording = Recording.create(stored.audio, RATE)
    recording.append(tone(sound_s) if sound is None else sound)
    recording.close()
    journal = Journal(stored.events)
    journal.append(SessionStarted(_session(stored, started)), 0.0)
    journal.append(PromptChanged("summary"), 0.0)
    journal.append(StateChanged(State.CONNECTING), 0.0)
    journal.append(StateChanged(State.LIVE), 0.0)
    for event in meeting_events() if events is None else events:
        at = event.turn.end_s if isinstance(event, TurnChanged) else 0.0
        journal.append(event, at)
    if state is not None:
        journal.append(StatsChanged(Stats(elapsed_s=30.0, turns=5, untranscribed_s=untranscribed_s)), 30.0)
        journal.append(StateChanged(state), 30.0)
    journal.close()
    if metadata is not None:
        update_metadata(stored.path, lambda _: metadata)
    return stored


def write_wav(path: Path, pcm: bytes, sample_rate: int = 16_000) -> None:
    """Write s16le mono PCM as a WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(pcm)


def tone(seconds: float) -> bytes:
    """Return a tone of 440 Hz as s16le."""
    times = np.arange(int(seconds * RATE)) / RATE
    return (8000 * np.sin(2 * np.pi * 440 * times)).astype("<i2").tobytes()


def _session(stored: StoredSession, started: datetime) -> Session:
    return Session(
        id=stored.id,
        path=str(stored.path),
        started_at=started.isoformat(timespec="seconds"),
        source="mic",
        engine="cloud",
        endpoint="streaming.assemblyai.com",
        speech_model="u3-rt-pro",
        llm_model="claude-sonnet-4-20250514",
    )


def files(folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
