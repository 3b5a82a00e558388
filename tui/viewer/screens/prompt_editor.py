"""Prompt editor: the text of a prompt file, edited in the dashboard or in an external editor."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import TextArea

from tui.errors import ConfigError
from tui.model.commands import PROMPT_CHARACTERS
from tui.model.prompts import parse_prompt
from tui.text import one_line
from tui.viewer.screens.dialog import show_keys
from tui.viewer.widgets.box import Box

TEMPLATE = '''\
name = "{name}"
turn = """
What matters in this?

{{{{turn}}}}"""
session = """
What matters in this meeting?

{{{{transcript}}}}"""
'''
"""Text of a new prompt file."""


class PromptEditor(ModalScreen[str | None]):
    """A text area with a prompt file. Its result is a valid text, or `None` if it was cancelled.

    Args:
        prompt: id of the prompt.
        text: text of its file.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "save the prompt, if it is valid", show=False, priority=True),
        Binding("ctrl+o", "edit_externally", "open the text in $VISUAL or $EDITOR", show=False, priority=True),
        Binding("escape", "cancel", "cancel: discard the changes", show=False, priority=True),
        Binding("f1", "keys", "show these keys", show=False),
    ]

    def __init__(self, prompt: str, text: str) -> None:
        super().__init__()
        self._prompt = prompt
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out the title with the keys, and the text area."""
        with Box(f"Prompt {one_line(self._prompt, 40)}", "^s save · ^o your editor · esc cancel", classes="tall"):
            yield TextArea(self._text, id="text", compact=True)

    def action_save(self) -> None:
        """Return the text if it is a valid prompt, else notify the error."""
        text = self.query_one(TextArea).text
        try:
            if len(text) > PROMPT_CHARACTERS:
                raise ConfigError("The prompt is too long.", f"At most {PROMPT_CHARACTERS:,} characters.")
            parse_prompt(text, self._prompt, self._prompt)
        except ConfigError as error:
            self.notify(f"{error.message}\n{error.hint}", severity="warning", timeout=15, markup=False)
            return
        self.dismiss(text)

    def action_edit_externally(self) -> None:
        """Open the text in the external editor and load its result."""
        area = self.query_one(TextArea)
        try:
            with self.app.suspend():
                area.text = edit_externally(area.text, self._prompt)
        except SuspendNotSupported:
            self.notify("This terminal cannot be suspended for an editor.", severity="warning", markup=False)
        except OSError as error:
            self.notify(f"Editor not started: {error}. Set VISUAL or EDITOR.", severity="warning", markup=False)

    def action_keys(self) -> None:
        """Show the keys of the editor."""
        show_keys(self, "Editor", self.BINDINGS)

    def action_cancel(self) -> None:
        """Close the editor without changes."""
        self.dismiss(None)


def edit_externally(text: str, id: str) -> str:
    """Return a text as edited in `VISUAL`, `EDITOR` or vi; blocks until the editor ends.

    Args:
        text: the text to edit.
        id: name of the temporary file.

    Raises:
        OSError: the editor cannot be started.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="livegist-") as folder:
        path = Path(folder) / f"{id}.toml"
        path.write_text(text, encoding="utf-8")
        subprocess.run([*shlex.split(editor), str(path)], check=False)
        return path.read_text(encoding="utf-8", errors="replace")
