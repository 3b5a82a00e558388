"""Damaged files are reported by every command that uses the session, and the intact rest stays usable."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.command import INTERNAL_ERROR, livegist
from tests.session_fixtures import MEETING, STARTED, store_session
from tests.terminal import LIVEGIST
from tui.audio.recording import repair
from tui.errors import SessionError
from tui.model.events import State
from tui.paths import sessions_dir
from tui.sessions.catalogue import summarise
from tui.sessions.export import FORMATS, export
from tui.sessions.flac import compress
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store, StoredSession


@pytest.fixture
def store() -> Store:
    return Store(sessions_dir())


@pytest.fixture
def stored(store: Store) -> StoredSession:
    return store_session(store, metadata=SessionMetadata("Standup"))


def damage() -> str:
    """Return what the list says is wrong with the newest session."""
    return str(json.loads(livegist("sessions", "list", "--json").stdout.splitlines()[0])["trouble"])


def test_an_intact_session_reports_no_damage(stored: StoredSession) -> None:
    assert damage() == ""
    assert "!" not in livegist("sessions").stdout
    livegist("export", "last")


def test_lost_lines_are_reported_by_every_command(stored: StoredSession) -> None:
    lines = stored.events.read_bytes().splitlines(keepends=True)
    lines[4] = b'{"at": 1, "event": {"type": "turn", \xff\n'
    stored.events.write_bytes(b"".join(lines))
    warning = "1 line of the journal cannot be read; the rest is intact"
    assert warning in livegist("sessions").stdout
    assert warning in livegist("sessions", "show", "last").stdout
    exported = livegist("export", "last", "--format", "txt", says=warning)
    assert len(exported.stdout.splitlines()) == len(MEETING) - 1


def test_a_session_without_a_journal_can_be_transcribed_again(store: Store, stored: StoredSession) -> None:
    stored.events.unlink()
    assert [kept.id for kept in store] == [stored.id]
    assert stored.id in livegist("sessions").stdout
    result = livegist("sessions", "show", "last", code=1, says="is missing")
    assert result.stderr.splitlines()[1].endswith(f"livegist transcribe {stored.id}")
    # An engine that starts now does not take it for one of its own that was killed.
    assert list(store.interrupted()) == []
    assert list(store.incomplete()) == []


def test_a_truncated_recording_reports_the_missing_seconds(stored: StoredSession) -> None:
    content = stored.audio.read_bytes()
    stored.audio.write_bytes(content[: -5 * 32_000])
    assert damage() == "the last 5 s of the recording are missing"
    assert "the last 5 s" in livegist("sessions", "show", "last").stdout


def test_a_flac_shorter_than_its_session_is_reported(stored: StoredSession) -> None:
    compress(stored)
    assert damage() == ""
    samples, rate = soundfile.read(stored.audio, dtype="int16")
    soundfile.write(stored.audio, samples[: 20 * rate], rate, subtype="PCM_16", format="FLAC")
    assert damage() == "the last 10 s of the recording are missing"


@pytest.mark.parametrize("name", ["audio.wav", "audio.flac"])
def test_a_damaged_recording_is_reported_and_the_rest_is_usable(stored: StoredSession, name: str) -> None:
    stored.audio.unlink()
    (stored.path / name).write_bytes(b"no sound at all" * 100)
    assert damage() == "the recording is damaged"
    livegist("export", "last", "--format", "srt", says="the recording is damaged")
    livegist("search", "pool")


def test_a_missing_recording_is_reported(stored: StoredSession) -> None:
    stored.audio.unlink()
    assert damage() == "the recording is missing"
    livegist("sessions", "compress", "last", code=1, says="it is missing")


def test_damaged_metadata_breaks_neither_search_nor_export(stored: StoredSession) -> None:
    (stored.path / "about.json").write_bytes(b'{"name": 3}')
    assert "about.json is damaged" in damage()
    livegist("search", "connection", "pool")
    livegist("export", "last", "--format", "txt", says="about.json is damaged")
    # What a person wrote is not written over.
    livegist("sessions", "rename", "last", "new", code=1, says="about.json is damaged")
    assert (stored.path / "about.json").read_bytes() == b'{"name": 3}'


def test_an_untranscribed_session_is_not_compressed(store: Store) -> None:
    cut_off = store_session(store, state=None)
    livegist("sessions", "compress", "last", code=1, says=f"livegist recover {cut_off.id}")
    assert cut_off.audio.suffix == ".wav"


def test_a_session_without_turns_takes_no_question(store: Store) -> None:
    store_session(store, [])
    livegist("ask", "last", "What was decided?", code=2, says="has no turns")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["events.jsonl", "about.json", "audio.wav"]),
    damage=st.sampled_from(["cut", "change", "insert"]),
    place=st.floats(0, 1, exclude_max=True),
    junk=st.binary(min_size=1, max_size=20),
)
def test_with_any_damage_each_command_works_or_explains_the_error(
    stored: StoredSession, store: Store, name: str, damage: str, place: float, junk: bytes
) -> None:
    path = stored.path / name
    whole = path.read_bytes()
    # Of a recording only its header can be damaged so that it matters.
    at = int(place * min(len(whole), 60 if name == "audio.wav" else len(whole)))
    rest = {"cut": b"", "change": junk + whole[at + len(junk) :], "insert": junk + whole[at:]}[damage]
    path.write_bytes(whole[:at] + rest)
    try:
        summary = summarise(stored)
        assert summary.turns <= len(MEETING)
        with contextlib.suppress(SessionError):
            record, about = stored.load(), stored.metadata()
            for format in FORMATS:
                export(record, about, format)
        if name == "events.jsonl" and damage == "cut" and summary.state.active:
            repaired = store.repair(stored, [30.0])
            assert repaired is not None
            assert repaired.session.load().state is State.FAILED
            assert len(stored.load().transcript.finals) == summary.turns
    finally:
        path.write_bytes(whole)


def test_an_interrupted_session_is_repaired_and_the_loss_reported(store: Store) -> None:
    stored = store_session(store, state=None)
    lines = stored.events.read_bytes().splitlines(keepends=True)
    lines[6] = b"{}\n"
    stored.events.write_bytes(b"".join(lines)[:-20])
    stored.audio.write_bytes(stored.audio.read_bytes()[: 44 + 10 * 32_000 + 1])
    repaired = store.repair(stored, [repair(stored.audio) / 16_000])
    assert repaired is not None
    assert (repaired.recorded_s, repaired.lost_lines) == (10.0, 2)
    assert soundfile.info(stored.audio).frames == 10 * 16_000
    warning = "10 s recorded, 26 s transcribed, 16 s of audio lost, 2 lines of the journal lost"
    assert repaired.summary == warning
    record = stored.load()
    assert (record.state, record.reason) == (State.FAILED, f"The engine was killed: {warning}.")
    assert record.stats.recording_bytes == stored.audio.stat().st_size
    assert record.stats.words == sum(len(turn.text.split()) for turn in record.finals)
    # What was whole is all there, and the half line at the end is not.
    assert stored.events.read_bytes().startswith(b"".join(lines[:6]))
    assert stored.read().lost == 1


def test_a_session_used_by_another_process_is_not_repaired(store: Store) -> None:
    stored = store_session(store, state=None)
    before = stored.events.read_bytes()
    engine = stored.open_journal()
    assert store.repair(stored, [30.0]) is None
    engine.close()
    assert stored.events.read_bytes() == before
    assert store.repair(stored, [30.0]) is not None
    mended = stored.events.read_bytes()
    assert store.repair(stored, [30.0]) is None
    assert stored.events.read_bytes() == mended


@pytest.fixture
def without_rights(needs: Callable[..., None]) -> tuple[str, ...]:
    """Give the command line of the program for a person whom the system refuses files: root is refused none."""
    if os.geteuid() != 0:
        return LIVEGIST
    needs("setpriv")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search", *LIVEGIST)


def refused(program: tuple[str, ...], *words: str) -> tuple[int, str, str]:
    done = subprocess.run((*program, *words), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert not INTERNAL_ERROR.search(done.stderr), done.stderr
    return done.returncode, done.stdout, done.stderr


def test_an_unreadable_session_hides_no_other_and_blocks_no_new_one(
    store: Store, stored: StoredSession, without_rights: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_DRAIN_TIMEOUT_S", "0.5")
    closed = store_session(store, started=STARTED + timedelta(days=1))
    closed.path.chmod(0)
    try:
        code, listed, warning = refused(without_rights, "sessions")
        assert (code, warning) == (0, "")
        assert [line.split()[0] for line in listed.splitlines()] == [closed.id, stored.id]
        assert "Permission denied" in listed.splitlines()[0]
        assert refused(without_rights, "search", "connection", "pool")[::2] == (0, "")
        assert refused(without_rights, "ls")[::2] == (0, "")
        code, _, warning = refused(without_rights, "export", closed.id)
        assert code == 1
        assert warning.splitlines()[0].endswith("events.jsonl cannot be read: Permission denied.")
        assert warning.splitlines()[1].startswith("Permission denied")
        code, _, warning = refused(
            without_rights, "stream", "--url", "ws://127.0.0.1:1", "--source", "cmd:head -c 32000 /dev/zero"
        )
        assert "Nothing listens at 127.0.0.1:1." in warning
        assert code == 1
        assert len(list(store)) == 3
    finally:
        closed.path.chmod(0o700)


def test_a_read_only_folder_is_reported(stored: StoredSession, without_rights: tuple[str, ...]) -> None:
    for path in (stored.events, stored.path, sessions_dir()):
        path.chmod(0o400 if path.is_file() else 0o500)
    try:
        for words in (
            ("sessions", "tag", "last", "x"),
            ("sessions", "delete", "last", "--yes"),
            ("sessions", "compress", "last"),
            ("stream", "--url", "ws://127.0.0.1:1", "--source", "cmd:true"),
        ):
            code, _, warning = refused(without_rights, *words)
            assert code == 1
            assert "Permission denied" in warning
        assert refused(without_rights, "export", "last")[::2] == (0, "")
    finally:
        for path in (sessions_dir(), stored.path):
            path.chmod(0o700)
    assert stored.audio.exists()


def test_bytes_that_are_not_utf8_lose_only_their_line(stored: StoredSession) -> None:
    stored.events.write_bytes(stored.events.read_bytes().replace(b"Good morning", b"G\xffod morning", 1))
    (stored.path / "about.json").write_bytes(b'{"name":"St\xffndup"}')
    assert stored.read().lost == 1
    assert "about.json is damaged" in damage()
    assert len(stored.load().transcript.finals) == len(MEETING) - 1
