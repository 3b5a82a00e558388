"""Where the gateway ends turns with an end-of-turn model, whatever the pace of the audio."""

from pathlib import Path

import numpy as np
import pytest

from tests.gateway_harness import CLIPS, Samples, read, serving, silence
from tests.hard_speech import hesitating
from tests.scoring import cut_turns, live
from tests.turn_models import save_turn_model
from tui.gateway.turn_model import find_turn_model

FAST = float("inf")


def two_sentences(pause_s: float) -> Samples:
    return np.concatenate([read(CLIPS[3]), silence(pause_s), read(CLIPS[4]), silence(2.0)])


@pytest.mark.parametrize(
    ("bias", "pause_s", "turns"),
    [(100.0, 0.7, 2), (-100.0, 0.3, 1), (-100.0, 1.5, 2)],
    ids=["finished", "unfinished", "unfinished after a long silence"],
)
async def test_the_models_result_decides_how_long_a_pause_ends_a_turn(
    tmp_path: Path, bias: float, pause_s: float, turns: int
) -> None:
    model = save_turn_model(tmp_path / "model.onnx", bias=bias)
    with serving(turn_model=str(model)) as url:
        run = await live(url, two_sentences(pause_s), speed=FAST)
    assert len(run.caller.finals) == turns


async def test_a_hesitation_in_mid_sentence_does_not_end_a_turn() -> None:
    if not find_turn_model():
        pytest.skip("needs pipecat-ai: pip install --no-deps pipecat-ai")
    recording = hesitating([read(CLIPS[2])], "")
    with serving() as url:
        run = await live(url, recording.samples, speed=FAST)
    assert not cut_turns(run, recording)
    assert len(run.caller.finals) == 1
