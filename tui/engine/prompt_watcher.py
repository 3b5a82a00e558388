"""The prompts a session may use, kept equal to their files."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tui.engine.prompt_files import PromptFiles
from tui.model.commands import DeletePrompt, ShowPrompt, WritePrompt
from tui.model.events import Event, Notice, PromptInfo, PromptsChanged, PromptShown, Severity

PROMPT_POLL_S = 1.0
"""Seconds between two looks at the prompts' files."""


class PromptWatcher:
    """Reads the prompts' files, and reads them again when one changes.

    Args:
        folders: where prompts are, the later ones before the earlier.
        publish: gets the new list of prompts, and what is wrong with a file.
        in_use: returns the ids of the prompts that stay even without a file.
        reloaded: gets the ids of the prompts that read otherwise than before.
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
        """The prompts as they are now; always the same object."""

    @property
    def infos(self) -> tuple[PromptInfo, ...]:
        """The prompts as viewers get them."""
        return tuple(PromptInfo(prompt.id, prompt.name, prompt.turn, prompt.session) for prompt in self.prompts)

    def execute(self, command: ShowPrompt | WritePrompt | DeletePrompt) -> PromptShown | None:
        """Show, write or delete a prompt's file.

        Raises:
            UsageError: there is no such file, or it cannot be changed.
            ConfigError: the file or the text is not a prompt, or the disk refuses it.
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
        """Read the files again, and publish what changed and what is wrong with them."""
        before = {prompt.id: prompt for prompt in self.prompts}
        self.prompts.replace_with(self._files.load(), in_use=self._in_use())
        self._publish(PromptsChanged(self.infos))
        self._reloaded(frozenset(prompt.id for prompt in self.prompts if before.get(prompt.id, prompt) != prompt))
        for problem in self.prompts.problems:
            self._publish(Notice(Severity.WARNING, problem.message, problem.hint))

    async def run(self) -> None:
        """Read the files again whenever one has changed, until cancelled."""
        while True:
            await asyncio.sleep(PROMPT_POLL_S)
            if self._files.changed:
                self.reload()
