"""PCM of any format becomes s16le mono at our rate."""

import io

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tui.audio import wav
from tui.audio.convert import Converter
from tui.audio.wav import Format

SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]


def tone(rate: int, channels: int = 1, seconds: float = 1.0) -> npt.NDArray[np.float32]:
    """Return a tone of 440 Hz at half of full scale, in every channel."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def convert(pcm: bytes, format: Format, cut_at: int) -> npt.NDArray[np.int16]:
    converter = Converter(format, 16_000)
    pieces = [pcm[at : at + cut_at] for at in range(0, len(pcm), cut_at)]
    made = b"".join(converter.feed(piece) for piece in pieces) + converter.feed(b"", last=True)
    return np.frombuffer(made, "<i2")


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (48_000, 2), (44_100, 1), (8_000, 6)])
def test_a_tone_comes_out_as_it_went_in(subtype: str, rate: int, channels: int) -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(rate, channels), rate, subtype, format="WAV")
    header = wav.parse(file.getvalue())
    assert header is not None
    converted = convert(file.getvalue()[header.offset :][: header.size], header.format, 1021) / 32768
    expected = tone(16_000)[:, 0]
    assert len(converted) == pytest.approx(16_000, abs=1)
    middle = slice(1_000, 15_000)
    assert np.abs(converted[middle] - expected[middle]).max() < 0.01


def test_what_is_ours_already_passes_untouched_wherever_it_is_cut() -> None:
    pcm = np.arange(-32768, 32768, 7).astype("<i2").tobytes()
    for cut_at in (1, 3, 1600):
        assert convert(pcm, Format(16_000), cut_at).tobytes() == pcm


def test_the_split_of_a_stream_does_not_change_the_output() -> None:
    pcm = (tone(48_000, 2) * 32767).astype("<i2").tobytes()
    whole = convert(pcm, Format(48_000, 2), len(pcm))
    assert np.array_equal(convert(pcm, Format(48_000, 2), 4_801), whole)


def test_sound_beyond_full_scale_is_clipped_and_never_wraps() -> None:
    pcm = np.array([2.0, -2.0, np.inf, -np.inf, np.nan], "<f4").tobytes()
    assert convert(pcm, Format(16_000, 1, "f32"), 4).tolist() == [32767, -32768, 32767, -32768, 0]


def test_the_levels_of_two_channels_are_taken_once_and_mono_has_none() -> None:
    left, right = b"\x00\x40", b"\x00\x00"
    stereo = Converter(Format(16_000, 2), 16_000)
    stereo.feed((left + right) * 800)
    assert stereo.take_levels() == ((-6.0, -6.0), (-120.0, -120.0))
    assert stereo.take_levels() == ()
    mono = Converter(Format(16_000), 16_000)
    mono.feed(left * 800)
    assert mono.take_levels() == ()


def stereo(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return both channels as they come out, in blocks of 100 ms."""
    pcm = (np.stack((left, right), axis=1) * 32767).astype("<i2").tobytes()
    return convert(pcm, Format(16_000, 2), 6400).astype(np.float64) / 32768


def test_channels_of_opposite_polarity_do_not_cancel_each_other() -> None:
    wave = tone(16_000)[:, 0]
    assert np.abs(stereo(wave, -wave) - wave).max() < 0.01
    assert np.abs(stereo(-0.9 * wave, wave) - wave).max() < 0.01


def test_channels_that_differ_are_mixed_and_so_is_silence_beside_a_voice() -> None:
    rng = np.random.default_rng(1)
    one, other = (rng.uniform(-0.4, 0.4, 16_000).astype(np.float32) for _ in range(2))
    assert np.abs(stereo(one, other) - (one + other) / 2).max() < 0.001
    assert np.abs(stereo(one, np.zeros_like(one)) - one / 2).max() < 0.001
    assert not stereo(np.zeros_like(one), np.zeros_like(one)).any()


def test_channels_are_mixed_again_when_they_no_longer_cancel() -> None:
    wave = tone(16_000, seconds=8)[:, 0]
    right = np.concatenate((-wave[:32_000], wave[32_000:] * 0.2))
    end = stereo(wave, right)[-16_000:]
    assert np.abs(end - 0.6 * wave[-16_000:]).max() < 0.01
