"""Change a setting in the config file; comments, order and everything else of it stay."""

import contextlib
import os
import tempfile
from pathlib import Path

from tui import config
from tui.config import Option
from tui.errors import ConfigError
from tui.paths import config_file, private_dir


def changed(text: str, name: str, value: Option | None) -> str:
    """Return a config file's text with one setting changed; `None` takes it out, so that its default holds.

    Raises:
        ConfigError: the text is not TOML.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        if value is not None:
            document[name] = value
        elif name in document:
            del document[name]
        return tomlkit.dumps(document)
    except TOMLKitError as error:
        raise ConfigError(f"The config file is not TOML: {error}", "Mend it in an editor first.") from error


def write(name: str, value: Option | None, file: Path | None = None) -> None:
    """Change a setting in the config file, all of it or nothing; a link is followed.

    Args:
        name: of the setting.
        value: `None` takes it out.
        file: `None` is the usual one; it may be missing.

    Raises:
        ConfigError: the file cannot be read or written, or would not be a config any more.
    """
    target = (config_file() if file is None else file).resolve()
    text = changed(config.read(target), name, value)
    config.entries(text, target)
    try:
        if not target.parent.exists():
            private_dir(target.parent)
        _replace(target, text)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}", "Check whose it is.") from error


def _replace(target: Path, text: str) -> None:
    """Put a text in a file's place at once, with the rights that the file has; a new one is the person's alone."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        if target.exists():
            Path(name).chmod(target.stat().st_mode & 0o777)
        Path(name).replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
