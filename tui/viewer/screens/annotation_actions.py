"""What a person adds to a session: questions, marks, names, tries again, gain."""

from collections.abc import Callable, Sequence

from textual.screen import Screen

from tui.model.commands import Analyse, Ask, AskAllTurns, Bookmark, Command, NameSpeaker, RetryGist, SetGain
from tui.model.gists import Gist
from tui.presentation.formatting import prompt_name
from tui.presentation.view_model import ViewModel
from tui.text import one_line, plural
from tui.viewer.messages import CommandRequested
from tui.viewer.widgets.body import Body

MAX_GAIN_DB = 40.0
"""Largest gain or loss that the engine takes."""


class AnnotationActions(Screen[None]):
    """A screen whose session takes remarks."""

    view_model: ViewModel
    body: Body

    def action_ask(self) -> None:
        """Put a question about what was said so far; the answer comes in the gists."""

        def put(question: str | None) -> None:
            if question:
                self._order(Ask(question))
                self.body.show_answer()

        asked = "ask about what was said so far · ↑ ↓ earlier questions · enter asks · esc back"
        self._ask_line(asked, put, before=self.view_model.questions)

    def action_retry_gist(self) -> None:
        """Ask for the selected gist again if it failed, else for the newest that did."""
        missing = self.view_model.missing
        key = self.body.gists.cursor
        selected = [gist for gist in self.view_model.extra_gists(key) if gist in missing] if key is not None else []
        for gist in selected or missing[-1:]:
            self._order(retry_command(gist))

    def action_ask_all(self) -> None:
        """Ask the prompt in use and the lenses about the turns that they were not asked about."""
        for prompt in self._behind():
            self._order(AskAllTurns(prompt))

    def offer_the_rest(self, key: str) -> None:
        """Say with which key a prompt that was chosen is asked about the turns so far, too."""
        behind = self._behind()
        if behind and self.check_action("ask_all", ()):
            names = " and ".join(one_line(prompt_name(self.view_model.prompts, prompt), 40) for prompt in behind)
            turns = plural(max(self.view_model.unasked(prompt) for prompt in behind), "turn")
            self.notify(f"{key} asks {names} about the {turns} so far, too.", markup=False)

    def _behind(self) -> list[str]:
        """Return the prompts in use that were not asked about all turns so far."""
        picture = self.view_model
        return [prompt for prompt in picture.asking if picture.unasked(prompt)]

    def action_bookmark(self) -> None:
        """Mark a turn, with a note if there is one to make; or take its mark away."""
        turn = self.body.turn
        if turn is None:
            return
        note = self.view_model.bookmarks.get(turn.number)
        if note is None:
            asked = f"note for the mark on turn {turn.number}, or none · enter marks · esc back"
        else:
            asked = f"turn {turn.number} is marked · enter without a note takes the mark away · esc back"

        def mark(written: str | None) -> None:
            if written is not None:
                self._order(Bookmark(turn.number, written if written or note is None else None))

        self._ask_line(asked, mark, note or "")

    def action_toggle_bookmarks(self) -> None:
        """Show only what is marked, or everything again."""
        self.body.toggle_narrow()

    def action_name_speaker(self) -> None:
        """Give the speaker of a turn a name."""
        turn = self.body.turn
        label = turn.speaker if turn is not None else None
        if label is None:
            self.notify("The endpoint does not say who speaks in that turn.", severity="warning", markup=False)
            return

        def name(written: str | None) -> None:
            if written is not None:
                self._order(NameSpeaker(label, written))

        asked = f"name of speaker {one_line(label, 40)}, in all turns · empty takes it away · esc back"
        self._ask_line(asked, name, self.view_model.speakers.get(label, ""))

    def action_change_gain(self, step_db: int) -> None:
        """Record louder or softer."""
        self._order(SetGain(max(-MAX_GAIN_DB, min(MAX_GAIN_DB, self.view_model.gain_db + step_db))))

    def _ask_line(
        self, asked: str, then: Callable[[str | None], None], written: str = "", before: Sequence[str] = ()
    ) -> None:
        from tui.viewer.screens.text_input import TextInputScreen

        self.app.push_screen(TextInputScreen(asked, written, before), then)

    def _order(self, command: Command) -> None:
        self.post_message(CommandRequested(command))


def retry_command(gist: Gist) -> Command:
    """Return the command that asks for a gist once more."""
    if gist.turn is not None:
        return RetryGist(gist.number)
    return Ask(gist.question) if gist.question else Analyse(gist.prompt)
