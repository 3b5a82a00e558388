"""Actions that add to a session: questions, retries, bookmarks, speaker names, gain."""

from collections.abc import Callable, Sequence

from tui.model.commands import (
    Analyse,
    Ask,
    AskAllTurns,
    Bookmark,
    Command,
    EditTurn,
    MergeTurn,
    NameSpeaker,
    RememberSpeaker,
    RetryGist,
    SetGain,
    SetTitle,
    UndoEdit,
)
from tui.model.events import TranscriptEdited
from tui.model.gists import Gist
from tui.model.transcript import Turn
from tui.presentation.edited_turns import edit_summary
from tui.presentation.formatting import prompt_name
from tui.text import one_line, plural
from tui.viewer.screens.session_actions import SessionActions

OFFER_S = 30.0
"""Seconds for which the offer to ask prompts about earlier turns is shown."""
MAX_GAIN_DB = 40.0
"""Largest gain, and largest attenuation, that the engine accepts."""


class AnnotationActions(SessionActions):
    """A screen with actions that add to its session."""

    def action_ask(self) -> None:
        """Ask a question about the session so far; the answer appears among the gists."""
        turns = self.body.selected_turns

        def ask(question: str | None) -> None:
            if question:
                self._request(Ask(question, turns))
                self.body.show_newest_gist()

        about = f"{len(turns)} selected turns" if turns else "the session"
        placeholder = f"question about {about} · ↑ ↓ history · esc cancel"
        self._open_text_input(placeholder, ask, history=self.view_model.questions)

    def action_retry_gist(self) -> None:
        """Retry the selected gist if it failed, else the newest failed gist."""
        missing = self.view_model.missing
        key = self.body.gists.cursor
        selected = [gist for gist in self.view_model.extra_gists(key) if gist in missing] if key is not None else []
        for gist in selected or missing[-1:]:
            self._request(retry_command(gist))

    def action_ask_all(self) -> None:
        """Ask each prompt in use about the earlier turns that it was not asked about."""
        for prompt in self._incomplete_prompts():
            self._request(AskAllTurns(prompt))

    def offer_ask_all(self, key: str) -> None:
        """Notify which prompts in use were not asked about all earlier turns, and which key asks them.

        Args:
            key: the key of `ask-all`.
        """
        incomplete = self._incomplete_prompts()
        if incomplete and self.check_action("ask_all", ()):
            names = " and ".join(one_line(prompt_name(self.view_model.prompts, prompt), 40) for prompt in incomplete)
            turns = plural(max(self.view_model.unasked(prompt) for prompt in incomplete), "earlier turn")
            self.notify(f"Press {key} to ask {names} about {turns}.", timeout=OFFER_S, markup=False)

    def _incomplete_prompts(self) -> list[str]:
        """Return the prompts in use that were not asked about all turns so far."""
        view_model = self.view_model
        return [prompt for prompt in view_model.asking if view_model.unasked(prompt)]

    def action_bookmark(self) -> None:
        """Add a bookmark to a turn, with a note or without; edit its note, or remove it."""
        turn = self.body.turn
        if turn is None:
            return
        note = self.view_model.bookmarks.get(turn.number)
        if note is None:
            placeholder = f"note for the bookmark on turn {turn.number} (optional) · esc cancel"
        else:
            placeholder = f"bookmark on turn {turn.number} · empty removes it · esc cancel"

        def save(written: str | None) -> None:
            if written is not None:
                self._request(Bookmark(turn.number, written if written or note is None else None))

        self._open_text_input(placeholder, save, note or "")

    def action_edit_title(self) -> None:
        """Edit the title of the session."""

        def save(written: str | None) -> None:
            if written is not None:
                self._request(SetTitle(written))

        self._open_text_input("title of the session · empty removes it · esc cancel", save, self.view_model.title)

    def action_edit_turn(self) -> None:
        """Edit the text of a turn; a vertical bar splits it."""
        turn = self.body.turn
        if turn is None:
            return
        parts = self.view_model.parts(turn)

        def save(written: str | None) -> None:
            if written:
                self._request(EditTurn(turn.number, tuple(written.split("|"))))

        placeholder = f"text of turn {turn.number} · | splits it, NAME: sets the speaker · enter save · esc cancel"
        self._open_text_input(placeholder, save, " | ".join(self._editable(part, turn) for part in parts))

    def _editable(self, part: Turn, turn: Turn) -> str:
        """Return the text of a part, after its speaker if that is not the turn's."""
        if part.speaker is None or part.speaker == turn.speaker:
            return part.text
        return f"{self.view_model.speakers.get(part.speaker, part.speaker)}: {part.text}"

    def action_merge_turn(self) -> None:
        """Append the next turn to a turn, or merge the selected turns."""
        if len(turns := self.body.selected_turns) > 1:
            for _ in turns[1:]:
                self._request(MergeTurn(turns[0]))
        elif (turn := self.body.turn) is not None:
            self._request(MergeTurn(turn.number))

    def show_edit(self, event: TranscriptEdited) -> None:
        """Say what an edit of the transcript has changed, and which key undoes it."""
        self.refresh_bindings()
        undo = "" if event.undo else f" {self._keys.get('undo-edit', 'u')} undoes it."
        self.notify(f"{edit_summary(event)}{undo}", markup=False)

    def action_undo_edit(self) -> None:
        """Undo the newest edit of the transcript."""
        self._request(UndoEdit())

    def action_name_speaker(self) -> None:
        """Name the speaker of a turn, in all turns."""
        turn = self.body.turn
        label = turn.speaker if turn is not None else None
        if label is None:
            self.notify("The endpoint did not label the speaker of this turn.", severity="warning", markup=False)
            return

        def name(written: str | None) -> None:
            if written is not None:
                self._request(NameSpeaker(label, written))
                if written and self._remembers_voices:
                    self._offer_to_remember(label, written)

        placeholder = f"name of speaker {one_line(label, 40)} · empty removes it · esc cancel"
        self._open_text_input(placeholder, name, self.view_model.speakers.get(label, ""))

    @property
    def _remembers_voices(self) -> bool:
        return self.view_model.session is not None and self.view_model.session.known_voices

    def _offer_to_remember(self, label: str, name: str) -> None:
        """Offer to remember the voice of a speaker who has just been named."""
        from tui.viewer.screens.remember_dialog import RememberDialog

        def remember(wanted: bool | None) -> None:
            if wanted:
                self._request(RememberSpeaker(label))

        self.app.push_screen(RememberDialog(name), remember)

    def action_change_gain(self, step_db: int) -> None:
        """Increase the gain, or decrease it if negative."""
        self._request(SetGain(max(-MAX_GAIN_DB, min(MAX_GAIN_DB, self.view_model.gain_db + step_db))))

    def _open_text_input(
        self,
        placeholder: str,
        on_close: Callable[[str | None], None],
        text: str = "",
        history: Sequence[str] = (),
    ) -> None:
        from tui.viewer.screens.text_input import TextInputScreen

        self.app.push_screen(TextInputScreen(placeholder, text, history), on_close)


def retry_command(gist: Gist) -> Command:
    """Return the command that requests a gist again."""
    if gist.turn is not None:
        return RetryGist(gist.number)
    return Ask(gist.question) if gist.question else Analyse(gist.prompt)
