"""The end-of-turn model: its features, its file, and what is said of a file that is something else."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.conftest import DATA
from tests.gateway_harness import CLIPS, RATE, read
from tests.turn_models import save_turn_model
from tui.errors import LivegistError
from tui.gateway.turn_model import FEATURES, SmartTurn, find_turn_model

REFERENCE: dict[str, Any] = json.loads((DATA / "smart_turn_reference.json").read_text())["clips"]
"""Features and probabilities computed by pipecat-ai's own code and model."""
ROUNDING = 0.1
"""The model's weights are 8-bit: a difference of 1e-6 in the features may round to another step."""


def speech(name: str) -> npt.NDArray[np.float32]:
    first, second = read(CLIPS[0]), read(CLIPS[1])
    samples = {"0870": first, "0870+0880": np.concatenate([first, second]), "0870 first 3 s": first[: 3 * RATE]}
    return samples[name].astype(np.float32) / np.float32(32_768)


@pytest.fixture
def tiny(tmp_path: Path) -> SmartTurn:
    return SmartTurn(save_turn_model(tmp_path / "tiny.onnx"))


@pytest.mark.parametrize("name", list(REFERENCE))
def test_features_are_those_of_the_original_code(tiny: SmartTurn, name: str) -> None:
    features = tiny.features(speech(name))
    assert features.shape == FEATURES
    np.testing.assert_allclose(features[::8, ::50], REFERENCE[name]["features"], atol=2e-5)


def test_a_model_is_loaded_from_its_file_and_run(tiny: SmartTurn) -> None:
    samples = speech("0870")
    mean = float(tiny.features(samples).mean())
    assert tiny.probability(samples) == pytest.approx(1 / (1 + np.exp(-mean)), abs=1e-5)


def test_only_the_last_8_seconds_count(tiny: SmartTurn) -> None:
    samples = speech("0870+0880")
    assert tiny.probability(samples) == tiny.probability(samples[-8 * RATE :])


def test_silence_is_a_probability_too(tiny: SmartTurn) -> None:
    for samples in (np.zeros(0, np.float32), np.zeros(3 * RATE, np.float32)):
        assert 0 <= tiny.probability(samples) <= 1


def test_the_original_model_distinguishes_a_finished_sentence_from_an_unfinished_one(tmp_path: Path) -> None:
    path = find_turn_model()
    if path is None:
        pytest.skip("needs pipecat-ai: pip install --no-deps pipecat-ai")
    model = SmartTurn(path)
    for name, expected in REFERENCE.items():
        assert model.probability(speech(name)) == pytest.approx(expected["probability"], abs=ROUNDING), name


def test_the_model_of_an_installed_package_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pipecat" / "audio" / "turn" / "smart_turn" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "pipecat" / "__init__.py").write_text("raise ImportError('imported')\n")
    for version in ("v3.1", "v3.2"):
        save_turn_model(folder / f"smart-turn-{version}-cpu.onnx")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pipecat", raising=False)
    assert find_turn_model() == folder / "smart-turn-v3.2-cpu.onnx"
    assert "pipecat" not in sys.modules


def test_without_the_package_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert find_turn_model() is None


def test_a_path_goes_before_the_package(tmp_path: Path) -> None:
    path = save_turn_model(tmp_path / "mine.onnx")
    assert find_turn_model(str(path)) == path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an ONNX model that can be used"),
        (b"not a model", "is not an ONNX model that can be used"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_model_is_reported_with_a_hint(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "broken.onnx"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(LivegistError) as caught:
        SmartTurn(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert "pipecat-ai" in caught.value.hint


@pytest.mark.parametrize("different", [{"input_name": "audio"}, {"shape": (80, 3000)}])
def test_another_onnx_model_is_reported_with_its_inputs(tmp_path: Path, different: dict[str, Any]) -> None:
    path = save_turn_model(tmp_path / "other.onnx", **different)
    with pytest.raises(LivegistError, match=r"not an end-of-turn model: its inputs are \w+ \(80, \d+\)"):
        SmartTurn(path)


def test_a_path_without_a_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LivegistError, match="There is no end-of-turn model") as caught:
        find_turn_model(str(tmp_path / "missing.onnx"))
    assert "pipecat-ai" in caught.value.hint
