"""WAV headers, compared with those of libsndfile."""

import io
import wave

import numpy as np
import pytest
import soundfile

from tui.audio.wav import Format, InvalidWavError, header, is_unfinished, parse


def write_wav(subtype: str, channels: int = 2, file_format: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((100, channels)), 44_100, subtype, format=file_format)
    return file.getvalue()


@pytest.mark.parametrize(
    ("subtype", "encoding"),
    [("PCM_U8", "u8"), ("PCM_16", "s16"), ("PCM_24", "s24"), ("PCM_32", "s32"), ("FLOAT", "f32"), ("DOUBLE", "f64")],
)
@pytest.mark.parametrize("file_format", ["WAV", "WAVEX"])
def test_wav_files_of_libsndfile_are_read(subtype: str, encoding: str, file_format: str) -> None:
    found = parse(write_wav(subtype, file_format=file_format))
    assert found is not None
    assert (found.format.sample_rate, found.format.channels, found.format.encoding) == (44_100, 2, encoding)
    assert found.size == 100 * found.format.frame_bytes


def test_our_header_is_understood_by_others_and_by_us() -> None:
    with wave.open(io.BytesIO(header(16_000, 640) + bytes(640))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes()) == (16_000, 1, 2, 320)
    found = parse(header(16_000, 640))
    assert found is not None
    assert found.format == Format(16_000)


def test_an_incomplete_header_needs_more_bytes() -> None:
    whole = write_wav("PCM_24")
    found = parse(whole)
    assert found is not None
    assert all(parse(whole[:length]) is None for length in range(found.offset))


def test_a_size_nobody_knows_means_until_the_end() -> None:
    for size in (0, 0xFFFF_FFFF):
        found = parse(header(16_000, 0)[:-4] + size.to_bytes(4, "little"))
        assert found is not None
        assert found.size is None


def test_a_wav_is_unfinished_if_audio_follows_a_size_of_zero() -> None:
    unfinished = header(16_000, 0)
    assert is_unfinished(unfinished, len(unfinished) + 100)
    assert not is_unfinished(unfinished, len(unfinished)), "it has no audio"
    assert not is_unfinished(header(16_000, 100), 144)
    assert not is_unfinished(unfinished[:20], 1000)
    with_chunk_after = (44 + 12 - 8).to_bytes(4, "little")
    assert not is_unfinished(unfinished[:4] + with_chunk_after + unfinished[8:], 44 + 12), "its sizes are right"


def test_a_recording_past_four_gib_keeps_a_valid_header() -> None:
    assert parse(header(16_000, 5 << 30)) is not None


@pytest.mark.parametrize("start", [b"fLaC", b"RIFF\0\0\0\0AVI ", b"RIFX", b"\0"])
def test_bytes_that_are_not_a_wav_are_rejected_at_once(start: bytes) -> None:
    with pytest.raises(InvalidWavError, match="does not start with RIFF"):
        parse(start)


def test_a_compressed_wav_is_refused_with_its_encoding() -> None:
    with pytest.raises(InvalidWavError, match="not plain PCM"):
        parse(write_wav("ULAW"))
