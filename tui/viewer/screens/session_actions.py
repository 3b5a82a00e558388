"""Actions that control a session: start, stop, mute, prompts, seeking in a replay."""

from typing import TYPE_CHECKING

from textual.screen import Screen

from tui.model.commands import (
    Analyse,
    Command,
    Option,
    Recover,
    Seek,
    Stop,
    TogglePlay,
    UsePrompt,
)
from tui.presentation.finishing import is_finishing
from tui.presentation.session_commands import is_silent, mute_command, start_command
from tui.presentation.view_model import ViewModel
from tui.viewer.messages import CommandRequested
from tui.viewer.widgets.body import Body

if TYPE_CHECKING:
    from tui.viewer.screens.end_wait_dialog import EndWaitDialog


class SessionActions(Screen[None]):
    """A screen with actions that control its session."""

    view_model: ViewModel
    body: Body
    _keys: dict[str, str]
    """A person's own keys by action id."""
    _options: dict[str, Option]
    """Settings of each session that is started on this screen."""
    _end_wait_dialog: "EndWaitDialog | None" = None
    """The dialog about ending the wait while it is open."""

    def action_start(self) -> None:
        """Start a session, or continue the one whose engine was killed."""
        self._request(start_command(self.view_model, self._options))

    def action_recover(self) -> None:
        """Transcribe the rest of the newest session that was not transcribed to its end."""
        self._request(Recover(self.view_model.untranscribed[0], dict(self._options)))

    def action_stop(self) -> None:
        """Stop the session; while it finishes, offer to end it without waiting for the rest."""
        if not is_finishing(self.view_model):
            self._request(Stop())
            return
        from tui.viewer.screens.end_wait_dialog import EndWaitDialog

        def end(wanted: bool | None) -> None:
            self._end_wait_dialog = None
            if wanted and is_finishing(self.view_model):
                self._request(Stop(abandon=True))

        self._end_wait_dialog = EndWaitDialog(self.view_model)
        self.app.push_screen(self._end_wait_dialog, end)

    def show_wait(self) -> None:
        """Show in the dialog about ending the wait, if it is open, how long that still lasts."""
        if self._end_wait_dialog is not None and self._end_wait_dialog.is_mounted:
            self._end_wait_dialog.show_progress()

    def action_mute(self) -> None:
        """Mute or unmute; in a replay: pause or resume."""
        self._request(mute_command(self.view_model, silent=not is_silent(self.view_model)))

    def action_seek(self, seconds: int) -> None:
        """Seek in a replay: forward, or back if negative."""
        self._request(Seek(self.view_model.stats.elapsed_s + seconds))

    def action_seek_turn(self) -> None:
        """Seek a replay to the selected turn, or to the turn of the selected gist."""
        pane, key = self.body.pane, self.body.pane.cursor
        if key is not None and pane is self.body.gists:
            key = self.view_model.gists[key].turn
        turn = self.view_model.transcript.get(key) if key is not None else None
        if turn is not None:
            self._request(Seek(turn.start_s))

    def action_play(self) -> None:
        """Play the recording from the selected turn on, or from its start; stop if something is playing."""
        turn = self.body.turn if self.body.pane.cursor is not None else None
        self._request(TogglePlay("", turn.start_s if turn is not None else 0.0))

    def action_analyse(self) -> None:
        """Ask the LLM about the whole session so far."""
        self._request(Analyse())

    def action_use_prompt(self, number: int) -> None:
        """Use a prompt by its place in the list, from 1; if it is one of several in use, show only its gists or all."""
        id, in_use = self.view_model.prompts[number - 1].id, self.view_model.asking
        if id in in_use and len(in_use) > 1:
            self.body.gists.show_only("" if self.body.gists.only == id else id)
        else:
            self._request(UsePrompt(id))

    def action_step_prompt(self, step: int) -> None:
        """Use the next prompt of the list, or the previous one if negative."""
        ids = [prompt.id for prompt in self.view_model.prompts]
        at = ids.index(self.view_model.prompt) if self.view_model.prompt in ids else -step
        self._request(UsePrompt(ids[(at + step) % len(ids)]))

    def _request(self, command: Command) -> None:
        self.post_message(CommandRequested(command))
