"""The speech models that can be downloaded by a name of their own.

Their sizes are computed from their published numbers of parameters; the hub gives the exact size.
"""

from typing import Literal

import msgspec

from tui.errors import UsageError

ENGLISH = ("en",)
EUROPEAN = (
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hr", "hu"),
    *("it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "uk"),
)
"""What Parakeet TDT v3 and Canary 1B v2 know."""
RUSSIAN = ("ru",)

Engine = Literal["whisper", "onnx"]


class SpeechModel(msgspec.Struct, frozen=True):
    """A model that can be downloaded by its name."""

    name: str
    repository: str
    """Owner and name on the hub."""
    engine: Engine | None = None
    """`None` if only its files tell."""
    million_parameters: int = 0
    """0 if it was not published."""
    languages: tuple[str, ...] = ()
    """Codes; empty for some hundred."""

    @property
    def size(self) -> int:
        """Bytes to download, about: two a parameter for Whisper, four for ONNX; 0 if it is not known."""
        return self.million_parameters * 1_000_000 * (2 if self.engine == "whisper" else 4)


def _whisper(size: str, parameters: int, repository: str = "") -> SpeechModel:
    languages = ENGLISH if size.endswith(".en") or size.startswith("distil") else ()
    return SpeechModel(size, repository or f"Systran/faster-whisper-{size}", "whisper", parameters, languages)


def _distilled(size: str, parameters: int) -> SpeechModel:
    return _whisper(f"distil-{size}", parameters, f"Systran/faster-distil-whisper-{size}")


def _onnx(name: str, repository: str, parameters: int, languages: tuple[str, ...]) -> SpeechModel:
    return SpeechModel(name, repository, "onnx", parameters, languages)


CATALOGUE = {
    model.name: model
    for model in (
        _whisper("tiny.en", 39),
        _whisper("tiny", 39),
        _whisper("base.en", 74),
        _whisper("base", 74),
        _whisper("small.en", 244),
        _whisper("small", 244),
        _whisper("medium.en", 769),
        _whisper("medium", 769),
        _whisper("large-v1", 1550),
        _whisper("large-v2", 1550),
        _whisper("large-v3", 1550),
        _whisper("large-v3-turbo", 809, "mobiuslabsgmbh/faster-whisper-large-v3-turbo"),
        _distilled("small.en", 166),
        _distilled("medium.en", 394),
        _distilled("large-v2", 756),
        _distilled("large-v3", 756),
        _whisper("distil-large-v3.5", 756, "distil-whisper/distil-large-v3.5-ct2"),
        _onnx("nemo-parakeet-tdt-0.6b-v3", "istupakov/parakeet-tdt-0.6b-v3-onnx", 600, EUROPEAN),
        _onnx("nemo-parakeet-tdt-0.6b-v2", "istupakov/parakeet-tdt-0.6b-v2-onnx", 600, ENGLISH),
        _onnx("nemo-parakeet-ctc-0.6b", "istupakov/parakeet-ctc-0.6b-onnx", 600, ENGLISH),
        _onnx("nemo-parakeet-rnnt-0.6b", "istupakov/parakeet-rnnt-0.6b-onnx", 600, ENGLISH),
        _onnx("nemo-canary-1b-v2", "istupakov/canary-1b-v2-onnx", 978, EUROPEAN),
        _onnx("nemo-fastconformer-ru-ctc", "istupakov/stt_ru_fastconformer_hybrid_large_pc_onnx", 115, RUSSIAN),
        _onnx("nemo-fastconformer-ru-rnnt", "istupakov/stt_ru_fastconformer_hybrid_large_pc_onnx", 115, RUSSIAN),
        _onnx("gigaam-v2-ctc", "istupakov/gigaam-v2-onnx", 240, RUSSIAN),
        _onnx("gigaam-v2-rnnt", "istupakov/gigaam-v2-onnx", 240, RUSSIAN),
        _onnx("gigaam-v3-ctc", "istupakov/gigaam-v3-onnx", 240, RUSSIAN),
        _onnx("gigaam-v3-rnnt", "istupakov/gigaam-v3-onnx", 240, RUSSIAN),
        _onnx("gigaam-v3-e2e-ctc", "istupakov/gigaam-v3-onnx", 240, RUSSIAN),
        _onnx("gigaam-v3-e2e-rnnt", "istupakov/gigaam-v3-onnx", 240, RUSSIAN),
        _onnx("gigaam-multilingual-ctc", "istupakov/gigaam-multilingual-ctc-onnx", 0, ()),
        _onnx("gigaam-multilingual-large-ctc", "istupakov/gigaam-multilingual-large-ctc-onnx", 0, ()),
        _onnx("alphacep/vosk-model-ru", "alphacep/vosk-model-ru", 0, RUSSIAN),
        _onnx("alphacep/vosk-model-small-ru", "alphacep/vosk-model-small-ru", 0, RUSSIAN),
        _onnx("t-tech/t-one", "t-tech/t-one", 0, RUSSIAN),
        _onnx("whisper-base", "istupakov/whisper-base-onnx", 74, ()),
    )
}
"""What can be downloaded by name: the models of faster-whisper and of onnx-asr."""
ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}
"""Other names that faster-whisper has for its models."""


def known(name: str) -> tuple[SpeechModel, str | None]:
    """Return the model of a name, and the quantization that the name asks for.

    Args:
        name: of the catalogue, or OWNER/NAME on the hub; that of an ONNX model may have a quantization after a colon.

    Raises:
        UsageError: there is no model of that name.
    """
    base, _, quantization = name.partition(":")
    base = ALIASES.get(base, base)
    model = CATALOGUE.get(base) or _on_hub(base)
    if model is None:
        raise UsageError(
            f"Unknown speech model: {name}.",
            "`livegist models` lists the known ones. Or give OWNER/NAME of a model on the hub, or a model's folder.",
        )
    if quantization and model.engine == "whisper":
        raise UsageError(f"{model.name} has no quantized version.", f"Use {model.name}.")
    return model, quantization or None


def _on_hub(name: str) -> SpeechModel | None:
    owner, _, title = name.partition("/")
    return SpeechModel(name, name) if owner.isprintable() and owner.strip(".~") and title and "/" not in title else None
