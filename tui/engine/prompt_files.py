"""Prompt files: load, show, write and delete them, and detect changes."""

import contextlib
import re
from pathlib import Path

from tui.errors import ConfigError, UsageError, file_error_hint
from tui.model.commands import PROMPT_CHARACTERS
from tui.model.events import PromptShown
from tui.model.prompts import PromptLibrary, parse_prompt, prompt_id
from tui.paths import private_dir, write_private

ID = re.compile(r"[^\W_][\w-]{0,63}", re.ASCII)
"""Pattern of a prompt id, which is also its file's name."""


class PromptFiles:
    """The prompt files of several folders.

    Args:
        folders: folders of prompts; a prompt in a later one replaces one of the same id. The last is the user's own and
            the only one that is written to.
    """

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders
        self._stamps: dict[Path, int] = {}

    def load(self) -> PromptLibrary:
        """Read all files and return their prompts."""
        self._stamps = self._read_stamps()
        return PromptLibrary.load(*self._folders)

    @property
    def changed(self) -> bool:
        """Whether a file was changed, added or removed since `load`."""
        return self._read_stamps() != self._stamps

    def show(self, id: str) -> PromptShown:
        """Return the text of a prompt's file.

        Raises:
            UsageError: the prompt does not exist.
            ConfigError: its file cannot be read.
        """
        for folder in reversed(self._folders):
            if (path := _file(folder, id)) is not None:
                try:
                    return PromptShown(id, path.read_text(encoding="utf-8-sig"), own=folder == self._folders[-1])
                except (OSError, UnicodeDecodeError) as error:
                    raise ConfigError(f"{path}: {error}", "Save it as UTF-8 text and make it readable.") from error
        raise UsageError(f"There is no prompt {id!r}.", "Choose one with p.")

    def write(self, id: str, text: str) -> None:
        """Write a prompt's file to the user's own folder, where it replaces a built-in prompt of the same id.

        Raises:
            UsageError: the id is not valid, or the text is too long.
            ConfigError: the text is not a valid prompt, or the file cannot be written.
        """
        if not ID.fullmatch(id):
            raise UsageError(f"{id!r} is not a valid prompt id.", "Use letters, digits and dashes.")
        if len(text) > PROMPT_CHARACTERS:
            raise UsageError("The prompt is too long.", f"At most {PROMPT_CHARACTERS:,} characters.")
        parse_prompt(text, id, id)
        own = self._folders[-1]
        path = _file(own, id) or own / f"{id}.toml"
        try:
            private_dir(own)
            write_private(path, text.encode())
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error.strerror or error}.", file_error_hint(error)
            ) from error

    def delete(self, id: str) -> None:
        """Delete the user's own file of a prompt; a built-in prompt of the same id becomes visible again.

        Raises:
            UsageError: the prompt does not exist, or is built in.
            ConfigError: its file cannot be read or deleted.
        """
        path = _file(self._folders[-1], id)
        if path is None:
            # Raises if there is no such prompt at all.
            self.show(id)
            raise UsageError(f"{id} is a built-in prompt.", "Only your own prompts can be deleted.")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be deleted: {error.strerror or error}.", file_error_hint(error)
            ) from error

    def _read_stamps(self) -> dict[Path, int]:
        stamps: dict[Path, int] = {}
        for folder in self._folders:
            for path in folder.glob("*.toml"):
                with contextlib.suppress(OSError):
                    stamps[path] = path.stat().st_mtime_ns
        return stamps


def _file(folder: Path, id: str) -> Path | None:
    """Return the file of the prompt with that id, or `None`."""
    return next((path for path in sorted(folder.glob("*.toml"), reverse=True) if prompt_id(path) == id), None)
