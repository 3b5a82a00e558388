"""The onnx-asr recogniser: Parakeet, Canary, GigaAM and other models in ONNX format.

Such a model takes no prompt and no prefix, needs no context, and has one way to decode, for partials and finals.
"""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tui.errors import MissingExtraError
from tui.gateway.model_catalogue import CATALOGUE
from tui.gateway.recogniser import RATE, Clip, RecognisedWord, Transcription
from tui.gateway.speech_models import InstalledModel

if TYPE_CHECKING:
    from onnx_asr.adapters import RecognizeOptions
    from onnx_asr.asr import TimestampedResult

MIN_SAMPLES = RATE // 2
"""Shorter clips are filled up with silence: the features of some models need it."""
TOKEN_S = 0.24
"""Longest duration of a word's last token, whose end no model gives."""
UNKNOWN_CONFIDENCE = 0.5
"""For models that give no probabilities, such as Whisper in ONNX format."""
SILENCE_BELOW = 0.05
"""Level of silence at the ends of a clip, as a part of its loudest 20 ms."""
FRAME = RATE // 50
VOCABULARIES = ("vocab.txt", "added_tokens.json", "vocab.json")
"""Files in which a model that takes a language has a token for each, such as `<|de|>`."""
OPENING = tuple("([{<«“‘„¿¡#$€£")
"""Signs that belong to the word after them."""


class OnnxRecogniser:
    """A loaded ONNX model; an implementation of `Recogniser`.

    Args:
        model: a model for onnx-asr.
        device: auto, cpu or cuda.
        threads: CPU threads; 0 for one per core, at most eight.

    Raises:
        LivegistError: onnx-asr is not installed.
        ValueError, OSError, RuntimeError: the files are not such a model, or the device is missing.
    """

    workers = 1
    """One clip takes all threads."""

    def __init__(self, model: InstalledModel, device: str = "auto", threads: int = 0) -> None:
        try:
            from onnx_asr.loader import Manager
        except ModuleNotFoundError as missing:
            raise MissingExtraError("An ONNX speech model", "onnx") from missing
        import onnxruntime

        self.name = model.name
        """The model's name, as the user gave it."""
        self._selectable = _language_tokens(model)
        self.languages = _languages(model, self._selectable)
        """Codes of the languages that the model knows; empty if neither its files nor the catalogue tell."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(8, os.cpu_count() or 1)
        manager = Manager(options, _providers(device, onnxruntime.get_available_providers()))
        adapter = manager.create_asr(model.architecture, model.folder, quantization=model.quantization)
        self._model = adapter.with_timestamps()

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the text of each clip.

        Args:
            clips: one final, or several partials.

        Raises:
            RuntimeError, ValueError: the model cannot process them.
        """
        found: dict[int, Transcription] = {}
        asked = [self._language(clip) for clip in clips]
        for language in dict.fromkeys(asked):
            # A batch has one language.
            places = [place for place, code in enumerate(asked) if code == language]
            audio = [_samples(clips[place]) for place in places]
            for place, samples, result in zip(places, audio, self._recognise(audio, language), strict=True):
                duration_s = len(clips[place].samples) / RATE
                words = timed_words(result, duration_s) or spread_words(result, samples)
                found[place] = Transcription(words, language or self._reported(clips[place]))
        return [found[place] for place in range(len(clips))]

    def _recognise(self, audio: list[npt.NDArray[np.float32]], language: str | None) -> list["TimestampedResult"]:
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

        options: RecognizeOptions = {"language": language} if language else {}
        batch: list[str | Path | npt.NDArray[np.float32]] = [*audio]
        try:
            return self._model.recognize(batch, **options)
        except (AssertionError, Fail, InvalidArgument, RuntimeException) as error:
            raise RuntimeError(f"{self.name} does not process this clip: {error}") from error

    def _language(self, clip: Clip) -> str | None:
        """Return the language to set: the first that may be spoken and that the model takes; `None` to set none."""
        return next((code for code in clip.languages if code in self._selectable), None)

    def _reported(self, clip: Clip) -> str:
        """Return the language of a clip whose model does not say which it transcribed: the first that is possible."""
        possible = [code for code in clip.languages if not self.languages or code in self.languages]
        return next(iter((*possible, *(code for code in ("en", *self.languages) if code in self.languages), "en")))


