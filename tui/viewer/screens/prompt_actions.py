"""Actions that create, edit, duplicate and delete prompts."""

import re
from collections.abc import Callable

from textual.screen import Screen

from tui.model.commands import DeletePrompt, ShowPrompt, WritePrompt
from tui.model.events import PromptShown
from tui.viewer.messages import CommandRequested, PromptChange, PromptChangeKind


class PromptActions(Screen[None]):
    """A screen with actions that change the list of prompts."""

    _copy_to = ""
    """Id of the prompt that the requested text becomes; empty for the prompt itself."""

    def change_prompt(self, change: PromptChange) -> None:
        """Begin a change: ask for an id, request the prompt's text, or ask for confirmation."""
        match change.kind:
            case PromptChangeKind.NEW:
                self._ask_id("", self._edit_new)
            case PromptChangeKind.EDIT:
                self._request_text(change.prompt, change.prompt)
            case PromptChangeKind.DUPLICATE:
                self._ask_id(f"{change.prompt}-2", lambda new: self._request_text(change.prompt, new))
            case PromptChangeKind.DELETE:
                self._confirm_delete(change.prompt)

    def edit_shown_prompt(self, shown: PromptShown) -> None:
        """Open the editor with the text of a prompt that the engine has sent."""
        self._edit(self._copy_to or shown.prompt, shown.text)
        self._copy_to = ""

    def _request_text(self, prompt: str, copy_to: str) -> None:
        self._copy_to = copy_to
        self.post_message(CommandRequested(ShowPrompt(prompt)))

    def _edit_new(self, id: str) -> None:
        from tui.viewer.screens.prompt_editor import TEMPLATE

        self._edit(id, TEMPLATE.format(name=id.replace("-", " ").capitalize()))

    def _edit(self, id: str, text: str) -> None:
        from tui.viewer.screens.prompt_editor import PromptEditor

        def write(written: str | None) -> None:
            if written is not None:
                self.post_message(CommandRequested(WritePrompt(id, written)))

        self.app.push_screen(PromptEditor(id, text), write)

    def _ask_id(self, suggestion: str, on_id: Callable[[str], None]) -> None:
        from tui.viewer.screens.text_input import TextInputScreen

        def take(written: str | None) -> None:
            if written:
                on_id(re.sub(r"\s+", "-", written.lower()))

        placeholder = "id of the new prompt (letters, digits, -) · esc cancel"
        self.app.push_screen(TextInputScreen(placeholder, suggestion), take)

    def _confirm_delete(self, prompt: str) -> None:
        from tui.viewer.screens.text_input import TextInputScreen

        def delete(written: str | None) -> None:
            if written == prompt:
                self.post_message(CommandRequested(DeletePrompt(prompt)))

        self.app.push_screen(TextInputScreen(f"type {prompt} to delete it · esc cancel"), delete)
