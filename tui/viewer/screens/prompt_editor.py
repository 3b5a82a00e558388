"""Write a prompt: its file's text, here or in the person's own editor."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import TextArea

from tui.errors import ConfigError
from tui.model.commands import PROMPT_CHARACTERS
from tui.model.prompts import parse_prompt
from tui.text import one_line
from tui.viewer.screens.dialog import show_keys
from tui.viewer.styled_text import Span
from tui.viewer.widgets.choices import Reader

TEMPLATE = '''\
name = "{name}"
turn = """
What matters in this?

{{{{turn}}}}"""
session = """
What matters in this meeting?

{{{{transcript}}}}"""
'''
"""What a new prompt begins as."""


class PromptEditor(ModalScreen[str | None]):
    """The text of a prompt that is one, or `None` if the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "write the prompt, if it is one", show=False, priority=True),
        Binding("ctrl+o", "outside", "open it in $EDITOR", show=False, priority=True),
        Binding("escape", "cancel", "leave the prompt as it is", show=False, priority=True),
        Binding("f1", "keys", "show these keys", show=False),
    ]

    def __init__(self, prompt: str, text: str) -> None:
        super().__init__()
        self._prompt = prompt
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out what is written and how to go on."""
        keys = "^s saves · ^o opens your editor · esc leaves it"
        with Vertical(classes="dialog tall"):
            yield Reader([(Span(f"{one_line(self._prompt, 40)}  ", "strong"), Span(keys, "muted"))], id="question")
            yield TextArea(self._text, id="text", compact=True)

    def action_save(self) -> None:
        """Hand the text over if it is a prompt, else say why it is none."""
        text = self.query_one(TextArea).text
        try:
            if len(text) > PROMPT_CHARACTERS:
                raise ConfigError("The prompt is too long.", f"At most {PROMPT_CHARACTERS:,} characters.")
            parse_prompt(text, self._prompt, self._prompt)
        except ConfigError as error:
            self.notify(f"{error.message}\n{error.hint}", severity="warning", timeout=15, markup=False)
            return
        self.dismiss(text)

    def action_outside(self) -> None:
        """Open the text in the person's editor and take what they leave."""
        area = self.query_one(TextArea)
        try:
            with self.app.suspend():
                area.text = edit_externally(area.text, self._prompt)
        except SuspendNotSupported:
            self.notify("This terminal cannot be handed to an editor.", severity="warning", markup=False)
        except OSError as error:
            self.notify(f"The editor cannot be started: {error}", severity="warning", markup=False)

    def action_keys(self) -> None:
        """Show the keys of the editor."""
        show_keys(self, "Editor", self.BINDINGS)

    def action_cancel(self) -> None:
        """Leave the prompt as it is."""
        self.dismiss(None)


def edit_externally(text: str, id: str) -> str:
    """Return a text as the person's `VISUAL` or `EDITOR` leaves it; blocks until that ends.

    Raises:
        OSError: it cannot be started.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="livegist-") as folder:
        path = Path(folder) / f"{id}.toml"
        path.write_text(text, encoding="utf-8")
        subprocess.run([*shlex.split(editor), str(path)], check=False)
        return path.read_text(encoding="utf-8", errors="replace")
