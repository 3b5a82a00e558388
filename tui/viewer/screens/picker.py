"""Choose a prompt: a filter, the list, and what the marked one asks."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.model.events import PromptInfo
from tui.viewer.inert import inert, one_line
from tui.viewer.lines import Line, Span
from tui.viewer.widgets.choices import Choices, Reader


def matching(prompts: Sequence[PromptInfo], words: str) -> list[PromptInfo]:
    """Return the prompts whose name, id or text holds every one of the words, names first."""
    wanted = words.casefold().split()
    named = [p for p in prompts if all(word in f"{p.name} {p.id}".casefold() for word in wanted)]
    told = [
        p for p in prompts if p not in named and all(word in f"{p.name} {p.id} {p.turn}".casefold() for word in wanted)
    ]
    return named + told


class PromptPicker(ModalScreen[str | None]):
    """A prompt's id, or `None` if the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("escape", "cancel", show=False, priority=True),
    ]

    def __init__(self, prompts: Sequence[PromptInfo], current: str) -> None:
        super().__init__()
        self._prompts = prompts
        self._current = current
        self._found = list(prompts)

    def compose(self) -> ComposeResult:
        """Lay out the filter, the list and the preview."""
        with Vertical(classes="dialog wide"):
            yield Input(placeholder="filter prompts · ↑ ↓ choose · enter use · esc back", id="filter", compact=True)
            yield Choices(id="prompts")
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
        marked = self.query_one(Choices).marked
        if marked < len(self._found):
            self.dismiss(self._found[marked].id)

    def action_step(self, step: int) -> None:
        """Mark another prompt."""
        self.query_one(Choices).step(step)
        self._preview()

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)

    def _offer(self, marked: int) -> None:
        self.query_one(Choices).show([self._row(prompt) for prompt in self._found], marked)
        self._preview()

    def _row(self, prompt: PromptInfo) -> Line:
        number = self._prompts.index(prompt) + 1
        key = f"{number} " if number <= 9 else "  "
        in_use = " ● in use" if prompt.id == self._current else ""
        return (Span(key, "accent strong"), Span(one_line(prompt.name, 60)), Span(in_use, "muted"))

    def _preview(self) -> None:
        marked = self.query_one(Choices).marked
        if not self._found:
            self.query_one(Reader).show([(Span("No prompt has these words.", "muted"),)])
            return
        prompt = self._found[marked]
        text: list[Line] = [(Span("asked of each turn", "muted"),), (Span(inert(prompt.turn.strip())),)]
        if prompt.session:
            text += [(), (Span("asked of the whole session", "muted"),), (Span(inert(prompt.session.strip())),)]
        self.query_one(Reader).show(text)
