"""History: the list of past sessions, and a read-only screen that shows one of them."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.model.commands import ExportSession, TogglePlay
from tui.model.events import SessionInfo, Snapshot, State
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line
from tui.viewer.highlights import Rule
from tui.viewer.messages import CommandRequested
from tui.viewer.screens.body_actions import BodyActions
from tui.viewer.screens.dialog import Dialog, show_keys
from tui.viewer.screens.export import ExportChoice, ExportPicker
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.banner import Banner
from tui.viewer.widgets.body import Body
from tui.viewer.widgets.choices import Choices, Reader
from tui.viewer.widgets.footer import Footer, FooterKey
from tui.viewer.widgets.pane import Pane


class HistoryScreen(Dialog[str | None]):
    """A list of past sessions. Its result is the id of a session, or `None` if it was cancelled."""

    NAME = "Past sessions"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous session", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next session", show=False, key_display="↓ j"),
        Binding("pageup", "step(-8)", "eight sessions up", show=False),
        Binding("pagedown", "step(8)", "eight sessions down", show=False),
        Binding("enter", "choose", "open the selected session", show=False),
        Binding("escape,q,h", "cancel", "back to the dashboard", show=False, key_display="esc"),
    ]

    def __init__(self, sessions: Sequence[SessionInfo]) -> None:
        super().__init__()
        self._sessions = sessions

    def compose(self) -> ComposeResult:
        """Lay out the title and the sessions."""
        title = "Past sessions" if self._sessions else "No past sessions."
        with Vertical(classes="dialog wide"):
            yield Reader([(Span(title, "strong"), Span("  enter open · ? keys · esc back", "muted"))], id="question")
            yield Choices(id="sessions")

    def on_mount(self) -> None:
        """Show the sessions and select the newest."""
        self.query_one(Choices).show([_row(session) for session in self._sessions])

    def action_choose(self) -> None:
        """Return the selected session."""
        selected = self.query_one(Choices).selected
        self.dismiss(self._sessions[selected].id if self._sessions else None)


class PastSessionScreen(BodyActions):
    """A past session in the panes of the dashboard, read-only."""

    AUTO_FOCUS = "#turns"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall"), (30, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,h", "app.pop_screen", "back", key_display="esc", tooltip="Back to the dashboard"),
        Binding("slash", "search", "search", key_display="/", tooltip="Search turns and gists"),
        Binding("n", "go_to_match(1)", "next match", show=False, tooltip="Go to the next match"),
        Binding("N", "go_to_match(-1)", "previous match", show=False, tooltip="Go to the previous match"),
        Binding("M", "toggle_bookmarks", "bookmarks only", tooltip="Show bookmarked turns only, or all turns"),
        Binding("F", "toggle_speaker", "one speaker", tooltip="Show the turns of one speaker only, or all turns"),
        Binding("y", "copy", "copy", tooltip="Copy the selected entry, or the whole pane if none is selected"),
        Binding("Y", "copy_markdown", "copy Markdown", show=False, tooltip="Copy turns as Markdown with times"),
        Binding("ctrl+g", "go_to", "go to", show=False, tooltip="Go to a turn by its number or its time"),
        Binding("P", "play", "play", tooltip="Play the recording from the selected turn on, or stop playing"),
        Binding("e", "export", "export", tooltip="Export the session to a file"),
        Binding("z", "zoom", "zoom", tooltip="Zoom the focused pane, or show all panes"),
        Binding("tab", "app.focus_next", "pane", tooltip="Focus the next pane"),
        Binding("shift+tab", "app.focus_previous", "previous pane", show=False, tooltip="Focus the previous pane"),
        Binding("question_mark,f1", "keys", "help", key_display="?", tooltip="Show these keys"),
    ]

    def __init__(self, snapshot: Snapshot, rules: Sequence[Rule] = (), host: str = "") -> None:
        super().__init__(id="past")
        self.view_model = ViewModel(host)
        self.view_model.apply(snapshot)
        self._snapshot = snapshot
        self.body = Body(self.view_model, rules=rules, past=True, id="body")

    def compose(self) -> ComposeResult:
        """Lay out the widgets."""
        yield Banner(self.view_model, id="banner")
        yield self.body
        yield Footer(id="keys")

    def on_mount(self) -> None:
        """Show the session and the keys."""
        self.call_after_refresh(self.body.handle_event, self._snapshot)
        self.query_one(Footer).show(
            [
                FooterKey.of(binding, self.app.get_key_display(binding))
                for binding in self.BINDINGS
                if isinstance(binding, Binding) and binding.show
            ]
        )

    def action_play(self) -> None:
        """Play the recording from the selected turn on, or from its start; stop if something is playing."""
        turn = self.body.turn if self.body.pane.cursor is not None else None
        if (session := self.view_model.session) is not None:
            command = TogglePlay(session.id, turn.start_s if turn is not None else 0.0)
            self.post_message(CommandRequested(command))

    def action_keys(self) -> None:
        """Show the keys of this screen."""
        show_keys(self, "Past session", [*self.BINDINGS, *Pane.BINDINGS])

    def action_export(self) -> None:
        """Open the list of export formats, and export this session in the chosen one."""
        session = self.view_model.session

        def export(choice: ExportChoice | None) -> None:
            if choice is not None and session is not None:
                self.post_message(CommandRequested(ExportSession(session.id, choice.format, turns, choice.fetch)))

        turns = self.body.selected_turns
        self.app.push_screen(ExportPicker(self.view_model.host, len(turns)), export)

    @on(Pane.FollowChanged)
    def ignore_follow(self, event: Pane.FollowChanged) -> None:
        """Stop the message: a past session does not grow."""
        event.stop()


def _row(session: SessionInfo) -> Line:
    when = session.started_at[:16].replace("T", " ")
    tags = "".join(f"#{one_line(tag, 20)} " for tag in session.tags)
    title = one_line(session.name or session.first_words or "(no turns)", 60)
    turns = f"{session.turns:>4} {'turn ' if session.turns == 1 else 'turns'}"
    return (
        Span(f"{when}  {clock(session.length_s):>7}  {turns}  ", "muted"),
        Span(_status(session), "strong"),
        Span(f"★{session.bookmarks} " if session.bookmarks else "", "accent"),
        Span(tags, "accent"),
        Span(title, "strong" if session.name else ""),
    )


def _status(session: SessionInfo) -> str:
    """Return a session's state or problem; empty for one that ended normally."""
    if session.live:
        return "live  "
    if session.state.active:
        return "interrupted  "
    problem = f"! {one_line(session.problem, 40)}  " if session.problem else ""
    return problem or ("failed  " if session.state is State.FAILED else "")
