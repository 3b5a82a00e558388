"""Prompt picker: a filter, the list of prompts, and a preview of the selected one."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.model.commands import UseExtraPrompts
from tui.model.prompt_info import PromptInfo
from tui.text import contains_all, one_line, sanitize
from tui.viewer.messages import CommandRequested, PromptChange, PromptChangeKind
from tui.viewer.screens.dialog import MORE, PREVIEW_KEYS, Dialog
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices, Reader

MAX_EXTRA_PROMPTS = 3
"""Maximum number of extra prompts of a session."""

KEYS = "enter {enter} · space extra · esc back"


def matching_prompts(prompts: Sequence[PromptInfo], words: str) -> list[PromptInfo]:
    """Return the prompts whose name, id or text contains each word: matches of name and id first, then of the text."""
    by_name = [p for p in prompts if contains_all(f"{p.name} {p.id}", words)]
    by_text = [p for p in prompts if p not in by_name and contains_all(f"{p.name} {p.id} {p.turn}", words)]
    return by_name + by_text


class Filter(Input):
    """The filter's text field, which leaves the space key to the screen."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether a key is typed into the field and not passed to the screen."""
        return key != "space" and super().check_consume_key(key, character)


class PromptPicker(Dialog[str | PromptChange | None]):
    """A list of prompts. Its result is a prompt's id, a change of a prompt, or `None` if it was cancelled.

    Extra prompts change at once.

    Args:
        prompts: all prompts.
        current: id of the prompt in use.
        extra_prompts: ids of the extra prompts; `None` without a session.
    """

    NAME = "Prompts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "previous prompt", show=False, priority=True),
        Binding("down", "step(1)", "next prompt", show=False, priority=True),
        *PREVIEW_KEYS,
        Binding(
            "enter", "choose", "use the selected prompt for new turns; after space: confirm extra prompts", show=False
        ),
        Binding("space", "toggle_extra", "add or remove it as an extra prompt", show=False, priority=True),
        Binding("ctrl+n", "change('new')", "create a prompt", show=False, priority=True),
        Binding("ctrl+e", "change('edit')", "edit the selected prompt", show=False, priority=True),
        Binding("ctrl+y", "change('duplicate')", "duplicate the selected prompt", show=False, priority=True),
        Binding("ctrl+x", "change('delete')", "delete the selected prompt", show=False, priority=True),
        Binding("escape", "cancel", "cancel: keep the prompt in use", show=False, priority=True),
    ]

    def __init__(self, prompts: Sequence[PromptInfo], current: str, extra_prompts: Sequence[str] | None = None) -> None:
        super().__init__()
        self._prompts = prompts
        self._current = current
        self._extra_prompts = extra_prompts
        self._extra_changed = False
        """Whether the extra prompts were changed in this dialog."""
        self._found = list(prompts)

    def compose(self) -> ComposeResult:
        """Lay out the filter, the list and the preview."""
        with Box("Prompts", KEYS.format(enter="use"), classes="wide"):
            yield Filter(
                placeholder="type to filter",
                id="filter",
                compact=True,
            )
            yield Choices(id="prompts")
            yield Reader([(Span("^n new · ^e edit · ^y duplicate · ^x delete", "muted"),)], id="prompt-keys")
            yield Reader(id="preview", more=MORE)

    def on_mount(self) -> None:
        """Show the prompts and select the one in use."""
        at = next((at for at, prompt in enumerate(self._prompts) if prompt.id == self._current), 0)
        self._show_prompts(at)

    @on(Input.Changed)
    def filter_prompts(self, event: Input.Changed) -> None:
        """Show the prompts that match the filter."""
        found = matching_prompts(self._prompts, event.value)
        if found != self._found:
            self._found = found
            self._show_prompts(0)

    @on(Input.Submitted)
    def choose(self) -> None:
        """Return the selected prompt, or `None` after a change of the extra prompts."""
        self.action_choose()

    def action_choose(self) -> None:
        """Return the selected prompt; `None`, to keep the one in use, after a change of extra prompts."""
        if self._extra_changed:
            self.dismiss(None)
            return
        selected = self.query_one(Choices).selected
        if selected < len(self._found):
            self.dismiss(self._found[selected].id)

    def action_step(self, step: int) -> None:
        """Select the next prompt, or the previous one if negative."""
        self.query_one(Choices).step(step)
        self._preview()

    def action_toggle_extra(self) -> None:
        """Add the selected prompt to the extra prompts, or remove it."""
        if self._extra_prompts is None:
            self.notify("Extra prompts need a session: start one first.", markup=False)
            return
        selected = self.query_one(Choices).selected
        if selected >= len(self._found):
            return
        if (id := self._found[selected].id) == self._current:
            self.notify("This prompt is in use: choose another one as an extra prompt.", markup=False)
            return
        if id not in self._extra_prompts and len(self._extra_prompts) >= MAX_EXTRA_PROMPTS:
            self.notify(
                f"A session has at most {MAX_EXTRA_PROMPTS} extra prompts. Remove one first.",
                severity="warning",
                markup=False,
            )
            return
        others = tuple(extra for extra in self._extra_prompts if extra != id)
        self._extra_prompts = others if id in self._extra_prompts else (*others, id)
        self.post_message(CommandRequested(UseExtraPrompts(self._extra_prompts)))
        self._extra_changed = True
        self.query_one(Box).show("Prompts", KEYS.format(enter="confirm"))
        self._show_prompts(selected)

    def action_change(self, kind: str) -> None:
        """Return a change of prompts: a new one, or an edit, a copy or the deletion of the selected one."""
        selected = self.query_one(Choices).selected
        if kind == PromptChangeKind.NEW or selected < len(self._found):
            self.dismiss(
                PromptChange(PromptChangeKind(kind), self._found[selected].id if selected < len(self._found) else "")
            )

    def _show_prompts(self, selected: int) -> None:
        self.query_one(Choices).show([self._row(prompt) for prompt in self._found], selected)
        self._preview()

    def _row(self, prompt: PromptInfo) -> Line:
        number = self._prompts.index(prompt) + 1
        key = f"{number} " if number <= 9 else "  "
        is_extra = prompt.id in (self._extra_prompts or ())
        in_use = " ● in use" if prompt.id == self._current else " ◎ extra" if is_extra else ""
        return (Span(key, "accent strong"), Span(one_line(prompt.name, 60)), Span(in_use, "muted"))

    def _preview(self) -> None:
        selected = self.query_one(Choices).selected
        if not self._found:
            self.query_one("#preview", Reader).show([(Span("No prompt matches the filter.", "muted"),)])
            return
        prompt = self._found[selected]
        text: list[Line] = [(Span("For each turn", "muted"),), (Span(sanitize(prompt.turn.strip())),)]
        if prompt.session:
            text += [(), (Span("For the whole session", "muted"),), (Span(sanitize(prompt.session.strip())),)]
        self.query_one("#preview", Reader).show(text)
