"""Decoding PCM from a client, and the window of samples that is kept."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.pcm import PcmDecoder, SampleWindow


@given(st.lists(st.integers(1, 500), min_size=1, max_size=30), st.integers(0, 4000), st.integers(0, 4000))
def test_a_sample_window_reads_what_was_appended_to_it(lengths: list[int], start: int, length: int) -> None:
    window, whole = SampleWindow(), np.arange(sum(lengths)).astype(np.int16)
    for end, block in zip(np.cumsum(lengths), lengths, strict=True):
        window.append(whole[end - block : end])
    window.drop(start)
    assert window.start <= start
    got = window.read(start, start + length) * 32_768
    assert got.tolist() == whole[start : start + length].tolist()


def test_half_a_sample_waits_for_its_other_half() -> None:
    decoder = PcmDecoder("pcm_s16le", 16_000)
    samples = np.arange(-400, 400, dtype=np.int16)
    wire = samples.astype("<i2").tobytes()
    assert [*decoder.decode(wire[:301])[0], *decoder.decode(wire[301:])[0]] == samples.tolist()


def test_resampling_keeps_the_clock() -> None:
    decoder = PcmDecoder("pcm_s16le", 48_000)
    got = sum(len(decoder.decode(bytes(4800 * 2))[0]) for _ in range(20)) + len(decoder.flush())
    assert abs(got - 32_000) <= 2


def test_mulaw_is_decoded_as_g711_says() -> None:
    samples, _ = PcmDecoder("pcm_mulaw", 16_000).decode(bytes([0x00, 0x80, 0xFF, 0x7F, 0xCE]))
    assert samples.tolist() == [-32_124, 32_124, 0, 0, 988]
