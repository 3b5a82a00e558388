"""Metadata of a session: name, tags and note, in `about.json` beside the journal.

The metadata has its own file because the engine locks the journal during a session, and journals are append-only.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from tui.errors import SessionError, file_error_hint
from tui.file_lock import locked
from tui.paths import write_private
from tui.text import file_text

METADATA_FILE = "about.json"


class SessionMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """Name, tags and note of a session."""

    name: str = ""
    tags: tuple[str, ...] = ()
    """In alphabetical order, without `#`."""
    note: str = ""
    version_of: str = ""
    """Id of the session whose recording this session transcribes again; empty for an original session."""

    def with_tags(self, *tags: str) -> "SessionMetadata":
        """Return the metadata with the tags added."""
        return msgspec.structs.replace(self, tags=tuple(sorted({*self.tags, *map(normalise_tag, tags)} - {""})))

    def without_tags(self, *tags: str) -> "SessionMetadata":
        """Return the metadata with the tags removed."""
        return msgspec.structs.replace(self, tags=tuple(sorted({*self.tags} - {*map(normalise_tag, tags)})))


def normalise_tag(tag: str) -> str:
    """Return a tag as one word without `#`; empty if it has no visible characters."""
    return "-".join(file_text(tag.removeprefix("#")).split())


def clean_line(text: str) -> str:
    """Return typed text as one line without control characters."""
    return " ".join(file_text(text).split())


def clean_lines(text: str) -> str:
    """Return typed text as lines without control characters."""
    return "\n".join(file_text(line).rstrip() for line in text.strip().splitlines())


def read_metadata(folder: Path) -> SessionMetadata:
    """Return the metadata of the session in `folder`; empty if there is no metadata file.

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
        raise SessionError(
            f"{path} is damaged: {error}.", "Repair the file, or delete it to remove the name, tags and note."
        ) from error


def read_metadata_or_empty(folder: Path) -> SessionMetadata:
    """Return the metadata of the session in `folder`; empty if it cannot be read."""
    try:
        return read_metadata(folder)
    except SessionError:
        return SessionMetadata()


def update_metadata(folder: Path, change: Callable[[SessionMetadata], SessionMetadata]) -> SessionMetadata:
    """Apply `change` to the metadata of the session in `folder`; return the result.

    A lock serialises the changes of several processes.

    Raises:
        SessionError: the metadata cannot be read or written; the file is unchanged.
    """
    path = folder / METADATA_FILE
    try:
        with locked(folder):
            metadata = change(read_metadata(folder))
            write_private(path, msgspec.json.encode(metadata) + b"\n")
    except OSError as error:
        raise SessionError(f"{path} cannot be written: {error.strerror}.", file_error_hint(error)) from error

    return metadata
