"""New prompts, and changes to those there are, on their way from the picker to the engine."""

import re
from collections.abc import Callable

from textual.screen import Screen

from tui.model.commands import DeletePrompt, ShowPrompt, WritePrompt
from tui.model.events import PromptShown
from tui.viewer.messages import CommandRequested, PromptChange, PromptChangeKind


class PromptActions(Screen[None]):
    """A screen from which prompts are written."""

    _copy_to = ""
    """Id of the prompt that what is shown next is to become; empty for its own."""

    def change_prompt(self, change: PromptChange) -> None:
        """Begin what a person wants of a prompt."""
        match change.kind:
            case PromptChangeKind.NEW:
                self._ask_id("", self._begin)
            case PromptChangeKind.EDIT:
                self._fetch(change.prompt, change.prompt)
            case PromptChangeKind.DUPLICATE:
                self._ask_id(f"{change.prompt}-2", lambda new: self._fetch(change.prompt, new))
            case PromptChangeKind.DELETE:
                self._confirm_delete(change.prompt)

    def show_prompt(self, shown: PromptShown) -> None:
        """Open what the engine tells of a prompt's file."""
        self._edit(self._copy_to or shown.prompt, shown.text)
        self._copy_to = ""

    def _fetch(self, prompt: str, to: str) -> None:
        self._copy_to = to
        self.post_message(CommandRequested(ShowPrompt(prompt)))

    def _begin(self, id: str) -> None:
        from tui.viewer.screens.prompt_editor import TEMPLATE

        self._edit(id, TEMPLATE.format(name=id.replace("-", " ").capitalize()))

    def _edit(self, id: str, text: str) -> None:
        from tui.viewer.screens.prompt_editor import PromptEditor

        def write(written: str | None) -> None:
            if written is not None:
                self.post_message(CommandRequested(WritePrompt(id, written)))

        self.app.push_screen(PromptEditor(id, text), write)

    def _ask_id(self, begun: str, then: Callable[[str], None]) -> None:
        from tui.viewer.screens.text_input import TextInputScreen

        def take(written: str | None) -> None:
            if written:
                then(re.sub(r"\s+", "-", written.lower()))

        self.app.push_screen(
            TextInputScreen("id of the new prompt: letters, digits and dashes · esc back", begun), take
        )

    def _confirm_delete(self, prompt: str) -> None:
        from tui.viewer.screens.text_input import TextInputScreen

        def sure(written: str | None) -> None:
            if written == prompt:
                self.post_message(CommandRequested(DeletePrompt(prompt)))

        self.app.push_screen(TextInputScreen(f"type {prompt} and enter to delete it · esc keeps it"), sure)
