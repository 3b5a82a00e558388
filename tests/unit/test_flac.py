import stat
from pathlib import Path

import pytest
import soundfile

from tests.session_fixtures import store_session, tone
from tui.errors import SessionError
from tui.sessions import flac
from tui.sessions.store import Store, StoredSession


@pytest.fixture
def stored(tmp_path: Path) -> StoredSession:
    return store_session(Store(tmp_path / "sessions"), sound_s=20.0)


def test_a_flac_contains_every_sample_and_the_wav_is_deleted(stored: StoredSession) -> None:
    wav = stored.path / "audio.wav"
    size = wav.stat().st_size
    saved = flac.compress(stored)
    samples, rate = soundfile.read(stored.audio, dtype="int16")
    assert samples.tobytes() == tone(20.0)
    assert (rate, stored.audio.name) == (16_000, "audio.flac")
    assert not wav.exists()
    assert 0 < saved == size - stored.audio.stat().st_size
    assert stat.S_IMODE(stored.audio.stat().st_mode) == 0o600


def test_a_flac_that_differs_is_discarded(stored: StoredSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy_less(wav: Path, target: Path) -> None:
        samples, rate = soundfile.read(wav, dtype="int16")
        soundfile.write(target, samples[:-1], rate, "PCM_16", format="FLAC")

    monkeypatch.setattr(flac, "_copy", copy_less)
    with pytest.raises(SessionError, match="same samples"):
        flac.compress(stored)
    assert sorted(path.name for path in stored.path.iterdir()) == ["audio.wav", "events.jsonl"]


def test_a_sample_that_differs_is_detected(stored: StoredSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy_wrong(wav: Path, target: Path) -> None:
        samples, rate = soundfile.read(wav, dtype="int16")
        samples[-1] += 1
        soundfile.write(target, samples, rate, "PCM_16", format="FLAC")

    monkeypatch.setattr(flac, "_copy", copy_wrong)
    with pytest.raises(SessionError, match="same samples"):
        flac.compress(stored)
    assert stored.audio.name == "audio.wav"


def test_a_damaged_recording_stays_as_it_is(stored: StoredSession) -> None:
    stored.audio.write_bytes(b"not a wav at all")
    with pytest.raises(SessionError, match="cannot be compressed"):
        flac.compress(stored)
    assert stored.audio.read_bytes() == b"not a wav at all"


def test_a_flac_is_not_compressed_again(stored: StoredSession) -> None:
    flac.compress(stored)
    assert flac.compress(stored) == 0


def test_an_empty_recording_stays_as_it_is(tmp_path: Path) -> None:
    stored = store_session(Store(tmp_path / "empty"), sound_s=0.0)
    assert flac.compress(stored) == 0
    assert stored.audio.name == "audio.wav"
