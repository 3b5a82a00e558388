"""The gists pane."""

from collections.abc import Sequence
from typing import ClassVar

from tui.model.gists import Gist, GistStatus
from tui.presentation.formatting import EXTRACTIVE, format_latency, made_by, prompt_name
from tui.presentation.view_model import ViewModel
from tui.text import one_line, plural, sanitize
from tui.viewer.highlights import Rule, styled
from tui.viewer.markdown import markdown
from tui.viewer.styled_text import Line, Span, justify, truncate, width, wrap
from tui.viewer.widgets.pane import Pane

COPY_LIMIT = 1_000_000
"""Most characters of one answer that are copied."""
LIMIT = 40_000
"""Most characters shown of one answer."""


class GistsPane(Pane):
    """What the LLM made of each turn and of the session."""

    NAME: ClassVar[str] = "Gists"
    STYLES: ClassVar[frozenset[str]] = Pane.STYLES | {"heading", "em", "code", "good", "warn", "bad", "session"}

    def __init__(self, picture: ViewModel, *, rules: Sequence[Rule] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture = picture
        self._rules = rules
        self.alone = ""
        """Prompt whose answers alone are shown of those that were asked about turns; empty for all."""

    def empty(self, columns: int) -> list[Line]:
        """Say what will come."""
        text = "Each finished turn gets its answer here, the whole session on a."
        return [(), *((Span("  "), *line) for line in wrap([Span(text, "muted")], columns - 4))]

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return the gists of a turn: which prompt and model made each and how fast, and what it says."""
        together = self._shown(key)
        columns -= 3
        lines: list[Line] = []
        if not together:
            asked = one_line(prompt_name(self._picture.prompts, self.alone), 60)
            lines = wrap([Span(f"  Turn {self._picture.gists[key].turn} · {asked} was not asked", "muted")], columns)
        for at, gist in enumerate(together):
            edge = Span("┃ ", "session") if gist.turn is None else Span("  ")
            body = [styled(line, self._rules) for line in self._body(gist, columns)]
            lines += [(edge, *line) for line in [*self._head(gist, columns, first=at == 0), *body]]
        return [*lines, ()]

    def guess(self, key: int, columns: int) -> int:
        """Return about how many lines the gists of a turn take."""
        together = self._shown(key)
        return 1 + sum(2 + len(gist.text) // max(1, columns - 5) + gist.text.count("\n") for gist in together)

    def plain(self, key: int) -> str:
        """Return gists as the Markdown that the model wrote, each below a line that says what it is about."""
        return "\n".join(
            f"{self._about(gist)} · {one_line(prompt_name(self._picture.prompts, gist.prompt), 60)}\n"
            f"{sanitize(gist.text or gist.error, COPY_LIMIT)}\n"
            for gist in self._shown(key)
        )

    def show_alone(self, prompt: str) -> None:
        """Show only what a prompt made of the turns, and what is about the whole session; all for an empty one."""
        if prompt != self.alone:
            self.alone = prompt
            self._cache.clear()
            self.anew()

    def _shown(self, key: int) -> list[Gist]:
        together = self._picture.extra_gists(key)
        return [gist for gist in together if self.alone in ("", gist.prompt) or gist.turn is None]

    def _aside(self) -> str:
        told = super()._aside()
        if not self.alone:
            return told
        prompts = self._picture.prompts
        number = next((at for at, prompt in enumerate(prompts, 1) if prompt.id == self.alone), 0)
        alone = f"{one_line(prompt_name(prompts, self.alone), 24)} alone"
        return f"{told} · {alone}" if told else f"{alone} · {number} shows all" if 0 < number < 10 else alone

    def leads(self) -> list[int]:
        """Return the keys of all there is to show: the first gist of each turn, and each about the whole session."""
        return sorted({self.lead(number) for number in self._picture.gists})

    def lead(self, number: int) -> int:
        """Return the key of the entry that a gist is shown in."""
        return self._picture.extra_gists(number)[0].number

    @staticmethod
    def _about(gist: Gist) -> str:
        if gist.question:
            return f"Question: {one_line(gist.question, 400)}"
        if gist.turn is not None:
            return f"Turn {gist.turn}"
        return f"Whole session ({plural(gist.turns, 'turn')})" if gist.turns else "Whole session"

    def marked(self, key: int) -> bool:
        """Return whether the gist is about a marked turn, or about the whole session."""
        gist = self._picture.gists.get(key)
        return gist is not None and (gist.turn is None or gist.turn in self._picture.bookmarks)

    def _head(self, gist: Gist, columns: int, *, first: bool) -> list[Line]:
        name = one_line(prompt_name(self._picture.prompts, gist.prompt), 60)
        about = self._about(gist)
        if first:
            left = [Span(about, "session strong" if gist.turn is None else "strong")]
            if name and not gist.question:
                left.append(Span(f" · {name}", "muted"))
        else:
            left = [Span(" " * (len(about) + 1)), Span(f"· {name}", "muted")]
        lines = wrap(left, columns)
        if len(lines) == 1:
            lines = [justify(left, self._maker(gist, columns - width(left) - 2), columns)]
        if gist.model == EXTRACTIVE:
            lines += wrap([Span(made_by(gist.model, columns), "muted em")], columns)
        return lines

    @staticmethod
    def _maker(gist: Gist, columns: int) -> Line:
        """Return who answered and how fast; the name gives way to the figure."""
        latency = format_latency(gist.latency_s) if gist.status is GistStatus.DONE and gist.latency_s else ""
        model = one_line(gist.model, 60) if gist.model != EXTRACTIVE else ""
        room = columns - len(latency) - 3
        if room < 8 or not model:
            return truncate((Span(latency, "muted"),), max(0, columns))
        return (*truncate((Span(model, "muted"),), room), Span(f" · {latency}" if latency else "", "muted"))

    @staticmethod
    def _body(gist: Gist, columns: int) -> list[Line]:
        """Return the answer as far as it has come: plain while it grows, Markdown once it is whole."""
        text = sanitize(gist.text, LIMIT).strip()
        match gist.status:
            case GistStatus.WAITING:
                return [(Span("… waiting", "muted"),)]
            case GistStatus.STREAMING:
                return wrap([Span(f"{text} ▌" if text else "… writing")], columns)
            case GistStatus.DONE:
                return markdown(text, columns) or [(Span("(an empty answer)", "muted"),)]
            case GistStatus.TIMED_OUT:
                sign, word, ink = "∅", "no answer in time", "warn"
            case GistStatus.FAILED:
                sign, word, ink = "✗", "failed", "bad"
        why = one_line(gist.error, 600)
        said = wrap([Span(f"{sign} {word}", f"{ink} strong"), Span(f": {why}" if why else "")], columns)
        return said + (wrap([Span(text)], columns) if text else [])
