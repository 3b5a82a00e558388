"""Prompt selection: the prompt in use, and the library it is selected from."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from tui.config.schema import Config
from tui.engine.prompt_watcher import PromptWatcher
from tui.engine.session_slot import SessionSlot
from tui.model.commands import Option
from tui.model.events import Event, PromptChanged


class PromptSelection:
    """Selects the prompt of the active session, or of the next one.

    Args:
        folders: folders of prompts; a prompt in a later one replaces one of the same id.
        slot: the session, and the state without one.
        publish: receives the new list of prompts, and a notice for each invalid file.
    """

    def __init__(self, folders: tuple[Path, ...], slot: SessionSlot, publish: Callable[[Event], None]) -> None:
        self._slot = slot
        self.watcher = PromptWatcher(folders, publish, self._in_use, self._on_reloaded)
        self.prompts = self.watcher.prompts
        self._chosen = False
        """Whether a person selected the prompt, which takes precedence over the configured one."""
        slot.idle.prompt = next(iter(self.prompts)).id if len(self.prompts) else ""

    def use(self, id: str) -> None:
        """Use a prompt for the turns that end from now on.

        Raises:
            ConfigError: the prompt does not exist.
            UsageError: the session is still opening.
        """
        prompt = self.prompts[id]
        if self._slot.busy:
            self._slot.require_active().use_prompt(prompt.id)
        else:
            self._slot.apply(PromptChanged(prompt.id))
        self._chosen = True

    def set_configured(self, id: str) -> None:
        """Show the configured prompt before a session starts.

        Raises:
            ConfigError: the prompt does not exist.
        """
        self._slot.idle.prompt = self.prompts[id].id

    def apply_to(self, config: Config, options: Mapping[str, Option]) -> Config:
        """Return the config of a session with the prompt that was selected while no session was active."""
        if "prompt" in options or not self._chosen:
            return config
        return replace(config, prompt=self._slot.state.prompt)

    def _in_use(self) -> tuple[str, ...]:
        state = self._slot.state
        return (state.prompt, *state.extra_prompts) if self._slot.busy else ()

    def _on_reloaded(self, edited: frozenset[str]) -> None:
        """Replace a selected prompt that was deleted; apply the new text of an edited one to the active session."""
        state = self._slot.state
        if self._slot.busy:
            if self._slot.session is not None and state is not self._slot.idle and state.prompt in edited:
                self._slot.session.renew_prompt()
        elif state.prompt not in self.prompts and len(self.prompts):
            self._chosen = False
            self._slot.apply(PromptChanged(next(iter(self.prompts)).id))
