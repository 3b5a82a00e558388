"""Prompt watcher: the library of prompts, reloaded whenever a file changes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tui.engine.prompt_files import PromptFiles
from tui.model.commands import DeletePrompt, ShowPrompt, WritePrompt
from tui.model.events import Event, Notice, PromptsChanged, PromptShown, Severity
from tui.model.prompt_info import PromptInfo

PROMPT_POLL_S = 1.0
"""Seconds between two checks of the prompt files."""


class PromptWatcher:
    """Loads the prompt files, and loads them again when one changes.

    Args:
        folders: folders of prompts; a prompt in a later one replaces one of the same id.
        publish: receives the new list of prompts, and a notice for each invalid file.
        in_use: returns the ids of prompts that stay in the library even if their file is deleted.
        reloaded: receives the ids of the prompts whose contents changed.
    """

    def __init__(
        self,
        folders: tuple[Path, ...],
        publish: Callable[[Event], None],
        in_use: Callable[[], tuple[str, ...]],
        reloaded: Callable[[frozenset[str]], None],
    ) -> None:
        self._files = PromptFiles(folders)
        self._publish = publish
        self._in_use = in_use
        self._reloaded = reloaded
        self.prompts = self._files.load()
        """The library of prompts; always the same object, updated in place."""

    @property
    def infos(self) -> tuple[PromptInfo, ...]:
        """The prompts as viewers receive them."""
        return self.prompts.infos

    def execute(self, command: ShowPrompt | WritePrompt | DeletePrompt) -> PromptShown | None:
        """Show, write or delete a prompt's file.

        Raises:
            UsageError: the prompt does not exist, or the change is not allowed.
            ConfigError: the text is not a valid prompt, or the file cannot be read, written or deleted.
        """
        match command:
            case ShowPrompt(prompt=prompt):
                return self._files.show(prompt)
            case WritePrompt(prompt=prompt, text=text):
                self._files.write(prompt, text)
            case DeletePrompt(prompt=prompt):
                self._files.delete(prompt)
        self.reload()
        return None

    def reload(self) -> None:
        """Load the files again, and publish the prompts and the errors in their files."""
        before = {prompt.id: prompt for prompt in self.prompts}
        self.prompts.replace_with(self._files.load(), in_use=self._in_use())
        self._publish(PromptsChanged(self.infos))
        self._reloaded(frozenset(prompt.id for prompt in self.prompts if before.get(prompt.id, prompt) != prompt))
        for problem in self.prompts.problems:
            self._publish(Notice(Severity.WARNING, problem.message, problem.hint))

    async def run(self) -> None:
        """Reload whenever a file has changed, until cancelled."""
        while True:
            await asyncio.sleep(PROMPT_POLL_S)
            if self._files.changed:
                self.reload()
