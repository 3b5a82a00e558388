"""Past session: a screen with the panes of the dashboard, and with the keys that add to a session or edit it."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.model.commands import AnnotateSession, Command, ExportSession, SessionAnnotation, TogglePlay
from tui.model.events import Snapshot, StoredChange, TranscriptEdited
from tui.presentation.availability import ACTION_STATES, is_available
from tui.presentation.highlight_rules import Rule
from tui.presentation.view_model import ViewModel
from tui.viewer.messages import CommandRequested, ReplayRequested
from tui.viewer.replay import NEEDS_TERMINAL, has_terminal
from tui.viewer.screens.annotation_actions import AnnotationActions
from tui.viewer.screens.dialog import show_keys
from tui.viewer.screens.explained_actions import ExplainedActions
from tui.viewer.screens.export import ExportChoice, ExportPicker
from tui.viewer.screens.layout_actions import LayoutActions
from tui.viewer.widgets.banner import Banner
from tui.viewer.widgets.body import Body
from tui.viewer.widgets.footer import Footer, FooterKey
from tui.viewer.widgets.pane import Pane


class PastSessionScreen(LayoutActions, AnnotationActions, ExplainedActions):
    """A past session in the panes of the dashboard.

    Args:
        snapshot: the session.
        rules: highlights.
        host: name of the engine's machine; empty for this one.
        turn: number of the turn to select; 0 for none.
        watching: whether this viewer may only look.
    """

    AUTO_FOCUS = "#turns"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall"), (30, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", key_display="esc", tooltip="End the search or the selection; back"),
        Binding("q,h", "app.pop_screen", "back", show=False, tooltip="Back"),
        Binding("slash", "search", "search", key_display="/", tooltip="Search turns and gists"),
        Binding("colon", "ask", "ask", key_display=":", tooltip="Ask a question about the session"),
        Binding("E", "edit_turn", "edit", tooltip="Edit the text of a turn; | in the text splits it"),
        Binding("L", "replay", "replay", tooltip="Replay the session on a dashboard of its own"),
        Binding("P", "play", "play", tooltip="Play the recording from the selected turn on, or stop playing"),
        Binding("e", "export", "export", tooltip="Export the session to a file"),
        Binding("a", "analyse", "analyse", tooltip="Ask the LLM about the whole session"),
        Binding("m", "bookmark", "bookmark", tooltip="Add, edit or remove a bookmark on a turn"),
        Binding("f2", "edit_title", "title", key_display="F2", tooltip="Edit the title of the session"),
        Binding("R", "name_speaker", "name speaker", tooltip="Name the speaker of a turn, in all turns"),
        Binding("u", "undo_edit", "undo edit", tooltip="Undo the newest edit of the transcript"),
        Binding("r", "retry_gist", "retry", tooltip="Retry the selected or the newest failed gist"),
        Binding("J", "merge_turn", "merge", show=False, tooltip="Append the next turn to the selected one"),
        Binding("y", "copy", "copy", tooltip="Copy the selected entry, or the whole pane if none is selected"),
        Binding("Y", "copy_markdown", "copy Markdown", show=False, tooltip="Copy turns as Markdown with times"),
        Binding("M", "toggle_bookmarks", "bookmarks only", tooltip="Show bookmarked turns only, or all turns"),
        Binding("F", "toggle_speaker", "one speaker", tooltip="Show the turns of one speaker only, or all turns"),
        Binding("n", "go_to_match(1)", "next match", show=False, tooltip="Go to the next match"),
        Binding("N", "go_to_match(-1)", "previous match", show=False, tooltip="Go to the previous match"),
        Binding("ctrl+g", "go_to", "go to", show=False, tooltip="Go to a turn by its number or its time"),
        Binding("w", "toggle_reading", "reading", tooltip="Show turns with their gists below them, or all panes"),
        Binding("z", "zoom", "zoom", tooltip="Zoom the focused pane, or show all panes"),
        Binding("T", "toggle_clock", "times", show=False, tooltip="Show times of the day, or since the start"),
        Binding("i", "toggle_all_stats", "all stats", show=False, tooltip="Show all statistics, or the most important"),
        Binding("tab", "app.focus_next", "pane", tooltip="Focus the next pane"),
        Binding("shift+tab", "app.focus_previous", "previous pane", show=False, tooltip="Focus the previous pane"),
        Binding("question_mark,f1", "keys", "help", key_display="?", tooltip="Show these keys"),
    ]

    def __init__(
        self, snapshot: Snapshot, rules: Sequence[Rule] = (), host: str = "", turn: int = 0, *, watching: bool = False
    ) -> None:
        super().__init__(id="past")
        self.view_model = ViewModel(host)
        self.view_model.watching = watching
        self.view_model.apply(snapshot)
        self._turn = turn
        self._keys = {}
        self.banner = Banner(self.view_model, past=True, id="banner")
        self.body = Body(self.view_model, rules=rules, past=True, id="body")
        self.footer = Footer(id="keys")

    def compose(self) -> ComposeResult:
        """Lay out the widgets."""
        yield self.banner
        yield self.body
        yield self.footer

    def on_mount(self) -> None:
        """Show the session and the keys."""
        self.call_after_refresh(self._show_session)
        self._show_keys()

    @property
    def session_id(self) -> str:
        """Id of the session."""
        return self.view_model.session.id if self.view_model.session is not None else ""

    def handle_event(self, event: StoredChange) -> None:
        """Show a change of the session."""
        self.view_model.apply(event)
        self.body.handle_event(event)
        self.banner.touch()
        self.refresh_bindings()
        self._show_keys()
        if isinstance(event, TranscriptEdited):
            self.show_edit(event)

    def show_playing(self, playing: bool) -> None:
        """Show whether the engine's machine plays a recording."""
        self.view_model.playing = playing
        self.banner.touch()
        self._show_keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action is possible now; `None`, not false, so that its key can say why not."""
        possible = has_terminal(self.app) if action == "replay" else self.is_possible_here(action)
        if possible is None:
            possible = action not in ACTION_STATES or is_available(self.view_model, action, parameters)
        return True if possible else None

    def explain_unavailable(self, binding: Binding) -> None:
        """Say in the footer why the action of a key is not possible now."""
        if binding.action == "replay":
            self.show_status(NEEDS_TERMINAL)
        else:
            super().explain_unavailable(binding)

    def _request(self, command: Command) -> None:
        """Send a command that adds to this session."""
        assert isinstance(command, SessionAnnotation)
        self.post_message(CommandRequested(AnnotateSession(self.session_id, command)))

    @property
    def _remembers_voices(self) -> bool:
        return False

    def _show_keys(self) -> None:
        possible = {active.binding.action for active in self.active_bindings.values() if active.enabled}
        self.footer.show(
            [
                FooterKey.of(binding, self.app.get_key_display(binding), self._named(binding))
                for binding in self.BINDINGS
                if isinstance(binding, Binding) and binding.show and binding.action in possible
            ]
        )

    def _named(self, binding: Binding) -> str:
        """Return what a key does now; empty for the binding's own description."""
        return "stop playing" if binding.action == "play" and self.view_model.playing else ""

    def _show_session(self) -> None:
        self.body.show_session()
        self.refresh_bindings()
        self._show_keys()
        if self.view_model.transcript.get(self._turn) is not None:
            self.body.turns.select(self._turn)

    def action_back(self) -> None:
        """End the search, or the selection of several turns; without one, go back."""
        if self.body.pane.needle or len(self.body.selected_turns) > 1:
            self.action_clear_selection()
        else:
            self.app.pop_screen()

    def action_play(self) -> None:
        """Play the recording from the selected turn on, or from its start; stop if something is playing."""
        turn = self.body.turn if self.body.pane.cursor is not None else None
        command = TogglePlay(self.session_id, turn.start_s if turn is not None else 0.0)
        self.post_message(CommandRequested(command))

    def action_replay(self) -> None:
        """Replay the session."""
        self.post_message(ReplayRequested(self.session_id))

    def action_keys(self) -> None:
        """Show the keys of this screen."""
        show_keys(self, "Past session", self.without_refused([*self.BINDINGS, *Pane.BINDINGS]))

    def action_export(self) -> None:
        """Open the list of export formats, and export this session in the chosen one."""

        def export(choice: ExportChoice | None) -> None:
            if choice is not None:
                command = ExportSession(self.session_id, choice.format, turns, choice.fetch)
                self.post_message(CommandRequested(command))

        turns = self.body.selected_turns
        self.app.push_screen(ExportPicker(self.view_model.host, len(turns)), export)

    @on(Pane.FollowChanged)
    def ignore_follow(self, event: Pane.FollowChanged) -> None:
        """Stop the message: a past session does not grow."""
        event.stop()
