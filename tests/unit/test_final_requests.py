"""What a final is decoded from."""

from collections.abc import Sequence

import numpy as np
import pytest

from tui.gateway.final_requests import CONTEXT, FinalRequests
from tui.gateway.open_turn import OpenTurn
from tui.gateway.pcm import SampleWindow
from tui.gateway.recogniser import RATE, Clip, RecognisedWord, Transcription


class ClipLengths:
    """A recogniser that finds one word in each second, and keeps how long the clips were."""

    name = "lengths"
    languages = ("en",)
    workers = 1

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        self.seconds += [len(clip.samples) / RATE for clip in clips]
        return [Transcription(_words(0, round(len(clip.samples) / RATE)), "en") for clip in clips]


def _words(first_s: int, last_s: int) -> tuple[RecognisedWord, ...]:
    return tuple(RecognisedWord(f"w{at}", at, at + 0.9, 1.0) for at in range(first_s, last_s))


@pytest.mark.parametrize(
    ("stretch_s", "clip_s"), [(5, 5 + CONTEXT / RATE), (25, 30), (30, 30)], ids=["short", "long", "as long as a clip"]
)
def test_a_final_is_decoded_with_as_much_context_as_fits_its_clip(stretch_s: int, clip_s: float) -> None:
    audio = SampleWindow()
    audio.append(np.zeros(RATE * (40 + stretch_s), np.int16))
    requests = FinalRequests(audio)
    requests.remember(_words(0, 40))
    recogniser = ClipLengths()
    requests.work(OpenTurn(40 * RATE, 40 * RATE), (40 + stretch_s) * RATE, ("en",), "")(recogniser)
    assert recogniser.seconds[0] == clip_s


def test_a_word_that_the_detector_misses_after_a_silence_is_in_the_final() -> None:
    audio = SampleWindow()
    audio.append(np.zeros(RATE * 20, np.int16))
    recogniser = ClipLengths()
    final = FinalRequests(audio).work(OpenTurn(12 * RATE, 12 * RATE), 16 * RATE, ("en",), "")(recogniser)
    assert recogniser.seconds == [5.0]
    assert [word.start_s for word in final.words] == [11, 12, 13, 14, 15]


def test_the_silence_before_a_first_final_takes_nothing_from_its_end() -> None:
    audio = SampleWindow()
    audio.append(np.zeros(RATE * 40, np.int16))
    for turn_s, end_s, clip_s in ((0.5, 4.0, 4.0), (5.0, 34.5, 30.0), (5.0, 36.0, 31.0)):
        recogniser = ClipLengths()
        FinalRequests(audio).work(OpenTurn(int(turn_s * RATE), 0), int(end_s * RATE), ("en",), "")(recogniser)
        assert recogniser.seconds[0] == clip_s
