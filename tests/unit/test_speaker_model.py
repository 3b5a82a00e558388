"""Speaker models: their features, and the embeddings of voices."""

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

from tests.gateway_harness import CLIPS, RATE, read
from tests.speaker_models import KINDS, Kind, save_voice_model
from tests.voices import READER, utterance
from tui.errors import LivegistError
from tui.gateway import onnx_graph, speaker_features, speaker_model
from tui.gateway.speaker_features import FRAME, STEP, mel_power, redimnet, speaker_3d, wespeaker
from tui.gateway.speaker_model import WINDOW, find_speaker_model, load_speaker_model
from tui.gateway.speaker_profiles import unit

SPEECH = (read(CLIPS[1]) / 32768).astype(np.float32)


def installed() -> Path:
    path = find_speaker_model()
    if path is None:
        pytest.skip("needs resemblyzer: pip install --no-deps resemblyzer")
    return path


def save_model(path: Path, shape: list[int | str], features: int) -> Path:
    """Write an ONNX model whose embedding is the mean over time of what it gets."""
    axis = shape.index("T")
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["feats"], ["embs"], axes=[axis], keepdims=0)],
        "tiny",
        [helper.make_tensor_value_info("feats", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embs", TensorProto.FLOAT, [*(size for size in shape if size != "T")])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def test_a_row_of_features_is_about_its_25_ms() -> None:
    for features, bands in ((mel_power, 41), (wespeaker, 80), (speaker_3d, 80), (redimnet, 72)):
        assert features(SPEECH[: FRAME + 9 * STEP]).shape == (10, bands)
        assert features(SPEECH[: FRAME - 1]).shape == (0, bands)
        np.testing.assert_allclose(features(SPEECH)[7:9], features(SPEECH[7 * STEP : 8 * STEP + FRAME]), rtol=1e-4)


def test_features_for_wespeaker_are_those_of_onnx_asr() -> None:
    from onnx_asr.preprocessors.numpy_preprocessor import KaldiPreprocessorNumpy

    theirs, lengths = KaldiPreprocessorNumpy("wespeaker")(SPEECH[np.newaxis], np.array([len(SPEECH)]))
    ours = wespeaker(SPEECH)
    rows = min(len(ours), int(lengths[0]))
    difference = (ours - ours.mean(axis=0))[:rows] - (theirs[0] - theirs[0].mean(axis=0))[:rows]
    assert np.abs(difference).mean() < 0.05


def test_the_features_of_resemblyzer_have_the_filters_of_whisper() -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    np.testing.assert_allclose(
        speaker_features._slaney(), FeatureExtractor.get_mel_filters(RATE, FRAME, 40).T, atol=1e-7
    )


def test_a_written_graph_is_valid_onnx() -> None:
    weights = {"w": np.ones((2, 3), np.float32), "axes": np.array([0])}
    nodes = [onnx_graph.node("Squeeze", ["x", "axes"], ["y"]), onnx_graph.node("Gemm", ["y", "w"], ["z"], transB=0)]
    content = onnx_graph.model(nodes, weights, {"x": (1, "n", 2)}, {"z": ("n", 3)})
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Squeeze", "Gemm"]


def test_one_voice_is_similar_and_two_voices_are_not() -> None:
    model = load_speaker_model(installed())

    def spoken(voice: str, number: int) -> npt.NDArray[np.float32]:
        rows = model.features(utterance(voice, number).astype(np.float32))
        return unit(model.embed([rows[at : at + WINDOW] for at in range(0, len(rows) - WINDOW, 40)]).sum(axis=0))

    voices = {voice: (spoken(voice, 0), spoken(voice, 1)) for voice in ("reader", "slt", "rms")}
    same = min(float(one @ other) for one, other in voices.values())
    different = max(float(voices[a][0] @ voices[b][1]) for a in voices for b in voices if a != b)
    assert same > 0.75 > different


def test_loudness_changes_no_embedding() -> None:
    model = load_speaker_model(installed())
    loud, soft = model.embed([model.features(SPEECH * gain)[:WINDOW] for gain in (1.0, 0.05)])
    assert loud @ soft > 0.999


@pytest.mark.parametrize(
    ("shape", "bands"),
    [(["B", "T", 80], 80), ([1, "T", 80], 80), ([1, 1, 72, "T"], 72)],
    ids=["wespeaker", "one at once", "redimnet2"],
)
def test_an_onnx_file_gets_the_features_that_its_input_requires(
    tmp_path: Path, shape: list[int | str], bands: int
) -> None:
    model = load_speaker_model(save_model(tmp_path / "voices.onnx", shape, bands))
    rows = model.features(SPEECH)
    vectors = model.embed([rows[:WINDOW], rows[40:200], rows[:50]])
    assert vectors.shape == (3, bands)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_onnx_file_separates_two_voices(tmp_path: Path, kind: Kind) -> None:
    if not shutil.which("flite"):
        pytest.skip("needs flite")
    model = load_speaker_model(save_voice_model(tmp_path / "voices.onnx", kind, (READER, "slt")))
    vectors = {}
    for voice in (READER, "slt"):
        rows = model.features(utterance(voice, 2).astype(np.float32))
        vectors[voice] = unit(model.embed([rows[at : at + WINDOW] for at in range(0, len(rows) - WINDOW, 40)]).sum(0))
        # The last window of a turn is shorter.
        assert float(model.embed([rows[:100]])[0] @ vectors[voice]) > 0.5
    assert float(vectors[READER] @ vectors["slt"]) < -0.5


def test_a_file_that_is_no_speaker_model_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a model")
    (tmp_path / "text.pt").write_text("not a model")
    paths = [tmp_path / "text.onnx", tmp_path / "text.pt", save_model(tmp_path / "other.onnx", ["B", "T", 40], 40)]
    for path in paths:
        with pytest.raises(LivegistError, match=path.name) as refused:
            load_speaker_model(path)
        assert "pip install --no-deps resemblyzer" in refused.value.hint
    with pytest.raises(LivegistError, match="There is no speaker model"):
        find_speaker_model(str(tmp_path / "missing.onnx"))


def test_without_the_package_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_model, "PACKAGE", "no_such_package")
    assert find_speaker_model() is None
