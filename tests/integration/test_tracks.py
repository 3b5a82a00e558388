"""Sessions with several tracks, against an endpoint that transcribes runs of equal samples."""

import asyncio
import json
from pathlib import Path

import pytest

from tests import fake_endpoint
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import DRAIN_S, WAV_HEADER, Watch, fast, running
from tui.audio.mixed_reader import MixedReader
from tui.audio.recording import Recording
from tui.engine.engine import Engine
from tui.errors import SourceError, UsageError
from tui.model.commands import AddTrack, Mute, Option, Recover, SetGain, Start, Stop
from tui.model.events import LevelChanged, State
from tui.model.tracks import Track, format_tracks
from tui.model.transcript import transcript_lines
from tui.paths import sessions_dir
from tui.sessions.export import export
from tui.sessions.journal import FORMAT, read
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store, StoredSession
from tui.text import escape_markdown

YOU, THEM = speech(1, 2, 3), bytes(RATE // 2) + speech(11, 12, 13)


def settings(server: Endpoint, folder: Path, **sounds: bytes) -> dict[str, Option]:
    """Return the settings of a session with a track for each sound, played by a program."""
    sources = []
    for name, sound in sounds.items():
        path = folder / f"{name}.raw"
        path.write_bytes(sound)
        sources.append(f"{name}=cmd:cat {path}")
    return {"source": sources, "url": server.url, "analyse_at_end": False, "drain_timeout_s": DRAIN_S}


async def start(built: Engine, server: Endpoint, folder: Path, **sounds: bytes) -> None:
    await built.execute(Start(settings(server, folder, **sounds)))


def stored() -> StoredSession:
    (found,) = Store(sessions_dir())
    return found


def recorded(track: int) -> bytes:
    """Return the audio of a track, without the silence before its first sound."""
    return stored().audio_of(track).read_bytes()[WAV_HEADER:].lstrip(b"\0")


async def test_each_track_is_recorded_and_transcribed_and_the_turns_are_merged_by_time(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start(built, server, tmp_path, you=YOU, them=THEM)
        await watch.until_over()
        snapshot = built.snapshot()
    assert watch.record.state is State.ENDED
    assert len(server.calls) == 2
    transcribed = [(turn.track, turn.text) for turn in watch.finals]
    assert [text for track, text in transcribed if track == "you"] == [said(n) for n in (1, 2, 3)]
    assert [text for track, text in transcribed if track == "them"] == [said(n) for n in (11, 12, 13)]
    starts = [turn.start_s for turn in watch.finals]
    assert starts == sorted(starts)
    assert len({turn.number for turn in watch.finals}) == 6
    assert recorded(0) == YOU.lstrip(b"\0")
    assert recorded(1) == THEM.lstrip(b"\0")
    assert [path.name for path in stored().recordings] == ["audio.wav", "audio-2.wav"]
    assert [track.name for track in snapshot.tracks] == ["you", "them"]
    assert {event.track for event in watch.events if isinstance(event, LevelChanged)} == {"you", "them"}
    figures = watch.record.stats
    assert [(track.name, track.turns, track.connections) for track in figures.tracks] == [("you", 3, 1), ("them", 3, 1)]
    assert (figures.turns, figures.connections, figures.untranscribed_s) == (6, 2, 0)
    kept = stored().load()
    assert kept.transcript.finals == watch.finals
    assert read(stored().events).format == FORMAT


async def test_gists_get_the_name_of_the_track(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start(built, server, tmp_path, you=speech(1), them=speech(2))
        await watch.until_over()
    prompts = sorted(call.prompt for call in server.calls)
    assert [("you: {{turn}}" in prompt, "them: {{turn}}" in prompt) for prompt in prompts] in (
        [(True, False), (False, True)],
        [(False, True), (True, False)],
    )
    lines = transcript_lines(watch.finals)
    assert sorted(line.partition(": ")[0] for line in lines) == ["them", "you"]


async def test_a_track_that_ends_or_fails_does_not_touch_the_others(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    long = speech(*range(1, 9), samples=RATE // 4, pause=RATE // 4)
    async with running(watch) as built:
        await start(built, server, tmp_path, you=long, them=speech(11))
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert recorded(0) == long
    assert [turn.text for turn in watch.finals if turn.track == "you"] == [said(n, RATE // 4) for n in range(1, 9)]
    assert any("them: The source has ended." in notice and "continues: you" in notice for notice in watch.notices)


async def test_a_track_whose_connection_is_refused_is_recorded_and_can_be_transcribed_later(
    server: Endpoint, tmp_path: Path
) -> None:
    you, them = speech(1, 2, 3, 4, 5), speech(11, 12)
    async with fake_endpoint.running() as other:
        watch = Watch()
        async with running(watch, clock=fast) as built:
            await start(built, server, tmp_path, you=you, them=them)
            await watch.until(lambda: len(server.calls) == 2)
            refused = next(call for call in server.calls if "them: " in call.prompt)
            assert refused.websocket is not None
            await refused.websocket.close(1008, "no")
            await watch.until_over()
        assert watch.record.state is State.ENDED
        assert [turn.text for turn in watch.finals if turn.track == "you"] == [said(n) for n in range(1, 6)]
        assert recorded(1) == them
        assert any(notice.startswith("them: ") and "still recorded" in notice for notice in watch.notices)
        rest = {track.name: track.untranscribed_s for track in watch.record.stats.tracks}
        assert rest["you"] == 0 < rest["them"]

        later = Watch()
        async with running(later, clock=fast) as built:
            await built.execute(Recover("", {"url": other.url, "analyse_at_end": False}))
            await later.until_over()
        assert len(other.calls) == 1, "the track that is transcribed is not sent again"
    again = stored().load()
    assert again.stats.untranscribed_s == 0
    assert [turn.text for turn in again.transcript.finals if turn.track == "them"] == [said(n) for n in (11, 12)]
    assert [turn.text for turn in again.transcript.finals if turn.track == "you"] == [said(n) for n in range(1, 6)]
    starts = [turn.start_s for turn in again.transcript.finals]
    assert starts == sorted(starts)


async def test_mute_and_gain_apply_to_a_track(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    loud = speech(*[100] * 8, samples=RATE)
    async with running(watch) as built:
        await start(built, server, tmp_path, you=loud, them=loud)
        await watch.until_state(State.LIVE)
        await built.execute(Mute(True, "you"))
        await built.execute(SetGain(20.0, "Them"))
        assert built.snapshot().tracks[0].muted
        assert not built.snapshot().muted, "not all tracks are muted"
        assert built.snapshot().tracks[1] == Track("them", built.snapshot().tracks[1].source, False, 20.0)
        with pytest.raises(UsageError, match="There is no track 'her'") as caught:
            await built.execute(Mute(True, "her"))
        assert caught.value.hint == "Tracks: you, them."
        await watch.until(lambda: any(b"\xe8\x03" in audio for audio in (recorded(1),)))
        await built.execute(Mute(True))
        assert built.snapshot().muted
        await built.execute(Stop())
        await watch.until_over()
    assert b"\xe8\x03" not in recorded(0), "the gain is for the other track"


async def test_both_tracks_reconnect_and_no_turn_is_lost_or_published_twice(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    you, them = speech(*range(1, 7)), speech(*range(11, 17))
    async with running(watch, clock=fast) as built:
        await start(built, server, tmp_path, you=you, them=them)
        await watch.until(lambda: len(watch.finals) >= 3)
        await server.cut()
        await watch.until_over()
    assert State.RECONNECTING in watch.states
    assert [turn.text for turn in watch.finals if turn.track == "you"] == [said(n) for n in range(1, 7)]
    assert [turn.text for turn in watch.finals if turn.track == "them"] == [said(n) for n in range(11, 17)]
    assert len(watch.ended) == len(set(watch.ended)) == 12


async def test_speakers_of_two_tracks_are_different_persons(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start(built, server, tmp_path, you=speech(1, 2, 3, 4), them=speech(11, 12, 13, 14))
        await watch.until(lambda: {turn.track for turn in watch.finals} == {"you", "them"})
        for call in server.calls:
            assert call.websocket is not None
            revisions = [{"turn_order": 0, "speaker_label": "A"}]
            await call.websocket.send(json.dumps({"type": "SpeakerRevision", "revisions": revisions}))
        await watch.until(lambda: {turn.speaker for turn in watch.finals} >= {"you A", "them A"})
        await watch.until_over()


async def test_a_killed_engine_leaves_both_tracks_to_recover(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start(built, server, tmp_path, you=YOU, them=THEM)
        await watch.until(lambda: len(watch.finals) >= 2)
        await watch.until_over()
    session = stored()
    lines = session.events.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b'"final":true' not in line and b'"state":"ended"' not in line]
    # As after `kill -9`: no turn, no statistics and no final state.
    session.events.write_bytes(b"".join(line for line in kept if b'"type":"stats"' not in line))
    async with fake_endpoint.running() as other:
        again = Watch()
        async with running(again, clock=fast) as built:
            await built.execute(Recover("", {"url": other.url, "analyse_at_end": False}))
            await again.until_over()
    finals = session.load().transcript.finals
    assert [turn.text for turn in finals if turn.track == "you"] == [said(n) for n in (1, 2, 3)]
    assert [turn.text for turn in finals if turn.track == "them"] == [said(n) for n in (11, 12, 13)]


async def test_one_named_track_is_stored_as_before(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start(built, server, tmp_path, you=YOU)
        await watch.until_over()
    assert {turn.track for turn in watch.finals} == {"you"}
    assert stored().audio.read_bytes()[WAV_HEADER:] == YOU, "one track keeps its own clock"
    assert read(stored().events).format == 1
    assert watch.record.stats.tracks == ()


async def test_a_file_that_does_not_exist_starts_no_session(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch) as built:
        sources = [f"you=cmd:cat {tmp_path}", f"them={tmp_path}/missing.wav"]
        await built.execute(Start({"source": sources, "url": server.url}))
        await watch.until_state(State.FAILED)
        await asyncio.sleep(0)
    assert watch.record.reason.startswith("them: ")
    assert list(Store(sessions_dir())) == []


async def test_a_mix_is_one_connection_with_speakers_and_keeps_both_recordings(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    # The tracks speak in turn: the endpoint receives their sum.
    you, them = speech(1, samples=RATE // 2, pause=RATE * 3 // 2), bytes(2 * RATE) + speech(11)
    async with running(watch) as built:
        await built.execute(Start({**settings(server, tmp_path, you=you, them=them), "mix": True}))
        await watch.until_over()
    (call,) = server.calls
    assert call.query["speaker_labels"] == "True"
    assert "you: " not in call.prompt
    assert [(turn.track, turn.text) for turn in watch.finals] == [("", said(1)), ("", said(11))]
    assert (recorded(0).rstrip(b"\0"), recorded(1).rstrip(b"\0")) == (you.rstrip(b"\0"), them.strip(b"\0"))
    assert {event.track for event in watch.events if isinstance(event, LevelChanged)} == {"you", "them"}
    figures = watch.record.stats
    assert (figures.connections, figures.untranscribed_s) == (1, 0)
    assert watch.record.session is not None
    assert watch.record.session.mixed


async def test_a_mix_that_was_not_transcribed_is_mixed_again(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    you, them = speech(1, samples=RATE // 2, pause=RATE * 3 // 2), bytes(2 * RATE) + speech(11)
    server.close_with = (1008, "no")
    async with running(watch) as built:
        await built.execute(Start({**settings(server, tmp_path, you=you, them=them), "mix": True}))
        await watch.until_over()
    assert watch.record.state is State.FAILED
    async with fake_endpoint.running() as other:
        later = Watch()
        async with running(later, clock=fast) as built:
            await built.execute(Recover("", {"url": other.url, "analyse_at_end": False}))
            await later.until_over()
        assert len(other.calls) == 1
    assert stored().load().stats.untranscribed_s == 0


async def test_an_ended_track_is_silent_in_a_mix(tmp_path: Path) -> None:
    short, long = (Recording.create(tmp_path / f"{name}.wav") for name in ("short", "long"))
    reader = MixedReader([short, long])
    short.append(b"\x01\x00" * 10)
    long.append(b"\x02\x00" * 30)
    assert (reader.position, reader.closed) == (10, False)
    assert reader.read(0, 100) == b"\x03\x00" * 10
    waiting = asyncio.create_task(reader.wait_beyond(10))
    await asyncio.sleep(0)
    assert not waiting.done()
    short.close()
    await waiting
    assert reader.position == 30
    assert reader.read(8, 4) == b"\x03\x00" * 2 + b"\x02\x00" * 2
    long.close()
    assert (reader.position, reader.closed) == (30, True)


async def test_a_track_is_added_to_a_running_session_and_not_one_sample_of_the_first_is_lost(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine blocks may be late, which a correction of the clock makes good sample by sample.
    monkeypatch.setattr("tui.audio.clock_fit.DEADBAND_S", 1.0)
    watch = Watch()
    (tmp_path / "you.raw").write_bytes(you := speech(*range(1, 13)))
    (tmp_path / "them.raw").write_bytes(them := speech(21, 22, 23))
    first, added = f"cmd:cat {tmp_path}/you.raw", f"them=cmd:cat {tmp_path}/them.raw"
    async with running(watch) as built:
        options: dict[str, Option] = {"url": server.url, "analyse_at_end": False, "drain_timeout_s": DRAIN_S}
        await built.execute(Start({"source": first, **options}))
        await watch.until(lambda: len(watch.finals) >= 2)
        assert {turn.track for turn in watch.finals} == {""}
        with pytest.raises(UsageError, match="has no source"):
            await built.execute(AddTrack("them="))
        with pytest.raises(SourceError, match="cannot be opened"):
            await built.execute(AddTrack(f"them={tmp_path}/missing.wav"))
        await built.execute(AddTrack(added))
        snapshot = built.snapshot()
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert [track.name for track in snapshot.tracks] == ["cat", "them"]
    assert {turn.track for turn in snapshot.turns} == {"cat"}, "the turns so far belong to the first track"
    assert [turn.text for turn in watch.finals if turn.track == "cat"] == [said(n) for n in range(1, 13)]
    assert [turn.text for turn in watch.finals if turn.track == "them"] == [said(n) for n in (21, 22, 23)]
    assert len({turn.number for turn in watch.finals}) == 15
    starts = [turn.start_s for turn in watch.finals]
    assert starts == sorted(starts)
    audio = [path.read_bytes()[WAV_HEADER:] for path in stored().recordings]
    assert audio[0] == you
    assert audio[1].lstrip(b"\0").rstrip(b"\0") == them.rstrip(b"\0")
    start_s = snapshot.tracks[1].start_s
    assert 2 * 0.75 < start_s <= min(turn.start_s for turn in watch.finals if turn.track == "them")
    sent = [len(call.audio) for call in server.calls]
    assert sent[1] < len(audio[1]), "the silence before its start is not sent"
    kept = stored().load()
    assert kept.transcript.finals == watch.finals
    assert kept.tracks == snapshot.tracks
    assert read(stored().events).format == FORMAT
    assert any("as them." in notice for notice in watch.notices)
    exported = json.loads(export(kept, SessionMetadata(), "json"))
    assert [track["name"] for track in exported["session"]["tracks"]] == ["cat", "them"]
    assert exported["session"]["source"] == format_tracks(kept.tracks)
    assert f"Source: {escape_markdown(format_tracks(kept.tracks))}" in export(kept, SessionMetadata(), "md")


async def test_an_added_track_that_was_not_transcribed_is_transcribed_from_its_start(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    for name, sound in (("you", speech(*range(1, 9))), ("them", speech(21, 22))):
        (tmp_path / name).write_bytes(sound)
    async with running(watch) as built:
        options: dict[str, Option] = {"url": server.url, "analyse_at_end": False, "drain_timeout_s": DRAIN_S}
        await built.execute(Start({"source": f"you=cmd:cat {tmp_path}/you", **options}))
        await watch.until(lambda: len(watch.finals) >= 1)
        server.close_with = (1008, "no")
        await built.execute(AddTrack(f"them=cmd:cat {tmp_path}/them"))
        await watch.until_over()
        start_s = built.snapshot().tracks[1].start_s
    assert {turn.track for turn in watch.finals} == {"you"}
    rest = {track.name: track.untranscribed_s for track in watch.record.stats.tracks}
    assert rest["you"] == 0 < rest["them"]
    async with fake_endpoint.running() as other:
        later = Watch()
        async with running(later, clock=fast) as built:
            await built.execute(Recover("", {"url": other.url, "analyse_at_end": False}))
            await later.until_over()
        [call] = other.calls
    finals = stored().load().transcript.finals
    assert [turn.text for turn in finals if turn.track == "them"] == [said(n) for n in (21, 22)]
    assert len(call.audio) + 2 * RATE * start_s <= stored().recordings[1].stat().st_size
    starts = [turn.start_s for turn in finals]
    assert starts == sorted(starts)


async def test_a_track_is_added_to_a_mix(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    you, them = speech(1, 2, 3, 4), bytes(6 * RATE)
    (tmp_path / "more.raw").write_bytes(speech(21))
    async with running(watch) as built:
        await built.execute(Start({**settings(server, tmp_path, you=you, them=them), "mix": True}))
        await watch.until(lambda: len(watch.finals) >= 1)
        await built.execute(AddTrack(f"more=cmd:cat {tmp_path}/more.raw"))
        await watch.until_over()
        tracks = built.snapshot().tracks
    assert len(server.calls) == 1
    assert [track.name for track in tracks] == ["you", "them", "more"]
    assert watch.record.stats.untranscribed_s == 0
    assert stored().recordings[2].read_bytes()[WAV_HEADER:].strip(b"\0") == speech(21).strip(b"\0")
    assert any(int(turn.text.split()[1]) > 20 for turn in watch.finals), "the endpoint receives the sum"
