"""API keys: read from the environment, the system keyring, or a file with mode 0600. A key is never a setting.

`livegist login` stores a key. If the keyring holds it, the file only says so: without that file the keyring, which is
slow to load, is not queried.
"""

import os
import stat
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import msgspec

from tui.errors import LivegistError, UsageError, file_error_hint
from tui.paths import config_dir, private_dir, write_private

SERVICE = "livegist"
IN_KEYRING = "@keyring"
"""Content of the key file if the keyring holds the key."""
REDACTED = "[key]"
SERVE_TOKEN = "LIVEGIST_TOKEN"  # noqa: S105 - the variable's name
"""Environment variable with the key that clients of `livegist serve` must send. It is never stored."""


class Key(Enum):
    """Purpose of a key: its label, and the environment variable that overrides the stored key."""

    VENDOR = ("assemblyai", "ASSEMBLYAI_API_KEY")
    LLM = ("llm", "LIVEGIST_LLM_KEY")
    HOOK = ("hook", "LIVEGIST_HOOK_SECRET")
    WEB = ("web", "LIVEGIST_WEB_TOKEN")

    def __init__(self, label: str, variable: str) -> None:
        self.label = label
        self.variable = variable

    @property
    def file(self) -> Path:
        """Path of the file that holds the key or refers to the keyring."""
        return config_dir() / "keys" / self.label


class Credential(msgspec.Struct, frozen=True):
    """A key and its origin."""

    value: str
    """Never shown, logged or written, except by `store`."""
    origin: str
    """Name of the variable, path of the file, or `the keyring`."""

    def __repr__(self) -> str:
        return f"Credential({REDACTED}, {self.origin!r})"


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for programs that the user configured: without the keys of livegist."""
    keys = {SERVE_TOKEN, *(key.variable for key in Key)}
    return {name: value for name, value in environ.items() if name not in keys}


def find(key: Key, environ: Mapping[str, str] | None = None) -> Credential | None:
    """Return a key, or `None` if it is not set.

    Args:
        key: which one.
        environ: the only place to search; `None` searches the environment of the process, then the stored key.

    Raises:
        LivegistError: other users may read the key file, or the keyring does not return the key.
    """
    value = (os.environ if environ is None else environ).get(key.variable, "").strip()
    if value:
        return Credential(value, key.variable)
    if environ is not None:
        return None
    stored = _read(key)
    if stored != IN_KEYRING:
        return Credential(stored, str(key.file)) if stored else None
    return Credential(_read_keyring(key), "the keyring")


def api_key(environ: Mapping[str, str] | None = None) -> str:
    """Return the AssemblyAI key, or an empty string; see `find`."""
    found = find(Key.VENDOR, environ)
    return found.value if found else ""


def llm_key(environ: Mapping[str, str] | None = None) -> str:
    """Return the key of the server at `llm_url`, or an empty string; see `find`."""
    found = find(Key.LLM, environ)
    return found.value if found else ""


def store(key: Key, value: str, *, in_keyring: bool) -> str:
    """Store a key; return the place.

    Raises:
        UsageError: the value is not a valid key.
        LivegistError: the key cannot be stored there.
    """
    # A file may begin with a byte order mark.
    value = value.strip().removeprefix("\ufeff")
    if not value or not value.isascii() or any(not sign.isprintable() or sign.isspace() for sign in value):
        raise UsageError("Not a valid key.", "A key consists of ASCII letters, digits and punctuation, without spaces.")
    if in_keyring:
        _store_in_keyring(key, value)
    _write(key.file, IN_KEYRING if in_keyring else value)
    return "the keyring" if in_keyring else str(key.file)


def delete(key: Key) -> bool:
    """Delete a stored key; return whether there was one.

    Raises:
        LivegistError: the keyring does not delete it.
    """
    try:
        stored = key.file.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return False
    if stored == IN_KEYRING:
        _delete_from_keyring(key)
    key.file.unlink()
    return True


SAFE_PRIORITY = 1.0
"""Lowest priority of a recommended backend (documentation of keyring); backends that store plain text are below it."""


def has_keyring(*, safe: bool) -> bool:
    """Return whether a keyring is available; with `safe`, one that does not store plain text."""
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
    """Return text with the keys replaced: servers often repeat the key that they reject."""
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
        raise LivegistError(f"{key.file} cannot be read: {error}", "Store the key again: livegist login") from error
    if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
        raise LivegistError(
            f"{key.file} holds a key and can be read by other users.",
            f"Run: chmod 600 {key.file}, and replace the key.",
        )
    return text


def _write(path: Path, text: str) -> None:
    try:
        private_dir(path.parent)
        write_private(path, f"{text}\n".encode())
    except OSError as error:
        raise LivegistError(f"{path} cannot be written: {error.strerror}.", file_error_hint(error)) from error


def _read_keyring(key: Key) -> str:
    import keyring
    from keyring.errors import KeyringError

    try:
        value = keyring.get_password(SERVICE, key.label)
    except KeyringError as error:
        raise _keyring_error(key, error) from error
    if not value:
        raise LivegistError(f"The keyring no longer has the key {key.label!r}.", "Store it again: livegist login")
    return value


def _store_in_keyring(key: Key, value: str) -> None:
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(SERVICE, key.label, value)
    except KeyringError as error:
        raise _keyring_error(key, error) from error


def _delete_from_keyring(key: Key) -> None:
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    try:
        keyring.delete_password(SERVICE, key.label)
    except PasswordDeleteError:
        # Already deleted.
        return
    except KeyringError as error:
        raise _keyring_error(key, error) from error


def _keyring_error(key: Key, error: Exception) -> LivegistError:
    return LivegistError(
        f"The keyring cannot access the key {key.label!r}: {error}",
        f"Unlock the keyring, set {key.variable}, or run: livegist login --file",
    )
