"""Pane of gists: the LLM's answers about each turn and about the whole session."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from tui.model.gists import Gist, GistStatus
from tui.presentation.availability import is_available
from tui.presentation.edited_turns import appended_turns, containing_turn
from tui.presentation.formatting import format_latency, made_by, prompt_name
from tui.presentation.highlight_rules import Rule
from tui.presentation.view_model import ViewModel
from tui.text import one_line, plural, sanitize
from tui.viewer.highlights import apply_rules
from tui.viewer.markdown import markdown
from tui.viewer.styled_text import Line, Span, justify, width, wrap
from tui.viewer.widgets.pane import Pane

COPY_LIMIT = 1_000_000
"""Maximum number of characters of one gist that are copied."""
MARKS = "◆▲□▽◇△■▼"
"""Marks of the prompts, by their place in the list."""
SHOWN_LIMIT = 40_000
"""Maximum number of characters of one gist that are shown."""


class GistsPane(Pane):
    """Gists in their order; the gists of one turn are one entry, whose key is the number of the first."""

    NAME: ClassVar[str] = "Gists"
    KEYS: ClassVar[str] = "↑ ↓ select · enter its turn · y copy · z zoom"
    STYLES: ClassVar[frozenset[str]] = Pane.STYLES | {"heading", "em", "code", "good", "warn", "bad", "session"}

    def __init__(self, view_model: ViewModel, *, rules: Sequence[Rule] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._view_model = view_model
        self._rules = rules
        self._about = ("", False)
        """The model that the title names, and whether the gists have several prompts."""
        self.only = ""
        """Id of the only prompt whose gists of turns are shown; empty to show the gists of all prompts."""

    def empty(self, columns: int) -> list[Line]:
        """Return what the pane will show."""
        offer = " Press a to analyse the whole session." if is_available(self._view_model, "analyse", ()) else ""
        text = f"Gists of finished turns appear here.{offer}"
        return [(), *((Span("  "), *line) for line in wrap([Span(text, "muted")], columns - 4))]

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return the gists of one entry, each below a line with the mark of its prompt and its subject."""
        gists = self._shown(key)
        columns -= 3
        lines: list[Line] = []
        if not gists:
            prompt = one_line(prompt_name(self._view_model.prompts, self.only), 60)
            lines = wrap([Span(f"  Turn {self._view_model.gists[key].turn} · no gist of {prompt}", "muted")], columns)
        lines += [line for gist in gists for line in self._gist_lines(gist, columns)]
        return [*lines, *([()] if self.air else [])]

    def lines_below(self, turn: int, columns: int) -> list[Line]:
        """Return the gists of a turn, of those appended to it, and of the whole session that it is the last turn of."""
        whole = [
            gist
            for gist in self._view_model.gists.values()
            if gist.turn is None and self._view_model.last_turn_of(gist) == turn
        ]
        turns = (turn, *appended_turns(self._view_model, turn))
        gists = [*(gist for number in turns for gist in self._view_model.gists_of(number)), *whole]
        return [line for gist in gists for line in self._gist_lines(gist, columns - 3)]

    def _gist_lines(self, gist: Gist, columns: int) -> list[Line]:
        edge = Span("┃ ", "session") if gist.turn is None else Span("  ")
        head = self._head(gist, columns)
        first = edge if gist.turn is None else Span(f"{self._mark(gist.prompt)} ", "accent")
        lines: list[Line] = [(first if at == 0 else edge, *line) for at, line in enumerate(head)]
        return lines + [(edge, *apply_rules(line, self._rules)) for line in self._body(gist, columns)]

    def put(self, key: int) -> None:
        """Show an entry that is new or has changed; lay out all anew if what the title says for all has changed."""
        about = self._common()
        if about != self._about:
            self._about = about
            self._cache.clear()
            self.refresh_entries()
        super().put(key)

    def reset(self, keys: Iterable[int] = ()) -> None:
        """Replace all entries."""
        self._about = self._common()
        super().reset(keys)

    def _common(self) -> tuple[str, bool]:
        """Return the model of the newest gist, and whether the gists have several prompts."""
        return self._view_model.newest_model, len(self._view_model.gist_prompts) > 1

    def _mark(self, prompt: str) -> str:
        """Return the mark of a prompt, by its place in the list."""
        at = next((at for at, known in enumerate(self._view_model.prompts) if known.id == prompt), -1)
        return MARKS[at % len(MARKS)] if at >= 0 else "·"

    def estimate(self, key: int, columns: int) -> int:
        """Return an estimate of the entry's height in lines."""
        gists = self._shown(key)
        return int(self.air) + sum(2 + len(gist.text) // max(1, columns - 5) + gist.text.count("\n") for gist in gists)

    def plain(self, key: int) -> str:
        """Return the gists of one entry as the Markdown that the model wrote, each below a line with its subject."""
        return "\n".join(
            f"{self._subject(gist)} · {one_line(prompt_name(self._view_model.prompts, gist.prompt), 60)}\n"
            f"{sanitize(gist.text or gist.error, COPY_LIMIT)}\n"
            for gist in self._shown(key)
        )

    def show_only(self, prompt: str) -> None:
        """Show gists of one prompt and of the whole session only; gists of all prompts for an empty id."""
        if prompt != self.only:
            self.only = prompt
            self._cache.clear()
            self.refresh_entries()

    def _shown(self, key: int) -> list[Gist]:
        gists = self._view_model.extra_gists(key)
        return [gist for gist in gists if self.only in ("", gist.prompt) or gist.turn is None]

    def _status(self) -> str:
        status = super()._status()
        if not self.only:
            return status or made_by(self._about[0], self._columns - 16)
        prompts = self._view_model.prompts
        number = next((at for at, prompt in enumerate(prompts, 1) if prompt.id == self.only), 0)
        only = f"{one_line(prompt_name(prompts, self.only), 24)} only"
        return f"{status} · {only}" if status else f"{only} · {number} shows all" if 0 < number < 10 else only

    def entries(self) -> list[int]:
        """Return the keys of all entries, in order."""
        return sorted({self.entry_of(number) for number in self._view_model.gists})

    def entry_of(self, number: int) -> int:
        """Return the key of the entry that contains a gist."""
        return self._view_model.extra_gists(number)[0].number

    @staticmethod
    def _subject(gist: Gist) -> str:
        if gist.question:
            return f"Question: {one_line(gist.question, 400)}"
        if gist.turn is not None:
            return f"Turn {gist.turn}"
        return f"Whole session ({plural(gist.turns, 'turn')})" if gist.turns else "Whole session"

    def admitted(self, key: int) -> bool:
        """Return whether the gist is about a turn that the filter admits, or about the whole session."""
        gist = self._view_model.gists.get(key)
        return gist is not None and (gist.turn is None or self.filter.admits(self._view_model, gist.turn))

    def _head(self, gist: Gist, columns: int) -> list[Line]:
        """Return the subject, the prompt if there are several, the latency, and a model other than the title's."""
        model, several = self._about
        left = [Span(self._subject(gist), "session strong" if gist.turn is None else "strong")]
        if gist.turn is not None and (within := containing_turn(self._view_model, gist.turn)) != gist.turn:
            left.append(Span(f" · part of turn {within}", "muted"))
        if several and not gist.question:
            left.append(Span(f" · {one_line(prompt_name(self._view_model.prompts, gist.prompt), 60)}", "muted"))
        own = one_line(made_by(gist.model, 40), 60) if gist.model and gist.model != model else ""
        latency = format_latency(gist.latency_s) if gist.status is GistStatus.DONE and gist.latency_s else ""
        lines = wrap(left, columns)
        room = columns - width(lines[0]) - 2 if len(lines) == 1 else 0
        if len(latency) <= room and latency:
            lines = [justify(left, (Span(latency, "muted"),), columns)]
        return lines + (wrap([Span(own, "muted em")], columns) if own else [])

    @staticmethod
    def _body(gist: Gist, columns: int) -> list[Line]:
        """Return the text: plain while it is streamed, Markdown once it is complete; an error at its end."""
        text = sanitize(gist.text, SHOWN_LIMIT).strip()
        match gist.status:
            case GistStatus.WAITING:
                return [(Span("… waiting", "muted"),)]
            case GistStatus.STREAMING:
                return wrap([Span(f"{text} ▌" if text else "… writing")], columns)
            case GistStatus.DONE:
                cut = wrap([Span(f"! {one_line(gist.error, 600)}", "warn")], columns) if gist.error else []
                return [*(markdown(text, columns) or [(Span("(empty answer)", "muted"),)]), *cut]
            case GistStatus.TIMED_OUT:
                sign, word, style = "∅", "timed out", "warn"
            case GistStatus.FAILED:
                sign, word, style = "✗", "failed", "bad"
        error = one_line(gist.error, 600)
        message = wrap([Span(f"{sign} {word}", f"{style} strong"), Span(f": {error}" if error else "")], columns)
        return (wrap([Span(text)], columns) if text else []) + message