def timed_words(result: "TimestampedResult", duration_s: float) -> tuple[RecognisedWord, ...]:
    """Join a model's tokens into words; return none if the model gives no times.

    A model gives only where each token begins. A word ends where the next begins, but at most `TOKEN_S` after the
    beginning of its last token, and within the clip.
    """
    if not result.timestamps or not result.tokens:
        return ()
    groups = join_tokens(result.tokens)
    starts = [min(result.timestamps[group[0]], duration_s) for group in groups]
    words = []
    for group, start_s, next_s in zip(groups, starts, [*starts[1:], duration_s], strict=True):
        end_s = max(start_s, min(next_s, result.timestamps[group[-1]] + TOKEN_S, duration_s))
        text = "".join(result.tokens[at] for at in group).strip()
        words.append(RecognisedWord(text, start_s, end_s, _confidence(result, group)))
    return tuple(words)


def spread_words(result: "TimestampedResult", samples: npt.NDArray[np.float32]) -> tuple[RecognisedWord, ...]:
    """Give the words of a model without times an estimate: the sound between the silences, shared by length in letters.

    Args:
        result: its text counts, and its probabilities if there are some.
        samples: what was transcribed.
    """
    texts = result.text.split()
    if not texts:
        return ()
    begin_s, end_s = _sound(samples)
    bounds = np.cumsum([0, *(len(text) + 1 for text in texts)])
    times = begin_s + (end_s - begin_s) * bounds / bounds[-1]
    confidence = _confidence(result, range(len(result.logprobs or ())))
    return tuple(
        RecognisedWord(text, float(start_s), float(stop_s), confidence)
        for text, start_s, stop_s in zip(texts, times, times[1:], strict=False)
    )


def join_tokens(tokens: Sequence[str]) -> list[list[int]]:
    """Return which tokens make up each word.

    A word begins with the token after a space. Signs alone, such as a full stop, belong to the word before, opening
    ones to the word after.
    """
    groups: list[list[int]] = []
    spaced, opened = True, False
    for at, token in enumerate(tokens):
        spaced = spaced or token.startswith(" ")
        sign = token.strip()
        if not sign:
            continue
        opening = sign.startswith(OPENING)
        is_word = any(map(str.isalnum, sign)) or opening
        if not groups or (spaced and is_word and not opened):
            groups.append([])
        groups[-1].append(at)
        opened = opening and not any(map(str.isalnum, sign))
        spaced = token.endswith(" ")
    return groups


def _confidence(result: "TimestampedResult", tokens: Sequence[int]) -> float:
    """Return the geometric mean of the probabilities of some tokens."""
    if not result.logprobs or not tokens:
        return UNKNOWN_CONFIDENCE
    mean = sum(result.logprobs[at] for at in tokens) / len(tokens)
    return min(1.0, math.exp(min(0.0, mean))) if math.isfinite(mean) else UNKNOWN_CONFIDENCE


def _samples(clip: Clip) -> npt.NDArray[np.float32]:
    return np.pad(clip.samples, (0, max(0, MIN_SAMPLES - len(clip.samples))))


def _sound(samples: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return where the sound of a clip begins and ends, in seconds."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    levels = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = np.flatnonzero(levels > SILENCE_BELOW * levels.max())
    if not loud.size:
        return 0.0, len(samples) / RATE
    return float(loud[0]) * FRAME / RATE, float(loud[-1] + 1) * FRAME / RATE


def _providers(device: str, available: Sequence[str]) -> list[str]:
    """Return what runs the model, the best first.

    Raises:
        ValueError: the device cannot be used.
    """
    cuda = "CUDAExecutionProvider"
    if device == "cuda" and cuda not in available:
        raise ValueError("onnxruntime was built without CUDA; install onnxruntime-gpu")
    return [*([cuda] if device != "cpu" and cuda in available else []), "CPUExecutionProvider"]


def _language_tokens(model: InstalledModel) -> frozenset[str]:
    """Return the codes of the languages that can be set."""
    text = "".join(path.read_text(encoding="utf-8") for name in VOCABULARIES if (path := model.folder / name).is_file())
    return frozenset(re.findall(r"<\|([a-z]{2})\|>", text))


def _languages(model: InstalledModel, selectable: frozenset[str]) -> tuple[str, ...]:
    entry = CATALOGUE.get(model.architecture or "")
    known = entry.languages if entry else ()
    return tuple(code for code in known if not selectable or code in selectable) or tuple(sorted(selectable))
