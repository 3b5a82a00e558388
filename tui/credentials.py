"""Keys: from the environment, the operating system's keyring, or a file that only its owner may read. Never a setting.

`livegist login` keeps a key. Where there is a keyring, the file says only that the key is there, so that nobody who
never logged in pays for asking the keyring.
"""

import os
import stat
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import msgspec

from tui.errors import LivegistError, UsageError
from tui.paths import config_dir, private_dir

SERVICE = "livegist"
IN_KEYRING = "@keyring"
"""What stands in the file of a key that the keyring keeps."""
REDACTED = "[key]"


class Key(Enum):
    """What a key is for: its name and the variable that comes before what is kept."""

    VENDOR = ("assemblyai", "ASSEMBLYAI_API_KEY")
    LLM = ("llm", "LIVEGIST_LLM_KEY")
    HOOK = ("hook", "LIVEGIST_HOOK_SECRET")

    def __init__(self, label: str, variable: str) -> None:
        self.label = label
        self.variable = variable

    @property
    def file(self) -> Path:
        """The file that holds it, or says that the keyring does."""
        return config_dir() / "keys" / self.label


class Credential(msgspec.Struct, frozen=True):
    """A key and where it comes from."""

    value: str
    """Never shown, logged or written, except by `keep`."""
    origin: str

    def __repr__(self) -> str:
        return f"Credential({REDACTED}, {self.origin!r})"


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment as a person's own programs get it: without our keys."""
    keys = {key.variable for key in Key}
    return {name: value for name, value in environ.items() if name not in keys}


def find(key: Key, environ: Mapping[str, str] | None = None) -> Credential | None:
    """Return a key, or `None` if there is none.

    Args:
        key: which.
        environ: the only place to look at; `None` is the process's own environment, then what is kept.

    Raises:
        LivegistError: it is kept where others may read it, or the keyring does not give it.
    """
    value = (os.environ if environ is None else environ).get(key.variable, "").strip()
    if value:
        return Credential(value, key.variable)
    if environ is not None:
        return None
    kept = _read(key)
    if kept != IN_KEYRING:
        return Credential(kept, str(key.file)) if kept else None
    return Credential(_from_keyring(key), "the keyring")


def keep(key: Key, value: str, *, in_keyring: bool) -> str:
    """Keep a key; return where.

    Raises:
        UsageError: it cannot be a key.
        LivegistError: it cannot be kept there.
    """
    value = value.strip()
    if not value or not value.isascii() or any(not sign.isprintable() or sign.isspace() for sign in value):
        raise UsageError("That is no key.", "A key is one word of letters, digits and signs.")
    if in_keyring:
        _to_keyring(key, value)
    _write(key.file, IN_KEYRING if in_keyring else value)
    return "the keyring" if in_keyring else str(key.file)


def forget(key: Key) -> bool:
    """Remove what is kept of a key; return whether there was anything.

    Raises:
        LivegistError: the keyring does not let it go.
    """
    try:
        kept = key.file.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return False
    if kept == IN_KEYRING:
        _out_of_keyring(key)
    key.file.unlink()
    return True


SAFE_PRIORITY = 1.0
"""From which priority on keyring's own documentation recommends a backend; one that writes plain text is below."""


def has_keyring(*, safe: bool) -> bool:
    """Return whether there is a keyring that keeps keys; a safe one does not write them down for all to read."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return False
    backend = keyring.get_keyring()
    if isinstance(backend, (fail.Keyring, null.Keyring)):
        return False
    return not safe or float(backend.priority) >= SAFE_PRIORITY


def redacted(text: str, *keys: str) -> str:
    """Return text from outside without keys: servers like to repeat the one they refuse."""
    for key in keys:
        if key:
            text = text.replace(key, REDACTED)
    return text


def _read(key: Key) -> str:
    try:
        found = key.file.stat()
        text = key.file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise LivegistError(f"{key.file} cannot be read: {error}", "Keep the key anew: livegist login") from error
    if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
        raise LivegistError(
            f"{key.file} holds a key and may be read by others.", f"Run: chmod 600 {key.file}, and get a new key."
        )
    return text


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    try:
        private_dir(path.parent)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(text + "\n")
        new.replace(path)
    except OSError as error:
        raise LivegistError(f"{path} cannot be written: {error.strerror}.", "Is the folder yours?") from error


def _from_keyring(key: Key) -> str:
    import keyring
    from keyring.errors import KeyringError

    try:
        value = keyring.get_password(SERVICE, key.label)
    except KeyringError as error:
        raise _refused(key, error) from error
    if not value:
        raise LivegistError(f"The keyring has no key {key.label!r} any more.", "Keep it anew: livegist login")
    return value


def _to_keyring(key: Key, value: str) -> None:
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(SERVICE, key.label, value)
    except KeyringError as error:
        raise _refused(key, error) from error


def _out_of_keyring(key: Key) -> None:
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    try:
        keyring.delete_password(SERVICE, key.label)
    except PasswordDeleteError:
        # It is gone already.
        return
    except KeyringError as error:
        raise _refused(key, error) from error


def _refused(key: Key, error: Exception) -> LivegistError:
    return LivegistError(
        f"The keyring does not answer for the key {key.label!r}: {error}",
        f"Unlock it, or use {key.variable} or: livegist login --file",
    )
