"""What the Whisper recogniser does besides the model's work."""

import ctranslate2
import numpy as np
import pytest

from tui.gateway.whisper import first_seconds, most_likely_language, row


class OnGpu:
    """Encoded clips on a GPU, which numpy cannot read there."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        # numpy makes an array of one object of what it cannot read.
        return np.array(None, dtype=object)

    def to_device(self, device: ctranslate2.Device) -> ctranslate2.StorageView:
        assert device == ctranslate2.Device.cpu
        return ctranslate2.StorageView.from_array(self._values)


def test_one_clip_of_a_batch_is_taken_from_any_device() -> None:
    encoded = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    on_cpu = ctranslate2.StorageView.from_array(encoded)
    for at in range(3):
        for batch in (on_cpu, OnGpu(encoded)):
            assert np.array_equal(np.asarray(row(batch, at)), encoded[at : at + 1])


def test_the_decoder_gets_the_start_of_an_encoded_clip_and_at_most_all_of_it() -> None:
    encoded = np.arange(3000, dtype=np.float32).reshape(1, 1500, 2)
    for seconds, vectors in ((2.01, 101), (40.0, 1500)):
        start = np.asarray(first_seconds(ctranslate2.StorageView.from_array(encoded), seconds))
        assert np.array_equal(start, encoded[:, :vectors])


@pytest.mark.parametrize(
    ("codes", "chosen"),
    [((), ("nn", 0.5)), (("en", "de"), ("de", 0.6)), (("en",), ("en", 1.0)), (("xx",), ("nn", 0.5))],
)
def test_of_several_languages_the_likeliest_that_was_asked_for_is_taken(
    codes: tuple[str, ...], chosen: tuple[str, float]
) -> None:
    assert most_likely_language([("<|nn|>", 0.5), ("<|de|>", 0.3), ("<|en|>", 0.2)], codes) == chosen
