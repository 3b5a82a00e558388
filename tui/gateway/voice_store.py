"""Known voices: names and embeddings of people whom a person asked livegist to remember, in a file of its own.

The file is readable by its owner only, and nothing in it is ever sent to another machine: only the gateway on this
machine reads it.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tui.errors import LivegistError
from tui.file_lock import locked
from tui.paths import write_private

FORMAT = 1
MAX_VOICES = 200


class StoredVoice(msgspec.Struct, frozen=True):
    """A remembered voice."""

    name: str
    model: str
    """Name of the speaker model: embeddings of two models cannot be compared."""
    vector: tuple[float, ...]
    """Of length 1."""
    remembered_at: str = ""
    """ISO 8601."""


class _File(msgspec.Struct):
    format: int = FORMAT
    voices: tuple[StoredVoice, ...] = ()


class VoiceStore:
    """The file of known voices.

    Args:
        path: the file; it may not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[StoredVoice, ...]:
        """Return the voices, in the order in which they were remembered.

        Raises:
            LivegistError: the file cannot be read, or is damaged.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File).voices
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise LivegistError(f"{self._path} cannot be read: {error.strerror}.", "Check its permissions.") from error
        except msgspec.MsgspecError as error:
            raise LivegistError(f"{self._path} is damaged: {error}.", "Delete it to forget all voices.") from error

    def remember(self, voice: StoredVoice) -> None:
        """Add a voice; it replaces one of the same name and model.

        Raises:
            LivegistError: the file cannot be read or written, or there are too many voices.
        """

        def added(voices: tuple[StoredVoice, ...]) -> tuple[StoredVoice, ...]:
            others = tuple(other for other in voices if (other.name, other.model) != (voice.name, voice.model))
            if len(others) >= MAX_VOICES:
                raise LivegistError(f"{MAX_VOICES} voices are remembered already.", "livegist speakers forget NAME")
            return (*others, voice)

        self._change(added)

    def rename(self, name: str, new_name: str) -> bool:
        """Give a voice another name; return whether there is one of that name.

        Raises:
            LivegistError: the file cannot be read or written, or the new name is taken.
        """
        found = False

        def renamed(voices: tuple[StoredVoice, ...]) -> tuple[StoredVoice, ...]:
            nonlocal found
            found = any(voice.name == name for voice in voices)
            if found and name != new_name and any(voice.name == new_name for voice in voices):
                raise LivegistError(f"There is a voice named {new_name} already.", "Choose another name.")
            return tuple(
                msgspec.structs.replace(voice, name=new_name) if voice.name == name else voice for voice in voices
            )

        self._change(renamed)
        return found

    def forget(self, name: str) -> bool:
        """Remove the voice of a name; return whether there was one.

        Raises:
            LivegistError: the file cannot be read or written.
        """
        found = False

        def without(voices: tuple[StoredVoice, ...]) -> tuple[StoredVoice, ...]:
            nonlocal found
            found = any(voice.name == name for voice in voices)
            return tuple(voice for voice in voices if voice.name != name)

        self._change(without)
        return found

    def forget_all(self) -> None:
        """Remove all voices, and the file.

        Raises:
            LivegistError: the file cannot be removed.
        """
        with self._locked():
            self._path.unlink(missing_ok=True)

    def _change(self, change: Callable[[tuple[StoredVoice, ...]], tuple[StoredVoice, ...]]) -> None:
        with self._locked():
            voices = self.load()
            changed = change(voices)
            if changed != voices:
                write_private(self._path, msgspec.json.encode(_File(voices=changed)))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self._path.parent):
                yield
        except OSError as error:
            raise LivegistError(
                f"{self._path} cannot be written: {error.strerror}.", "Check its permissions and the disk."
            ) from error
