"""What a person says of a session: its name, tags and note, in `about.json` beside the journal.

It is a file of its own because the journal belongs to the engine while a session lives, and is only ever added to.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tui.errors import SessionError, file_error_hint
from tui.text import file_text

METADATA_FILE = "about.json"


class SessionMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person says of a session."""

    name: str = ""
    tags: tuple[str, ...] = ()
    """In alphabetical order, without the `#`."""
    note: str = ""
    version_of: str = ""
    """Id of the session whose recording this one transcribes again; empty for a session of its own."""

    def with_tags(self, *tags: str) -> "SessionMetadata":
        """Return it with these tags, too."""
        return msgspec.structs.replace(self, tags=tuple(sorted({*self.tags, *map(normalise_tag, tags)} - {""})))

    def without_tags(self, *tags: str) -> "SessionMetadata":
        """Return it without these tags."""
        return msgspec.structs.replace(self, tags=tuple(sorted({*self.tags} - {*map(normalise_tag, tags)})))


def normalise_tag(tag: str) -> str:
    """Return a tag as it is kept: one word without the `#`, empty if nothing of it can be seen."""
    return "-".join(file_text(tag.removeprefix("#")).split())


def clean_line(text: str) -> str:
    """Return what a person typed as one line of signs that can be seen."""
    return " ".join(file_text(text).split())


def clean_lines(text: str) -> str:
    """Return what a person typed as lines of signs that can be seen."""
    return "\n".join(file_text(line).rstrip() for line in text.strip().splitlines())


def read_metadata(folder: Path) -> SessionMetadata:
    """Return what was said of the session in `folder`; nothing was if there is no such file.

    Raises:
        SessionError: the file cannot be read.
    """
    path = folder / METADATA_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=SessionMetadata)
    except FileNotFoundError:
        return SessionMetadata()
    except OSError as error:
        raise SessionError(f"{path} cannot be read: {error.strerror}.", file_error_hint(error)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SessionError(f"{path} is damaged: {error}.", "Mend it, or remove it to start without a name.") from error


def read_metadata_or_empty(folder: Path) -> SessionMetadata:
    """Return what was said of the session in `folder`; nothing was if that cannot be read."""
    try:
        return read_metadata(folder)
    except SessionError:
        return SessionMetadata()


def update_metadata(folder: Path, change: Callable[[SessionMetadata], SessionMetadata]) -> SessionMetadata:
    """Replace what is said of the session in `folder` by what `change` makes of it, and return that.

    Of two processes that change it at once, the second sees what the first wrote.

    Raises:
        SessionError: it cannot be read or written; the old one stays.
    """
    path = folder / METADATA_FILE
    try:
        with _locked(folder):
            about = change(read_metadata(folder))
            _write(path, msgspec.json.encode(about) + b"\n")
    except OSError as error:
        raise SessionError(f"{path} cannot be written: {error.strerror}.", file_error_hint(error)) from error
    return about


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _write(path: Path, content: bytes) -> None:
    """Put a whole new file in the old one's place."""
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    new.replace(path)
