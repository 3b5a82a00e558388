"""Change a setting in the config file without touching its comments, order or other settings."""

from pathlib import Path

from tui.config.load import parse, read
from tui.config.schema import Scalar
from tui.errors import ConfigError, file_error_hint
from tui.paths import config_file, private_dir, write_private


def edit(text: str, name: str, value: Scalar | None) -> str:
    """Return the text of a config file with one setting changed.

    Args:
        text: TOML.
        name: of the setting.
        value: `None` removes the setting, which restores its default.

    Raises:
        ConfigError: the text is not valid TOML.
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
        raise ConfigError(f"The config file is not valid TOML: {error}", "Correct it in an editor first.") from error


def write(name: str, value: Scalar | None, file: Path | None = None) -> None:
    """Change a setting in the config file atomically; a symbolic link is followed.

    Args:
        name: of the setting.
        value: `None` removes the setting, which restores its default.
        file: `None` is the default one; it may be missing.

    Raises:
        ConfigError: the file cannot be read or written, or would be invalid.
    """
    target = (config_file() if file is None else file).resolve()
    text = edit(read(target), name, value)
    parse(text, target)
    try:
        if not target.parent.exists():
            private_dir(target.parent)
        _replace(target, text)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}.", file_error_hint(error)) from error


def _replace(target: Path, text: str) -> None:
    """Replace a file atomically; keep its permissions, or use 0600 for a new one."""
    write_private(target, text.encode(), target.stat().st_mode & 0o777 if target.exists() else 0o600)
