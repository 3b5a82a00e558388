"""Choose a prompt: a filter, the list, and what the marked one asks."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from tui.model.commands import UseExtraPrompts
from tui.model.events import PromptInfo
from tui.text import one_line, sanitize
from tui.viewer.messages import CommandRequested, PromptChange, PromptChangeKind
from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.choices import Choices, Reader

MAX_EXTRA_PROMPTS = 3
"""Prompts that may be asked beside the one in use."""


def matching(prompts: Sequence[PromptInfo], words: str) -> list[PromptInfo]:
    """Return the prompts whose name, id or text holds every one of the words, names first."""
    wanted = words.casefold().split()
    named = [p for p in prompts if all(word in f"{p.name} {p.id}".casefold() for word in wanted)]
    told = [
        p for p in prompts if p not in named and all(word in f"{p.name} {p.id} {p.turn}".casefold() for word in wanted)
    ]
    return named + told


class Filter(Input):
    """Words to filter by; space is left to the screen."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Say which keys are written and not the screen's."""
        return key != "space" and super().check_consume_key(key, character)


class PromptPicker(Dialog[str | PromptChange | None]):
    """A prompt's id, what is to become of one, or `None` if the person thought better of it.

    Lenses are ordered as they are marked.

    Args:
        prompts: what there is to choose from.
        current: the one in use.
        lenses: those asked beside it; `None` if there is no session that could have any.
    """

    NAME = "Prompts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "the prompt above", show=False, priority=True),
        Binding("down", "step(1)", "the prompt below", show=False, priority=True),
        Binding("enter", "choose", "use the marked one from now on", show=False),
        Binding("space", "lens", "ask it beside the one in use, or no longer", show=False, priority=True),
        Binding("ctrl+n", "change('new')", "write a new one", show=False, priority=True),
        Binding("ctrl+e", "change('edit')", "edit the marked one", show=False, priority=True),
        Binding("ctrl+y", "change('duplicate')", "write a copy of the marked one", show=False, priority=True),
        Binding("ctrl+x", "change('delete')", "delete the marked one", show=False, priority=True),
        Binding("escape", "cancel", "back; the prompt in use stays", show=False, priority=True),
    ]

    def __init__(self, prompts: Sequence[PromptInfo], current: str, lenses: Sequence[str] | None = None) -> None:
        super().__init__()
        self._prompts = prompts
        self._current = current
        self._lenses = lenses
        self._found = list(prompts)

    def compose(self) -> ComposeResult:
        """Lay out the filter, the list and the preview."""
        with Vertical(classes="dialog wide"):
            yield Filter(
                placeholder="filter prompts · ↑ ↓ choose · enter use · space beside · esc back",
                id="filter",
                compact=True,
            )
            yield Choices(id="prompts")
            yield Reader([(Span("^n new · ^e edit · ^y duplicate · ^x delete", "muted"),)], id="prompt-keys")
            yield Reader(id="preview")

    def on_mount(self) -> None:
        """Mark the prompt in use."""
        at = next((at for at, prompt in enumerate(self._prompts) if prompt.id == self._current), 0)
        self._offer(at)

    @on(Input.Changed)
    def filter_prompts(self, event: Input.Changed) -> None:
        """Offer what matches."""
        found = matching(self._prompts, event.value)
        if found != self._found:
            self._found = found
            self._offer(0)

    @on(Input.Submitted)
    def choose(self) -> None:
        """Take the marked prompt."""
        self.action_choose()

    def action_choose(self) -> None:
        """Take the marked prompt."""
        marked = self.query_one(Choices).marked
        if marked < len(self._found):
            self.dismiss(self._found[marked].id)

    def action_step(self, step: int) -> None:
        """Mark another prompt."""
        self.query_one(Choices).step(step)
        self._preview()

    def action_lens(self) -> None:
        """Have the marked prompt asked beside the one in use, or no longer."""
        if self._lenses is None:
            self.notify("Prompts go beside the one in use once a session is there.", markup=False)
            return
        marked = self.query_one(Choices).marked
        if marked >= len(self._found) or (id := self._found[marked].id) == self._current:
            return
        if id not in self._lenses and len(self._lenses) >= MAX_EXTRA_PROMPTS:
            self.notify(f"At most {MAX_EXTRA_PROMPTS} go beside the one in use.", severity="warning", markup=False)
            return
        kept = tuple(lens for lens in self._lenses if lens != id)
        self._lenses = kept if id in self._lenses else (*kept, id)
        self.post_message(CommandRequested(UseExtraPrompts(self._lenses)))
        self._offer(marked)

    def action_change(self, wish: str) -> None:
        """Have a prompt written, from nothing or from the marked one, or the marked one deleted."""
        marked = self.query_one(Choices).marked
        if wish == PromptChangeKind.NEW or marked < len(self._found):
            self.dismiss(
                PromptChange(PromptChangeKind(wish), self._found[marked].id if marked < len(self._found) else "")
            )

    def _offer(self, marked: int) -> None:
        self.query_one(Choices).show([self._row(prompt) for prompt in self._found], marked)
        self._preview()

    def _row(self, prompt: PromptInfo) -> Line:
        number = self._prompts.index(prompt) + 1
        key = f"{number} " if number <= 9 else "  "
        beside = prompt.id in (self._lenses or ())
        in_use = " ● in use" if prompt.id == self._current else " ◎ beside it" if beside else ""
        return (Span(key, "accent strong"), Span(one_line(prompt.name, 60)), Span(in_use, "muted"))

    def _preview(self) -> None:
        marked = self.query_one(Choices).marked
        if not self._found:
            self.query_one("#preview", Reader).show([(Span("No prompt has these words.", "muted"),)])
            return
        prompt = self._found[marked]
        text: list[Line] = [(Span("asked of each turn", "muted"),), (Span(sanitize(prompt.turn.strip())),)]
        if prompt.session:
            text += [(), (Span("asked of the whole session", "muted"),), (Span(sanitize(prompt.session.strip())),)]
        self.query_one("#preview", Reader).show(text)
