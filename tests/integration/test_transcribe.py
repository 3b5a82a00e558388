"""Files, folders and recordings are transcribed by the program itself, with an endpoint that makes no mistakes."""

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests import fake_endpoint
from tests.command import INTERNAL_ERROR
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.media import write_container, write_silent_video
from tests.session_fixtures import store_session, write_wav
from tui.audio import wav
from tui.batch.ledger import audio_files
from tui.paths import sessions_dir
from tui.sessions.flac import compress
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store, StoredSession

DEADLINE_S = 60.0


def sound(path: Path, *turns: int) -> Path:
    write_wav(path, speech(*turns))
    return path


@pytest.fixture
def store() -> Store:
    return Store(sessions_dir())


@pytest.fixture
def stored(store: Store) -> StoredSession:
    """Store a session that another model transcribed wrongly."""
    stored = store_session(store, metadata=SessionMetadata("Standup", ("work",), "old note"))
    stored.audio.unlink()
    sound(stored.audio, 1, 2, 3)
    stored.audio.chmod(0o600)
    return stored


async def transcribed(
    server: Endpoint, *words: str, well: bool = True, command: str = "transcribe"
) -> list[dict[str, Any]]:
    """Return what is reported of each source, by the name of its file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tui", command, "--json", "--url", server.url, *words,
        env=os.environ | {"LIVEGIST_ANALYSE_AT_END": "false"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(DEADLINE_S):
        printed, reported = await process.communicate()
    assert process.returncode == (0 if well else 1), reported
    assert not INTERNAL_ERROR.search(reported.decode()), reported
    return sorted((json.loads(line) for line in printed.splitlines()), key=lambda done: str(done["source"]))


def texts(store: Store, done: dict[str, Any]) -> list[str]:
    found = next(stored for stored in store if stored.id == done["session"])
    return [turn.text for turn in found.load().transcript.finals]


async def test_a_file_becomes_a_session_with_its_name(store: Store, tmp_path: Path) -> None:
    path = sound(tmp_path / "talk.wav", 1, 2)
    async with fake_endpoint.running() as server:
        (done,) = await transcribed(server, str(path))
        assert bytes(server.calls[0].audio).startswith(speech(1, 2))
    assert texts(store, done) == [said(1), said(2)]
    (kept,) = store
    assert kept.metadata().name == "talk"
    assert stat.S_IMODE(kept.audio.stat().st_mode) == 0o600
    assert soundfile.info(kept.audio).frames == len(speech(1, 2)) // 2
    assert path.exists()


async def test_a_folder_is_all_its_files_of_sound_several_at_once(store: Store, tmp_path: Path) -> None:
    (tmp_path / "talks" / "more").mkdir(parents=True)
    for number in (1, 2, 3):
        sound(tmp_path / "talks" / f"{number}.wav", number)
    sound(tmp_path / "talks" / "more" / "4.WAV", 4)
    (tmp_path / "talks" / "notes.txt").write_text("no sound")
    async with fake_endpoint.running() as server:
        done = await transcribed(server, str(tmp_path / "talks"), "--at-once", "2")
    assert [Path(each["source"]).name for each in done] == ["1.wav", "2.wav", "3.wav", "4.WAV"]
    assert [texts(store, each) for each in done] == [[said(number)] for number in (1, 2, 3, 4)]


async def test_a_session_gets_another_version_and_keeps_the_old(store: Store, stored: StoredSession) -> None:
    before = stored.events.read_bytes()
    async with fake_endpoint.running() as server:
        (done,) = await transcribed(server, "standup", "--speech-model", "universal-streaming-english")
        assert server.calls[0].query["speech_model"] == "universal-streaming-english"
    assert texts(store, done) == [said(1), said(2), said(3)]
    version = next(iter(store))
    assert version.metadata() == SessionMetadata("Standup", ("work",), version_of=stored.id)
    record = version.load()
    assert record.session is not None
    assert record.session.speech_model == "universal-streaming-english"
    assert record.stats.untranscribed_s == 0
    assert stored.events.read_bytes() == before
    # One recording in two folders takes its room once.
    assert version.audio.samefile(stored.audio)


async def test_a_version_outlives_the_session_it_was_made_of(store: Store, stored: StoredSession) -> None:
    async with fake_endpoint.running() as server:
        await transcribed(server, "last")
    shutil.rmtree(stored.path)
    (version,) = store
    assert soundfile.info(version.audio).frames == len(speech(1, 2, 3)) // 2


async def test_a_flac_is_transcribed_again_too(store: Store, stored: StoredSession) -> None:
    compress(stored)
    async with fake_endpoint.running() as server:
        (done,) = await transcribed(server, "last")
        assert bytes(server.calls[0].audio).startswith(speech(1, 2, 3))
    assert texts(store, done) == [said(1), said(2), said(3)]


async def test_a_file_that_cannot_be_read_is_reported_and_the_rest_is_transcribed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound at all")
    sound(tmp_path / "b.wav", 1)
    async with fake_endpoint.running() as server:
        broken, whole = await transcribed(server, str(tmp_path / "a.wav"), str(tmp_path / "b.wav"), well=False)
    assert "is not a readable sound file" in broken["error"]
    assert texts(store, whole) == [said(1)]
    assert len(list(store)) == 1


async def test_videos_in_a_folder_are_transcribed(store: Store, tmp_path: Path) -> None:
    write_container(tmp_path / "one.mkv", speech(1), "pcm_s16le", rate=16_000)
    write_container(tmp_path / "two.MOV", speech(2), "pcm_s16le", rate=16_000)
    write_silent_video(tmp_path / "video.mkv")
    async with fake_endpoint.running() as server:
        one, two, silent = await transcribed(server, str(tmp_path), well=False)
    assert texts(store, one) == [said(1)]
    assert texts(store, two) == [said(2)]
    assert silent["error"] == "video.mkv contains no audio."


@pytest.mark.parametrize("file_size", [0, 36])
async def test_a_wav_whose_recorder_was_killed_is_transcribed_to_its_end(
    store: Store, tmp_path: Path, file_size: int
) -> None:
    path = sound(tmp_path / "killed.wav", 1, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + file_size.to_bytes(4, "little") + whole[8:40] + bytes(4) + whole[44:])
    async with fake_endpoint.running() as server:
        (done,) = await transcribed(server, str(path))
    assert texts(store, done) == [said(1), said(2)]


async def test_a_file_without_audio_is_an_error_and_leaves_no_session(store: Store, tmp_path: Path) -> None:
    sound(tmp_path / "empty.wav", 1)
    os.truncate(tmp_path / "empty.wav", 44)
    sound(tmp_path / "talk.wav", 1)
    async with fake_endpoint.running() as server:
        empty, talk = await transcribed(server, str(tmp_path), well=False)
    assert (empty["error"], empty.get("session")) == ("empty.wav contains no audio.", None)
    assert empty["hint"]
    assert [stored.id for stored in store] == [talk["session"]]


async def test_a_file_of_less_than_a_second_is_transcribed(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "yes.wav"
    write_wav(path, speech(1, pause=3200))
    async with fake_endpoint.running() as server:
        [done] = await transcribed(server, str(path))
    assert texts(store, done) == [said(1)]


async def test_a_damaged_file_is_transcribed_as_far_as_it_can_be_read(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    soundfile.write(path, np.frombuffer(speech(*range(1, 21)), "<i2"), 16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    async with fake_endpoint.running() as server:
        [done] = await transcribed(server, str(path), well=False)
    assert texts(store, done)[:5] == [said(turn) for turn in range(1, 6)]
    assert done["error"].startswith("cut.flac is damaged: it was read up to 0:")
    assert next(iter(store)).metadata().note == done["error"]


async def test_a_file_too_short_for_a_word_is_an_error_and_leaves_no_session(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "click.wav"
    write_wav(path, bytes(2))
    async with fake_endpoint.running() as server:
        [done] = await transcribed(server, str(path), well=False)
    assert (done["error"], done.get("session")) == ("click.wav contains less than 50 ms of audio.", None)
    assert list(store) == []


async def test_a_name_that_is_not_valid_text_is_transcribed(store: Store, tmp_path: Path) -> None:
    try:
        sound(tmp_path / os.fsdecode(b"caf\xe9.wav"), 1)
    except OSError:
        pytest.skip("this file system takes names of text alone")
    sound(tmp_path / "whole.wav", 2)
    async with fake_endpoint.running() as server:
        odd, whole = await transcribed(server, str(tmp_path))
    assert (texts(store, odd), texts(store, whole)) == ([said(1)], [said(2)])
    assert odd["source"].endswith("caf?.wav")
    assert {stored.metadata().name for stored in store} == {"caf�", "whole"}


async def test_an_endpoint_that_is_late_with_the_last_turns_is_waited_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_DRAIN_TIMEOUT_S", "0.5")
    path = tmp_path / "talk.wav"
    write_wav(path, speech(1, samples=RATE, pause=0))
    async with fake_endpoint.running() as server:
        server.finish_s = 3.0
        [done] = await transcribed(server, str(path))
    assert texts(store, done) == [said(1, samples=RATE)]


async def test_a_named_pipe_is_transcribed(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    async with fake_endpoint.running() as server:
        running = asyncio.create_task(transcribed(server, str(path)))
        await asyncio.to_thread(lambda: path.write_bytes(wav.header(RATE, 0) + speech(1)))
        [done] = await running
    assert texts(store, done) == [said(1)]


async def test_a_named_pipe_that_brings_nothing_can_be_stopped(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tui", "transcribe", "--json", "--url", "ws://127.0.0.1:1", str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(DEADLINE_S):
        writer = await asyncio.to_thread(os.open, path, os.O_WRONLY)
        process.send_signal(signal.SIGINT)
        printed, _ = await process.communicate()
    os.close(writer)
    assert (process.returncode, json.loads(printed)["error"]) == (1, "Not started.")
    assert list(store) == []


async def test_a_codec_whose_files_cannot_be_searched_is_transcribed(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "phone.wav"
    samples = np.frombuffer(speech(1), "<i2")
    soundfile.write(path, np.concatenate((samples, np.zeros(-len(samples) % 320, np.int16))), 16_000, subtype="GSM610")
    async with fake_endpoint.running() as server:
        [done] = await transcribed(server, str(path))
    assert done["session"]


@pytest.mark.parametrize(
    "words", [("--source", "{0}", "--source", "{1}", "--private"), ("--source", "{2}", "--private")]
)
async def test_several_sources_are_not_private_and_nothing_of_them_is_kept(
    store: Store, tmp_path: Path, words: tuple[str, ...]
) -> None:
    one, two = sound(tmp_path / "1.wav", 1), sound(tmp_path / "2.wav", 2)
    given = [word.format(one, two, tmp_path) for word in words]
    async with fake_endpoint.running() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tui", "stream", "--url", server.url, *given, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(DEADLINE_S):
            _, reported = await process.communicate()
    assert process.returncode == 2
    assert b"A transcription is stored" in reported
    assert list(store) == []
    assert server.calls == []


@pytest.mark.parametrize("times", [1, 2])
async def test_ctrl_c_ends_it_and_what_is_left_can_be_gone_on_with(store: Store, tmp_path: Path, times: int) -> None:
    one, two = sound(tmp_path / "1.wav", *range(1, 200)), sound(tmp_path / "2.wav", 1)
    async with fake_endpoint.running() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tui", "transcribe", "--json", "--at-once", "1", "--url", server.url,
            str(one), str(two),
            env=os.environ | {"LIVEGIST_ANALYSE_AT_END": "false"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        await server.wait_for(lambda: bool(server.calls) and len(server.calls[0].audio) > len(speech(1, 2)))
        for _ in range(times):
            process.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE_S):
            printed, reported = await process.communicate()
    assert process.returncode == 1
    assert not INTERNAL_ERROR.search(reported.decode()), reported
    begun, other = (json.loads(line) for line in printed.splitlines())
    assert begun["hint"] == f"To continue: livegist recover {begun['session']}"
    assert other["error"] == "Not started."
    assert [stored.id for stored in store.untranscribed()] == [begun["session"]]


async def test_an_endpoint_that_refuses_leaves_what_can_be_gone_on_with(store: Store, tmp_path: Path) -> None:
    path = sound(tmp_path / "talk.wav", 1)
    async with fake_endpoint.running() as server:
        server.error_first, server.close_with = "Not authorized", (1008, "bad key")
        (done,) = await transcribed(server, str(path), well=False)
    assert "ASSEMBLYAI_API_KEY" in done["hint"], done
    assert [stored.id for stored in store.untranscribed()] == [done["session"]]


async def test_a_session_under_way_is_not_transcribed_again(store: Store, stored: StoredSession) -> None:
    engine = stored.open_journal()
    async with fake_endpoint.running() as server:
        (done,) = await transcribed(server, "last", well=False)
    engine.close()
    assert "is active" in done["error"]


async def test_stream_takes_several_sources_too(store: Store, tmp_path: Path) -> None:
    one, two = sound(tmp_path / "1.wav", 1), sound(tmp_path / "2.wav", 2)
    async with fake_endpoint.running() as server:
        done = await transcribed(server, "--source", str(one), "--source", str(two), command="stream")
    assert [texts(store, each) for each in done] == [[said(1)], [said(2)]]


@pytest.mark.parametrize("name", ["talk.wav", "talk.mkv"])
async def test_a_progress_bar_is_for_a_terminal(store: Store, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "talk.wav":
        sound(path, 1, 2)
    else:
        write_container(path, speech(1, 2), "pcm_s16le", rate=16_000)
    screen, terminal = os.openpty()
    async with fake_endpoint.running() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tui", "transcribe", "--url", server.url, str(path),
            env=os.environ | {"LIVEGIST_ANALYSE_AT_END": "false"},
            stdout=asyncio.subprocess.PIPE,
            stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        async with asyncio.timeout(DEADLINE_S):
            printed, _ = await process.communicate()
    assert process.returncode == 0
    shown = os.read(screen, 1 << 16).decode()
    os.close(screen)
    assert "1 left" in shown
    assert "all done" in shown.rpartition("\r\x1b[K")[2], "the bar is below what is reported of the file"
    assert not INTERNAL_ERROR.search(shown)
    assert "100%" in shown.rpartition("\r\x1b[K")[2]
    assert b"2 turns" in printed


def test_only_files_of_sound_are_taken_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    for name in ("b.mp3", "a.FLAC", "c.txt", ".hidden", "d.webm", "e.mp4", "._b.mp3", ".cache/f.wav"):
        (tmp_path / name).touch()
    assert sorted(entry.name for entry in audio_files(tmp_path)) == ["a.FLAC", "b.mp3", "d.webm", "e.mp4"]
