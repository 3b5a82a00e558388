"""The file of known voices, and who is recognised by it."""

import stat
from pathlib import Path

import numpy as np
import pytest

from tests.unit.test_speaker_clustering import voice, windows
from tui.errors import LivegistError
from tui.gateway.speaker_profiles import KnownVoice, SpeakerProfiles
from tui.gateway.voice_store import StoredVoice, VoiceStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "voices.json"


@pytest.fixture
def store(path: Path) -> VoiceStore:
    return VoiceStore(path)


def test_a_remembered_voice_is_there_for_the_next_session_and_for_its_owner_only(path: Path, store: VoiceStore) -> None:
    assert store.load() == ()
    ann = StoredVoice("Ann", "model", (0.6, 0.8))
    store.remember(ann)
    assert VoiceStore(path).load() == (ann,)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_name_has_one_voice_of_each_model(store: VoiceStore) -> None:
    for model, vector in (("one", (1.0, 0.0)), ("two", (1.0, 0.0)), ("one", (0.0, 1.0))):
        store.remember(StoredVoice("Ann", model, vector))
    assert {(found.model, found.vector) for found in store.load()} == {("one", (0.0, 1.0)), ("two", (1.0, 0.0))}


def test_voices_are_renamed_and_forgotten(path: Path, store: VoiceStore) -> None:
    for name in ("Ann", "Bob"):
        store.remember(StoredVoice(name, "model", (1.0,)))
    assert store.rename("Ann", "Anna")
    assert not store.rename("Ann", "Anna")
    with pytest.raises(LivegistError, match="Bob already"):
        store.rename("Anna", "Bob")
    assert store.forget("Bob")
    assert not store.forget("Bob")
    assert [found.name for found in store.load()] == ["Anna"]
    store.forget_all()
    assert not path.exists()


def test_a_damaged_file_is_an_error_with_a_hint(path: Path, store: VoiceStore) -> None:
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(LivegistError, match="damaged") as damaged:
        store.load()
    assert "Delete it" in damaged.value.hint


def known(*numbers: int) -> SpeakerProfiles:
    return SpeakerProfiles(0.0, [KnownVoice(f"person {number}", voice(number)) for number in numbers])


def test_a_stored_voice_is_named_once_and_another_is_not() -> None:
    profiles = known(1, 2)
    first = profiles.start(windows(2, 4).sum(axis=0), 4.0)
    assert profiles.recognise(first) == "person 2"
    assert profiles.recognise(first) is None
    other = profiles.start(windows(5, 4).sum(axis=0), 4.0)
    assert profiles.recognise(other) is None


def test_two_speakers_never_have_one_stored_voice() -> None:
    profiles = known(1)
    assert profiles.recognise(profiles.start(windows(1, 4).sum(axis=0), 4.0)) == "person 1"
    assert profiles.recognise(profiles.start(windows(1, 4, seed=7).sum(axis=0), 4.0)) is None


def test_too_little_speech_is_neither_recognised_nor_remembered() -> None:
    profiles = known(1)
    speaker = profiles.start(windows(1, 2).sum(axis=0), 2.0)
    assert profiles.recognise(speaker) is None
    assert profiles.vector(speaker) is None
    profiles.add(speaker, windows(1, 6).sum(axis=0), 6.0)
    vector = profiles.vector(speaker)
    assert vector is not None
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
