"""Sound files and videos as sources."""

import asyncio
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.integration.source_reading import (
    CLIP,
    Pace,
    correlation,
    fast_clock,
    open_error,
    read_source,
    samples,
    speech_clip,
    write_file,
)
from tests.media import write_container, write_late_audio, write_silent_video
from tui.audio import sound_file, wav
from tui.audio.sources import open_source
from tui.errors import SourceError


@pytest.fixture(scope="module")
def speech() -> bytes:
    return speech_clip()


async def test_a_16_khz_wav_is_read_bit_for_bit(tmp_path: Path, speech: bytes) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav.header(16_000, len(speech)) + speech)
    assert await read_source(str(path)) == speech


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype"),
    [
        ("speech.wav", 44_100, 2, "PCM_24"),
        ("speech.flac", 48_000, 1, "PCM_16"),
        ("speech.ogg", 48_000, 2, "VORBIS"),
        ("speech.mp3", 24_000, 1, "MPEG_LAYER_III"),
        ("speech.aiff", 8_000, 6, "PCM_16"),
    ],
)
async def test_any_sound_file_is_resampled_to_16_khz(
    tmp_path: Path, speech: bytes, name: str, rate: int, channels: int, subtype: str
) -> None:
    sound = samples(await read_source(str(write_file(tmp_path / name, speech, rate, channels, subtype))))
    assert len(sound) == pytest.approx(32_000, abs=2_400)
    assert correlation(sound, samples(speech)) > 0.95


async def test_joined_mp3_files_are_read_to_the_end(tmp_path: Path, speech: bytes) -> None:
    one = write_container(tmp_path / "one.mp3", speech, "libmp3lame", rate=16_000)
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(one.read_bytes() * 3)
    assert len(await read_source(str(joined))) == pytest.approx(3 * len(speech), rel=0.05)


@pytest.mark.parametrize(("real", "called", "codec"), [("m4a", "mp3", "aac"), ("mp3", "wav", "libmp3lame")])
async def test_a_wrong_ending_of_the_name_misleads_nobody(
    tmp_path: Path, speech: bytes, real: str, called: str, codec: str
) -> None:
    path = write_container(tmp_path / f"sound.{real}", speech, codec).rename(tmp_path / f"sound.{called}")
    assert len(await read_source(str(path))) == pytest.approx(len(speech), rel=0.05)


async def test_a_web_page_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "talk.mp3").write_text("<!DOCTYPE html><title>404</title>")
    error = await open_error(str(tmp_path / "talk.mp3"))
    assert (error.message, error.hint) == ("talk.mp3 is a web page, not a sound file.", "Download the file again.")


async def test_a_flac_that_breaks_off_is_read_up_to_there(tmp_path: Path) -> None:
    whole = tmp_path / "whole.flac"
    frames, rate = soundfile.read(CLIP, dtype="int16")
    soundfile.write(whole, np.tile(frames, 3), rate)
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    read: list[bytes] = []

    async def read_all() -> None:
        async with open_source(str(tmp_path / "cut.flac"), clock=fast_clock()) as source:
            async for block in source:
                read.append(block)

    with pytest.raises(SourceError, match=r"cut\.flac is damaged: it was read up to 0:"):
        await read_all()
    got = samples(b"".join(read))
    assert len(got) > len(frames)
    assert np.array_equal(got, np.tile(frames, 3)[: len(got)].astype(np.float64))


async def test_a_flac_without_an_intact_block_is_an_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.flac"
    soundfile.write(whole, np.zeros(16_000, np.int16), 16_000)
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[:100])
    assert "cut.flac is not a readable sound file" in (await open_error(str(tmp_path / "cut.flac"))).message


async def test_a_file_is_read_in_real_time_and_ends(
    tmp_path: Path, speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav.header(16_000, 32_000) + speech[:32_000])
    given = 0
    pace = Pace(monkeypatch)
    start = pace.now
    async with open_source(str(path), clock=pace) as source:
        assert (source.name, source.finite, source.overflows) == ("speech.wav", True, 0)
        async for block in source:
            given += len(block) // 2
            assert 320 <= len(block) // 2 <= 800
            assert pace.now - start == pytest.approx(given / 16_000)
    assert pace.now - start == pytest.approx(1.0)


async def test_a_file_of_three_hours_starts_at_once_and_stays_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    size = 3 * 3600 * 32_000
    path.write_bytes(wav.header(16_000, size))
    os.truncate(path, wav.HEADER_BYTES + size)
    tracemalloc.start()
    try:
        async with asyncio.timeout(10), open_source(str(path)) as source:
            async for _ in source:
                break
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}


async def test_a_source_is_closed_before_its_end(tmp_path: Path, speech: bytes) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav.header(16_000, len(speech)) + speech)
    before = open_descriptors()
    async with open_source(str(path)) as source:
        async for _ in source:
            break
    assert open_descriptors() == before


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("talk.webm", "libopus"),
        ("talk.mkv", "pcm_s16le"),
        ("talk.mp4", "aac"),
        ("talk.m4a", "aac"),
        ("talk.aac", "aac"),
    ],
)
async def test_the_audio_of_a_container_is_read(
    tmp_path: Path, speech: bytes, name: str, codec: str, channels: int
) -> None:
    path = write_container(tmp_path / name, speech, codec, channels=channels)
    read, spoken = samples(await read_source(str(path))), samples(speech)
    assert len(read) == pytest.approx(32_000, abs=2_500), "a codec adds silence at the ends"
    length = 1 << 17
    delay = int(np.argmax(np.fft.irfft(np.fft.rfft(read, length) * np.fft.rfft(spoken, length).conj())))
    assert delay < 2_500
    assert correlation(read[delay:], spoken) > 0.9
    assert sound_file.duration_s(path) == pytest.approx(2.0, abs=0.1), "the progress of a transcription needs it"


@pytest.mark.parametrize("name", ["late.mkv", "late.mov"])
async def test_audio_that_starts_after_the_picture_keeps_its_time(tmp_path: Path, speech: bytes, name: str) -> None:
    path = write_late_audio(tmp_path / name, speech, start_s=5.0)
    assert await read_source(str(path)) == bytes(160_000) + speech


async def test_without_pyav_the_hint_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, speech: bytes
) -> None:
    path = write_container(tmp_path / "talk.mp4", speech, "aac")
    monkeypatch.setattr(sound_file, "is_supported", lambda: False)
    assert "pip install 'livegist[local]'" in (await open_error(str(path))).hint


async def test_a_video_without_audio_is_an_error(tmp_path: Path) -> None:
    path = write_silent_video(tmp_path / "silent.mkv")
    assert (await open_error(str(path))).message == "silent.mkv contains no audio."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("talk.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.aac\n#EXT-X-ENDLIST\n"),
        ("talk.mp4", "ffconcat version 1.0\nfile other.aac\n"),
    ],
)
async def test_a_playlist_opens_no_other_file(tmp_path: Path, speech: bytes, name: str, text: str) -> None:
    write_container(tmp_path / "other.aac", speech, "aac")
    playlist = tmp_path / name
    playlist.write_text(text)
    assert "is not a readable sound file" in (await open_error(str(playlist))).message
