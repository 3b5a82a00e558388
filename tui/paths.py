"""Paths of the config, data and runtime folders.

`LIVEGIST_HOME` puts all of them under one folder. Folders are created with mode 0700.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from tui.errors import LivegistError

APP = "livegist"
PACKAGE = Path(__file__).parent
SOCKET_PATH_LIMIT = 100
"""Maximum length of a Unix socket path in bytes: `sun_path` holds 108 on Linux and 104 on macOS, with a NUL."""


def _home() -> Path | None:
    """Return the folder that the environment names for all files; `None` if it names none.

    Raises:
        LivegistError: its name is not valid text, which the files in it contain.
    """
    home = os.environ.get("LIVEGIST_HOME")
    if home and any("\ud800" <= sign <= "\udfff" for sign in home):
        raise LivegistError("The name of the folder in LIVEGIST_HOME is not valid text.", "Choose another folder.")
    return Path(home).expanduser().absolute() if home else None


def _user_dir(find: Callable[..., str]) -> Path:
    """Return a folder in the user's home.

    Raises:
        LivegistError: the home is unknown, as for a user of a container who is in no list.
    """
    try:
        return Path(find(APP, appauthor=False))
    except RuntimeError as error:
        raise LivegistError("The home folder of this user is unknown.", "Set HOME or LIVEGIST_HOME.") from error


def config_dir() -> Path:
    """Return the folder of `config.toml`, `prompts/` and `themes/`; it may not exist."""
    home = _home()
    return home / "config" if home else _user_dir(platformdirs.user_config_dir)


def config_file() -> Path:
    """Return the path of the config file; it may not exist."""
    return config_dir() / "config.toml"


def data_dir() -> Path:
    """Return the folder that holds the sessions; it may not exist."""
    home = _home()
    return home / "data" if home else _user_dir(platformdirs.user_data_dir)


def sessions_dir() -> Path:
    """Return the folder that holds one folder per session; it may not exist."""
    return data_dir() / "sessions"


def voices_file() -> Path:
    """Return the file of known voices; it may not exist."""
    return data_dir() / "voices.json"


def tls_dir() -> Path:
    """Return the folder of the certificate that `livegist serve --tls` makes; it may not exist."""
    return data_dir() / "tls"


def runtime_dir(home: Path | None = None) -> Path:
    """Create and return the folder of the engine's socket, lock and log, with mode 0700.

    Args:
        home: `LIVEGIST_HOME` of another engine; `None` for the own one.

    Raises:
        LivegistError: the folder belongs to another user, is a symbolic link, or cannot be created.
    """
    home = _home() if home is None else home
    folder = home / "run" if home else _runtime_dir()
    if len(os.fsencode(folder / "engine.sock")) > SOCKET_PATH_LIMIT:
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}-{digest}"
    try:
        private_dir(folder)
    except OSError as error:
        if home:
            raise LivegistError(
                f"{folder} cannot be created: {error.strerror or error}.", "Set LIVEGIST_HOME to a folder that you own."
            ) from error
        folder = private_dir(_temporary_dir())
    return folder


def _runtime_dir() -> Path:
    """Return the runtime folder of the login session, or a temporary folder if there is none."""
    login = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if sys.platform == "linux" and not login.is_dir():
        return _temporary_dir()
    return Path(platformdirs.user_runtime_dir(APP, appauthor=False))


def _temporary_dir() -> Path:
    return Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}"


def private_dir(folder: Path) -> Path:
    """Create and return `folder`, with mode 0700, and its missing parents.

    Raises:
        LivegistError: it belongs to another user or is a symbolic link.
    """
    if not folder.parent.exists():
        private_dir(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid():
        raise LivegistError(
            f"{folder} does not belong to you.",
            "Remove it, or set LIVEGIST_HOME to a folder that you own.",
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def write_private(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file atomically; the new one has the given mode, also where the old one or the umask allows more.

    Raises:
        OSError: it cannot be written; the old file stays.
    """
    fd, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        Path(new).replace(path)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise


def shipped(name: str) -> Path:
    """Return the bundled folder `name`, such as `themes`.

    A wheel has it inside the package, an editable install beside the package.
    """
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def log_file() -> Path:
    """Return the path of the engine's log file."""
    return runtime_dir() / "engine.log"


def demo_recording() -> Path:
    """Return the path of the bundled demo recording."""
    return PACKAGE / "demo" / "standup.flac"


def prompt_folders() -> tuple[Path, ...]:
    """Return where prompts are: those that ship with livegist, then the person's own."""
    return PACKAGE / "prompts", config_dir() / "prompts"
