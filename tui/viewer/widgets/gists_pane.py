"""Pane of gists: the LLM's answers about each turn and about the whole session."""

from collections.abc import Sequence
from typing import ClassVar

from tui.model.gists import Gist, GistStatus
from tui.presentation.formatting import EXTRACTIVE, format_latency, made_by, prompt_name
from tui.presentation.view_model import ViewModel
from tui.text import one_line, plural, sanitize
from tui.viewer.highlights import Rule, apply_rules
from tui.viewer.markdown import markdown
from tui.viewer.styled_text import Line, Span, justify, truncate, width, wrap
from tui.viewer.widgets.pane import Pane

COPY_LIMIT = 1_000_000
"""Maximum number of characters of one gist that are copied."""
SHOWN_LIMIT = 40_000
"""Maximum number of characters of one gist that are shown."""


class GistsPane(Pane):
    """Gists in their order; the gists of one turn are one entry, whose key is the number of the first."""

    NAME: ClassVar[str] = "Gists"
    STYLES: ClassVar[frozenset[str]] = Pane.STYLES | {"heading", "em", "code", "good", "warn", "bad", "session"}

    def __init__(self, view_model: ViewModel, *, rules: Sequence[Rule] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._view_model = view_model
        self._rules = rules
        self.only = ""
        """Id of the only prompt whose gists of turns are shown; empty to show the gists of all prompts."""

    def empty(self, columns: int) -> list[Line]:
        """Return what the pane will show."""
        text = "Gists of finished turns appear here. Press a to analyse the whole session."
        return [(), *((Span("  "), *line) for line in wrap([Span(text, "muted")], columns - 4))]

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return the gists of one entry, each below a line with its prompt, its model and its latency."""
        gists = self._shown(key)
        columns -= 3
        lines: list[Line] = []
        if not gists:
            prompt = one_line(prompt_name(self._view_model.prompts, self.only), 60)
            lines = wrap([Span(f"  Turn {self._view_model.gists[key].turn} · no gist of {prompt}", "muted")], columns)
        for at, gist in enumerate(gists):
            edge = Span("┃ ", "session") if gist.turn is None else Span("  ")
            body = [apply_rules(line, self._rules) for line in self._body(gist, columns)]
            lines += [(edge, *line) for line in [*self._head(gist, columns, first=at == 0), *body]]
        return [*lines, ()]

    def estimate(self, key: int, columns: int) -> int:
        """Return an estimate of the entry's height in lines."""
        gists = self._shown(key)
        return 1 + sum(2 + len(gist.text) // max(1, columns - 5) + gist.text.count("\n") for gist in gists)

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
            return status
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

    def bookmarked(self, key: int) -> bool:
        """Return whether the gist is about a bookmarked turn or about the whole session."""
        gist = self._view_model.gists.get(key)
        return gist is not None and (gist.turn is None or gist.turn in self._view_model.bookmarks)

    def _head(self, gist: Gist, columns: int, *, first: bool) -> list[Line]:
        name = one_line(prompt_name(self._view_model.prompts, gist.prompt), 60)
        subject = self._subject(gist)
        if first:
            left = [Span(subject, "session strong" if gist.turn is None else "strong")]
            if name and not gist.question:
                left.append(Span(f" · {name}", "muted"))
        else:
            left = [Span(" " * (len(subject) + 1)), Span(f"· {name}", "muted")]
        lines = wrap(left, columns)
        if len(lines) == 1:
            lines = [justify(left, self._model_and_latency(gist, columns - width(left) - 2), columns)]
        if gist.model == EXTRACTIVE:
            lines += wrap([Span(made_by(gist.model, columns), "muted em")], columns)
        return lines

    @staticmethod
    def _model_and_latency(gist: Gist, columns: int) -> Line:
        """Return the model and the latency; to fit, the model is cut or left out, and the latency left out."""
        latency = format_latency(gist.latency_s) if gist.status is GistStatus.DONE and gist.latency_s else ""
        model = one_line(gist.model, 60) if gist.model != EXTRACTIVE else ""
        room = columns - len(latency) - 3
        if room < 8 or not model:
            return (Span(latency, "muted"),) if len(latency) <= columns else ()
        return (*truncate((Span(model, "muted"),), room), Span(f" · {latency}" if latency else "", "muted"))

    @staticmethod
    def _body(gist: Gist, columns: int) -> list[Line]:
        """Return the text: plain while it is streamed, Markdown once it is complete; or the error."""
        text = sanitize(gist.text, SHOWN_LIMIT).strip()
        match gist.status:
            case GistStatus.WAITING:
                return [(Span("… waiting", "muted"),)]
            case GistStatus.STREAMING:
                return wrap([Span(f"{text} ▌" if text else "… writing")], columns)
            case GistStatus.DONE:
                return markdown(text, columns) or [(Span("(empty answer)", "muted"),)]
            case GistStatus.TIMED_OUT:
                sign, word, style = "∅", "timed out", "warn"
            case GistStatus.FAILED:
                sign, word, style = "✗", "failed", "bad"
        error = one_line(gist.error, 600)
        message = wrap([Span(f"{sign} {word}", f"{style} strong"), Span(f": {error}" if error else "")], columns)
        return message + (wrap([Span(text)], columns) if text else [])
