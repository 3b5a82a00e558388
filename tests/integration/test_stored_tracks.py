"""A stored session with two tracks: compressed, checked, searched, quoted, replayed, transcribed again, continued."""

import asyncio
import itertools
import json
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from msgspec.structs import replace

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import DRAIN_S, WAV_HEADER, Watch, running
from tests.integration.test_transcribe import transcribed
from tests.session_fixtures import final_turn
from tui.audio.level import mixed
from tui.audio.recording import Recording
from tui.cli import main
from tui.engine.engine import Engine
from tui.engine.replay import ReplayEngine
from tui.model.commands import Option, Start
from tui.model.events import (
    LevelChanged,
    SessionStarted,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.model.session import Session
from tui.model.stats import Stats, TrackStats
from tui.model.tracks import Track, TracksChanged
from tui.paths import PACKAGE, log_file, sessions_dir
from tui.sessions.catalogue import summarise
from tui.sessions.flac import compress
from tui.sessions.journal import Journal
from tui.sessions.qa import excerpt, format_excerpts
from tui.sessions.store import Store, StoredSession

SPOKEN = (
    (0.0, "you", "hello there"),
    (0.2, "them", "good morning"),
    (1.0, "you", "the pool"),
    (1.2, "them", "is full"),
)
SESSION_FACTS = ("id", "path", "started_at", "source", "engine", "endpoint", "speech_model", "llm_model")
SOUNDS = {"you": speech(1, 2), "them": speech(11, 12)}


def store_tracks(*, ended: bool = True) -> StoredSession:
    """Store a session with two tracks of two turns each; without an end, its engine was killed."""
    stored = Store(sessions_dir()).create(datetime.now().astimezone())
    for at, sound in enumerate(SOUNDS.values()):
        recording = Recording.create(stored.audio_of(at), RATE)
        recording.append(sound)
        recording.close()
    texts = dict.fromkeys(SESSION_FACTS, "x") | {
        "id": stored.id,
        "path": str(stored.path),
        "started_at": datetime.now().astimezone().isoformat(timespec="seconds"),
        "tracks": [{"name": "you", "source": "mic"}, {"name": "them", "source": "system"}],
    }
    journal = Journal(stored.events)
    journal.append(SessionStarted(msgspec.convert(texts, Session)), 0.0)
    journal.append(StateChanged(State.LIVE), 0.0)
    for number, (start_s, track, text) in enumerate(SPOKEN, 1):
        journal.append(TurnChanged(replace(final_turn(number, text, start_s=start_s), track=track)), 2.0)
    if ended:
        stats = Stats(elapsed_s=2.0, turns=4, tracks=(TrackStats("you", 2.0), TrackStats("them", 2.0)))
        journal.append(StatsChanged(stats), 2.0)
        journal.append(StateChanged(State.ENDED), 2.0)
    journal.close()
    return stored


def test_both_recordings_are_compressed_without_loss() -> None:
    stored = store_tracks()
    assert compress(stored) > 0
    assert [path.name for path in stored.recordings] == ["audio.flac", "audio-2.flac"]
    assert not list(stored.path.glob("*.wav"))
    for path, sound in zip(stored.recordings, SOUNDS.values(), strict=True):
        assert soundfile.read(path, dtype="int16")[0].tobytes() == sound
    assert summarise(stored).problem == ""


def test_a_missing_recording_is_named_by_its_track() -> None:
    stored = store_tracks()
    stored.audio_of(1).unlink()
    assert summarise(stored).problem == "them: the recording is missing"


def test_a_search_says_which_track() -> None:
    store_tracks()
    found = CliRunner().invoke(main, ["search", "pool"])
    assert found.stdout.rstrip().endswith("you: the pool")
    hit = json.loads(CliRunner().invoke(main, ["search", "full", "--json"]).stdout)
    assert (hit["track"], hit["number"]) == ("them", 4)


def test_a_question_is_asked_about_turns_with_the_names_of_their_tracks() -> None:
    stored = store_tracks()
    lines = format_excerpts([excerpt(stored.id, stored.load(), stored.metadata())])
    assert lines[:2] == ["[turn 1, 00:00] you: hello there", "[turn 2, 00:00] them: good morning"]


async def test_a_replay_has_a_level_for_each_track() -> None:
    watch = Watch()
    clock = itertools.count(0.0, 0.2)
    replaying = ReplayEngine(watch.publish, store_tracks(), clock=lambda: next(clock))
    task = asyncio.create_task(replaying.run())
    await watch.until(lambda: StateChanged(State.ENDED) in watch.events)
    replaying.quit()
    await task
    assert {event.track for event in watch.events if isinstance(event, LevelChanged)} == {"you", "them"}
    assert [track.name for track in replaying.snapshot().tracks] == ["you", "them"]


async def test_a_replay_shows_an_added_track_from_the_time_at_which_it_was_added() -> None:
    stored = Store(sessions_dir()).create(datetime.now().astimezone())
    for at, sound in enumerate(SOUNDS.values()):
        recording = Recording.create(stored.audio_of(at), RATE, silence=at * RATE)
        recording.append(sound[at * 2 * RATE :])
        recording.close()
    journal = Journal(stored.events)
    journal.append(SessionStarted(msgspec.convert(dict.fromkeys(SESSION_FACTS, "x"), Session)), 0.0)
    journal.append(StateChanged(State.LIVE), 0.0)
    journal.append(TurnChanged(final_turn(1, "hello there")), 0.5)
    tracks = (Track("you", "mic"), Track("them", "system", start_s=1.0))
    journal.append(TracksChanged(tracks), 1.0)
    journal.append(TurnChanged(replace(final_turn(2, "good morning", start_s=1.2), track="them")), 2.0)
    journal.append(StateChanged(State.ENDED), 2.0)
    journal.close()
    watch = Watch()
    clock = itertools.count(0.0, 0.2)
    replaying = ReplayEngine(watch.publish, stored, clock=lambda: next(clock))
    assert replaying.snapshot().tracks == ()
    task = asyncio.create_task(replaying.run())
    await watch.until(lambda: StateChanged(State.ENDED) in watch.events)
    assert {turn.track for turn in replaying.snapshot().turns} == {"you", "them"}
    replaying.quit()
    await task
    added = watch.events.index(TracksChanged(tracks))
    levels = [
        [event.track for event in part if isinstance(event, LevelChanged)]
        for part in (watch.events[:added], watch.events[added:])
    ]
    assert set(levels[0]) == {""}
    assert set(levels[1]) == {"you", "them"}


def test_a_replay_with_sound_plays_the_sum_of_the_tracks() -> None:
    one, other = np.array([1, 2, 30_000], "<i2"), np.array([10, 20, 30_000, 5], "<i2")
    assert np.frombuffer(mixed([one.tobytes(), other.tobytes()]), "<i2").tolist() == [11, 22, 32_767, 5]
    assert mixed([one.tobytes()]) == one.tobytes()


@pytest.mark.parametrize("flac", [False, True])
async def test_both_tracks_are_transcribed_again(server: Endpoint, flac: bool) -> None:
    original = store_tracks()
    if flac:
        compress(original)
    (done,) = await transcribed(server, original.id)
    assert done["turns"] == 4
    again = next(stored for stored in Store(sessions_dir()) if stored.id != original.id)
    finals = again.load().transcript.finals
    assert sorted((turn.track, turn.text) for turn in finals) == sorted(
        [("you", said(1)), ("you", said(2)), ("them", said(11)), ("them", said(12))]
    )
    assert len(original.load().transcript.finals) == 4
    assert again.metadata().version_of == original.id


def options(server: Endpoint, folder: Path) -> dict[str, Option]:
    """Return the settings of a session with a track for each of two programs."""
    for name, turns in (("you", (3, 4)), ("them", (13, 14))):
        (folder / name).write_bytes(speech(*turns))
    sources = [f"{name}=cmd:cat {folder / name}" for name in ("you", "them")]
    return {"source": sources, "url": server.url, "analyse_at_end": False, "drain_timeout_s": DRAIN_S}


async def test_a_private_session_has_two_tracks_and_leaves_nothing(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch) as engine:
        await engine.execute(Start({**options(server, tmp_path), "private": True}))
        await watch.until_over()
    assert {turn.track for turn in watch.finals} == {"you", "them"}
    assert len(watch.finals) == 4
    assert not sessions_dir().exists() or not list(sessions_dir().iterdir())


async def test_a_killed_engine_is_continued_on_both_tracks(server: Endpoint, tmp_path: Path) -> None:
    stored = store_tracks(ended=False)
    active = tmp_path / "active.json"
    active.write_bytes(msgspec.json.encode({"id": stored.id, "options": options(server, tmp_path)}))
    watch = Watch()
    engine = Engine(
        watch.publish,
        store=Store(sessions_dir()),
        prompt_folders=(PACKAGE / "prompts",),
        log_file=log_file(),
        active_file=active,
    )
    task = asyncio.create_task(engine.run())
    await watch.until_over()
    engine.quit()
    await task
    state = stored.load()
    assert state.state is State.ENDED
    assert state.tracks == (Track("you", "mic"), Track("them", "system"))
    finals = state.transcript.finals
    transcribed = {(turn.track, turn.text) for turn in finals}
    assert transcribed >= {("you", "hello there"), ("them", "is full"), ("you", said(3)), ("you", said(4))}
    assert transcribed >= {("them", said(13)), ("them", said(14))}
    assert len({turn.number for turn in finals}) == len(finals)
    for path, sound, more in zip(stored.recordings, SOUNDS.values(), (speech(3, 4), speech(13, 14)), strict=True):
        audio = path.read_bytes()[WAV_HEADER:]
        assert audio.startswith(sound)
        assert audio.rstrip(b"\0").endswith(more.rstrip(b"\0"))
