"""The prompts' files: read, watched, written, deleted."""

import contextlib
import re
from pathlib import Path

from tui.errors import ConfigError, UsageError
from tui.model.commands import PROMPT_CHARACTERS
from tui.model.events import PromptShown
from tui.model.prompts import PromptLibrary, parse_prompt, prompt_id
from tui.paths import private_dir

ID = re.compile(r"[^\W_][\w-]{0,63}", re.ASCII)
"""What an id may look like: it is a file's name."""


class PromptFiles:
    """Files in folders, of which the last is the person's own.

    Args:
        folders: where prompts are, the later ones before the earlier.
    """

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders
        self._stamps: dict[Path, int] = {}

    def load(self) -> PromptLibrary:
        """Return the prompts as they are now."""
        self._stamps = self._read_stamps()
        return PromptLibrary.load(*self._folders)

    @property
    def changed(self) -> bool:
        """Whether a file has changed, come or gone since they were loaded."""
        return self._read_stamps() != self._stamps

    def show(self, id: str) -> PromptShown:
        """Return a prompt's file as it is.

        Raises:
            UsageError: there is none.
            ConfigError: it cannot be read.
        """
        for folder in reversed(self._folders):
            if (path := _file(folder, id)) is not None:
                try:
                    return PromptShown(id, path.read_text(encoding="utf-8"), own=folder == self._folders[-1])
                except (OSError, UnicodeDecodeError) as error:
                    raise ConfigError(f"{path}: {error}", "Save it as UTF-8 text that you may read.") from error
        raise UsageError(f"There is no prompt {id!r}.", "Choose one with p.")

    def write(self, id: str, text: str) -> None:
        """Write a prompt's file into the person's own folder; a bundled one stays and is hidden by it.

        Raises:
            UsageError: the id cannot be a file's name, or the text is too long.
            ConfigError: the text is no prompt, or cannot be written.
        """
        if not ID.fullmatch(id):
            raise UsageError(f"{id!r} cannot be a prompt's id.", "Use letters, digits and dashes.")
        if len(text) > PROMPT_CHARACTERS:
            raise UsageError("That prompt is too long.", f"At most {PROMPT_CHARACTERS:,} characters.")
        parse_prompt(text, id, id)
        own = self._folders[-1]
        path = _file(own, id) or own / f"{id}.toml"
        new = path.with_name(f".{path.name}.new")
        try:
            private_dir(own)
            new.write_text(text, encoding="utf-8")
            new.replace(path)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror or error}", "Check whose it is.") from error

    def delete(self, id: str) -> None:
        """Delete a prompt's file of the person's own; a bundled one of that id is there again.

        Raises:
            UsageError: there is none, or it is not the person's own.
            ConfigError: it cannot be read or deleted.
        """
        path = _file(self._folders[-1], id)
        if path is None:
            # Says so if there is no such prompt at all.
            self.show(id)
            raise UsageError(f"{id} ships with livegist.", "Only prompts of your own can be deleted.")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{path} cannot be deleted: {error.strerror or error}", "Check whose it is.") from error

    def _read_stamps(self) -> dict[Path, int]:
        found: dict[Path, int] = {}
        for folder in self._folders:
            for path in folder.glob("*.toml"):
                with contextlib.suppress(OSError):
                    found[path] = path.stat().st_mtime_ns
        return found


def _file(folder: Path, id: str) -> Path | None:
    """Return the file of the prompt with that id, `None` if there is none."""
    return next((path for path in sorted(folder.glob("*.toml"), reverse=True) if prompt_id(path) == id), None)
