"""Decoding Opus and AAC as clients send them."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest

from tests.compressed_speech import ENCODINGS, RATE, encoded, messages
from tui.gateway.compressed import CompressedDecoder, InvalidAudioError

SECONDS = 3
TONE = (np.sin(np.arange(SECONDS * RATE) * 2 * np.pi * 440 / RATE) * 8000).astype(np.int16)


def decode(decoder: CompressedDecoder, parts: Iterable[bytes]) -> tuple[npt.NDArray[np.int16], float]:
    """Return all samples, and their duration in ms."""
    decoded = [decoder.decode(part) for part in parts]
    return np.concatenate([*(samples for samples, _ in decoded), decoder.flush()]), sum(ms for _, ms in decoded)


def frequency(samples: npt.NDArray[np.int16]) -> float:
    """Return the strongest frequency."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [1, 333, 100_000])
def test_a_stream_is_decoded_at_its_pitch_and_length_in_pieces_of_any_size(encoding: str, size: int) -> None:
    samples, duration_ms = decode(CompressedDecoder(encoding), messages(encoding, TONE, size))
    assert abs(frequency(samples) - 440) < 2
    assert abs(len(samples) - len(TONE)) < RATE // 5
    assert abs(duration_ms - len(samples) * 1000 / RATE) < 50
    assert 4000 < np.abs(samples[RATE : 2 * RATE]).max() < 12_000


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_empty_message_is_no_sound(encoding: str) -> None:
    samples, duration_ms = CompressedDecoder(encoding).decode(b"")
    assert (len(samples), duration_ms) == (0, 0)


@pytest.mark.parametrize(("encoding", "junk"), [("opus", b"\xff" * 10), ("ogg_opus", bytes(100))])
def test_audio_in_another_encoding_is_an_error_that_names_it(encoding: str, junk: bytes) -> None:
    with pytest.raises(InvalidAudioError, match=f"^not {encoding}: "):
        CompressedDecoder(encoding).decode(junk)


def test_a_second_ogg_stream_may_follow_the_first() -> None:
    stream = encoded("ogg_opus", TONE)
    samples, _ = decode(CompressedDecoder("ogg_opus"), [stream, stream])
    assert abs(len(samples) - 2 * len(TONE)) < RATE // 5


def test_an_ogg_packet_that_never_ends_is_refused() -> None:
    page = b"OggS" + bytes(22) + bytes([255]) + b"\xff" * 255 + bytes(255 * 255)
    with pytest.raises(InvalidAudioError, match="too long"):
        CompressedDecoder("ogg_opus").decode(page * 2)
