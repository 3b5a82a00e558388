"""Models for onnx-asr: loaded by its own code, behind the same streaming as Whisper."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.command import livegist
from tests.fake_hub import serving as hub_serving
from tests.gateway_harness import CLIPS, RATE, Message, calling, read, serving, silence
from tests.tiny_onnx import PIECES, make_canary, make_ctc, make_tdt, tones
from tui.errors import LivegistError
from tui.gateway.onnx import OnnxRecogniser, join_tokens
from tui.gateway.recogniser import Clip, RecognisedWord
from tui.gateway.speech_models import find_model

HELLO_WORLD = ("▁hello", "", "▁wor", "ld", ".")
WORLD_HELLO = ("▁wor", "ld", "▁hello", ".")
FRAME_S = 0.08
"""What the models distinguish."""

Make = Callable[[Path], Path]


def load(folder: Path) -> OnnxRecogniser:
    return OnnxRecogniser(find_model(str(folder)), threads=1)


def partial(*pieces: str, **fields: Any) -> Clip:
    return Clip(tones(*pieces), final=False, **fields)


def transcribed(recogniser: OnnxRecogniser, clip: Clip) -> tuple[RecognisedWord, ...]:
    return recogniser.transcribe([clip])[0].words


@pytest.mark.parametrize("make", [make_ctc, make_tdt])
def test_tokens_become_words_with_times_and_confidences(make: Make, tmp_path: Path) -> None:
    hello, world = transcribed(load(make(tmp_path)), Clip(tones(*HELLO_WORLD), final=True))
    assert (hello.text, world.text) == ("hello", "world.")
    # Each tone and each pause is 0.4 s long.
    assert hello.start_s == pytest.approx(0.4, abs=FRAME_S)
    assert hello.start_s < hello.end_s <= 0.8
    assert world.start_s == pytest.approx(2.0, abs=FRAME_S)
    assert 3.6 <= world.end_s <= 4.0
    assert 0.9 < hello.confidence <= 1
    assert 0.9 < world.confidence <= 1


@pytest.mark.parametrize("make", [make_ctc, make_tdt])
def test_partials_of_a_batch_are_as_they_are_alone(make: Make, tmp_path: Path) -> None:
    recogniser = load(make(tmp_path))
    clips = [partial(*HELLO_WORLD), partial(*WORLD_HELLO)]
    alone = [recogniser.transcribe([clip])[0] for clip in clips]
    assert [transcription.text for transcription in alone] == ["hello world.", "world hello."]
    assert recogniser.transcribe(clips) == alone


def test_a_model_without_times_gets_them_by_the_length_of_its_words(tmp_path: Path) -> None:
    clip = Clip(tones(*HELLO_WORLD), final=True, languages=("de",))
    guten, tag = transcribed(load(make_canary(tmp_path)), clip)
    assert (guten.text, tag.text) == ("guten", "tag.")
    begin_s, end_s = 0.4, 4.0
    assert guten.start_s == pytest.approx(begin_s, abs=0.05)
    assert tag.end_s == pytest.approx(end_s, abs=0.05)
    # "guten " has six letters of eleven.
    assert guten.end_s == tag.start_s == pytest.approx(begin_s + (end_s - begin_s) * 6 / 11, abs=0.05)


def test_a_batch_may_have_several_languages(tmp_path: Path) -> None:
    recogniser = load(make_canary(tmp_path))
    assert recogniser.languages == ("de", "en", "fr")
    clips = [partial(*HELLO_WORLD, languages=codes) for codes in (("de",), ("fr",), ("xx", "de"), ("xx",))]
    done = recogniser.transcribe(clips)
    assert [one.text for one in done] == ["guten tag.", "bonjour", "guten tag.", "good day"]
    assert [one.language for one in done] == ["de", "fr", "de", "en"]


async def turns(url: str, **query: Any) -> tuple[list[Message], list[Message]]:
    """Return the partials and finals of a spoken sentence."""
    samples = read(CLIPS[0])
    async with calling(url, **query) as caller:
        await caller.say(samples[: 3 * RATE])
        await caller.until("Turn", end_of_turn=False)
        await caller.say(np.concatenate([samples[3 * RATE :], silence(2)]))
        await caller.send("Terminate")
        await caller.ended()
    return caller.all("Turn", end_of_turn=False), caller.finals


async def test_the_gateway_streams_with_an_onnx_model(tmp_path: Path) -> None:
    with serving(model=str(make_tdt(tmp_path))) as url:
        partials, finals = await turns(url)
        health = httpx2.get(url.replace("ws", "http") + "/healthz").json()
    assert health["model"] == str(tmp_path)
    assert partials
    assert finals
    for turn in (*partials, *finals):
        times = [time for word in turn["words"] for time in (word["start"], word["end"])]
        assert times == sorted(times)
    letters = {letter for piece in PIECES[:-1] for letter in piece}
    assert set("".join(finals[0]["transcript"].split())) <= letters


async def test_the_gateway_obeys_the_language_of_a_client(tmp_path: Path) -> None:
    with serving(model=str(make_canary(tmp_path))) as url:
        _, german = await turns(url, language_codes=json.dumps(["de"]))
        _, french = await turns(url, language_codes=json.dumps(["fr"]))
    assert {word for turn in german for word in turn["transcript"].split()} == {"guten", "tag."}
    assert {turn["language_code"] for turn in german} == {"de"}
    assert {word for turn in french for word in turn["transcript"].split()} == {"bonjour"}


def test_a_quantized_model_is_found_in_a_folder(tmp_path: Path) -> None:
    model = find_model(str(make_tdt(tmp_path, "int8")))
    assert model.quantization == "int8"
    assert [word.text for word in transcribed(OnnxRecogniser(model), partial(*HELLO_WORLD))] == ["hello", "world."]


def test_models_of_the_hub_are_downloaded_by_name_and_by_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with hub_serving() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        folder = make_tdt(make_tdt(tmp_path / "model"), "int8")
        hub.add("istupakov/parakeet-tdt-0.6b-v3-onnx", folder)
        hub.add("someone/tones", make_ctc(tmp_path / "other"))
        livegist("models", "download", "nemo-parakeet-tdt-0.6b-v3:int8", says=hub.url)
        livegist("models", "download", "someone/tones", says=hub.url)
    names = {name for name, _ in hub.requests}
    assert {"encoder-model.int8.onnx", "decoder_joint-model.int8.onnx", "vocab.txt", "model.onnx"} <= names
    assert "encoder-model.onnx" not in names
    parakeet = find_model("nemo-parakeet-tdt-0.6b-v3:int8")
    assert [word.text for word in transcribed(OnnxRecogniser(parakeet), partial(*HELLO_WORLD))] == ["hello", "world."]
    assert "fr" in OnnxRecogniser(parakeet).languages
    assert [word.text for word in transcribed(load(find_model("someone/tones").folder), partial(*HELLO_WORLD))]
    with pytest.raises(LivegistError, match="is not installed"):
        find_model("nemo-parakeet-tdt-0.6b-v3")
    rows = livegist("models", says="NAME").stdout.splitlines()
    assert any(row.startswith("nemo-parakeet-tdt-0.6b-v3:int8 ") and "installed: " in row for row in rows)


def test_without_onnx_asr_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx_asr.loader", None)
    done = livegist("serve", "--model", str(make_ctc(tmp_path)), "--port", "0", code=1, says="onnx")
    assert "An ONNX speech model needs packages" in done.stderr
    assert "pip install 'livegist[onnx]'" in done.stderr


@pytest.mark.parametrize(
    ("broken", "reported"),
    [
        ("vocab.txt", "is not a speech model: it has no vocab.txt"),
        ("model.onnx", "is not a speech model: it has no model.bin, and no ONNX file"),
        ("config.json", "is not a speech model: it has no config.json"),
    ],
)
def test_a_folder_that_lacks_a_file_is_an_error_that_names_it(tmp_path: Path, broken: str, reported: str) -> None:
    (make_ctc(tmp_path) / broken).unlink()
    livegist("serve", "--model", str(tmp_path), "--port", "0", code=1, says=reported)


def test_a_type_that_onnx_asr_does_not_have_is_reported(tmp_path: Path) -> None:
    (make_ctc(tmp_path) / "config.json").write_text('{"model_type": "moon"}')
    done = livegist("serve", "--model", str(tmp_path), "--port", "0", code=1, says="moon")
    assert "model_type" in done.stderr


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (make_ctc(tmp_path) / "model.onnx").write_bytes(b"damaged")
    livegist("serve", "--model", str(tmp_path), "--port", "0", code=1, says="cannot be used")


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([" he", "llo", " wor", "ld", "."], [" hello", " world."]),
        (["h", "i", " ", "y", "o", "u"], ["hi", "you"]),
        ([" «", "да", "»", ",", " (", "нет", ")"], [" «да»,", " (нет)"]),
        ([" so", " ...", " well"], [" so ...", " well"]),
        ([" ", "-", "x"], ["-x"]),
        ([], []),
    ],
)
def test_signs_and_spaces_join_tokens_to_words(tokens: list[str], words: list[str]) -> None:
    assert ["".join(tokens[at] for at in group) for group in join_tokens(tokens)] == words
