"""Files on standard input that must not be taken for raw audio, and raw audio that must not be taken for a file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.media import write_container
from tui.audio import wav
from tui.audio.file_format import file_format

NOISE = np.random.default_rng(1).integers(-9000, 9000, 16_000).astype("<i2").tobytes()
MP3_FRAME = b"\xff\xfb\x90\x64"
ADTS_FRAME = b"\xff\xf1\x50\x80\x02\x1f\xfc"


@pytest.mark.parametrize(
    ("ending", "codec", "rate", "name"),
    [
        ("mp3", "libmp3lame", 44_100, "MP3"),
        ("aac", "aac", 44_100, "AAC"),
        ("m4a", "aac", 44_100, "MP4"),
        ("ogg", "libopus", 48_000, "Ogg"),
        ("webm", "libopus", 48_000, "Matroska or WebM"),
        ("flac", "flac", 44_100, "FLAC"),
        ("w64", "pcm_s16le", 44_100, "Wave64"),
        ("au", "pcm_s16be", 44_100, "AU"),
        ("caf", "pcm_s16be", 44_100, "CAF"),
    ],
)
def test_a_file_is_recognised_by_its_first_bytes(tmp_path: Path, ending: str, codec: str, rate: int, name: str) -> None:
    file = write_container(tmp_path / f"sound.{ending}", NOISE, codec, rate=rate).read_bytes()
    assert file_format(file[:16_384]) == name


@pytest.mark.parametrize(("rate", "sync"), [(44_100, b"\xff\xfb"), (16_000, b"\xff\xf3"), (8_000, b"\xff\xe3")])
def test_an_mp3_without_tags_is_recognised_by_its_frames(tmp_path: Path, rate: int, sync: bytes) -> None:
    file = write_container(tmp_path / "sound.mp3", NOISE, "libmp3lame", rate=rate).read_bytes()
    frames = file[file.index(sync) :]
    assert file_format(frames) == "MP3"


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<title>404</title>", b"\n <HTML><body>"])
def test_a_web_page_in_place_of_a_file_is_recognised(page: bytes) -> None:
    assert file_format(page) == "a web page"


@pytest.mark.parametrize("start", [b"\xff", MP3_FRAME, ADTS_FRAME, wav.header(16_000, 0)])
def test_raw_audio_may_begin_with_the_bytes_of_one_frame(start: bytes) -> None:
    assert file_format(start.ljust(3_000, b"\1")) == ""


@pytest.mark.parametrize("start", [b"", b"fLa", b"\0\0\0\x1cfty", MP3_FRAME.ljust(400, b"\1"), ADTS_FRAME.ljust(12)])
def test_more_bytes_are_needed_only_where_these_leave_it_open(start: bytes) -> None:
    assert file_format(start) is None
    assert file_format(bytes(12)) == ""


@given(st.binary(max_size=200))
def test_any_bytes_can_be_judged(start: bytes) -> None:
    for first in (b"", MP3_FRAME, ADTS_FRAME):
        assert file_format(first + start) is None or isinstance(file_format(first + start), str)
