"""The catalogue of speech models against what faster-whisper and onnx-asr know."""

from typing import get_args

import pytest
from faster_whisper.utils import _MODELS
from onnx_asr.loader import AsrNames
from onnx_asr.resolver import model_repos

from tui.errors import UsageError
from tui.gateway.model_catalogue import ALIASES, CATALOGUE, known


def test_every_model_of_faster_whisper_has_its_repository() -> None:
    ours = {name: model.repository for name, model in CATALOGUE.items() if model.engine == "whisper"}
    assert ours | {alias: ours[name] for alias, name in ALIASES.items()} == _MODELS


def test_every_model_of_onnx_asr_has_its_repository() -> None:
    ours = {name: model.repository for name, model in CATALOGUE.items() if model.engine == "onnx"}
    assert ours == {name: model_repos.get(name, name) for name in get_args(AsrNames)}


def test_a_name_may_ask_for_a_quantization() -> None:
    model, quantization = known("nemo-canary-1b-v2:int8")
    assert (model.name, quantization) == ("nemo-canary-1b-v2", "int8")
    assert known("turbo")[0].name == "large-v3-turbo"
    assert known("someone/model:int8")[0].repository == "someone/model"


@pytest.mark.parametrize("name", ["", "moon", "/nowhere", "./nowhere", "a/b/c", "~/x", "../x", ":int8"])
def test_a_name_that_is_no_model_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="Unknown speech model"):
        known(name)
