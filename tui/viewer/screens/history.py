"""The sessions that are kept: a list to choose from, and one of them in the panes of the dashboard, to read."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen

from tui.model.commands import ExportSession
from tui.model.events import SessionInfo, Snapshot, State
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line
from tui.viewer.highlights import Rule
from tui.viewer.messages import CommandRequested, FollowChanged
from tui.viewer.screens.dialog import Dialog, show_keys
from tui.viewer.screens.export import ExportPicker
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.banner import Banner
from tui.viewer.widgets.body import Body
from tui.viewer.widgets.choices import Choices, Reader
from tui.viewer.widgets.footer import Footer, FooterKey
from tui.viewer.widgets.pane import Pane


class HistoryScreen(Dialog[str | None]):
    """The id of a session, or `None` if the person thought better of it."""

    NAME = "Past sessions"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "the row above", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "the row below", show=False, key_display="↓ j"),
        Binding("pageup", "step(-8)", "eight rows up", show=False),
        Binding("pagedown", "step(8)", "eight rows down", show=False),
        Binding("enter", "choose", "open the marked session, to read", show=False),
        Binding("escape,q,h", "cancel", "back to the dashboard", show=False, key_display="esc"),
    ]

    def __init__(self, sessions: Sequence[SessionInfo]) -> None:
        super().__init__()
        self._sessions = sessions

    def compose(self) -> ComposeResult:
        """Lay out the question and the sessions."""
        said = "Look at which session?" if self._sessions else "No session is kept yet."
        with Vertical(classes="dialog wide"):
            yield Reader([(Span(said, "strong"), Span("  enter opens · ? keys · esc back", "muted"))], id="question")
            yield Choices(id="sessions")

    def on_mount(self) -> None:
        """Mark the newest."""
        self.query_one(Choices).show([_row(session) for session in self._sessions])

    def action_choose(self) -> None:
        """Take the marked session."""
        marked = self.query_one(Choices).marked
        self.dismiss(self._sessions[marked].id if self._sessions else None)


class PastSessionScreen(Screen[None]):
    """A session that is over, in the same panes; nothing of it can be changed."""

    AUTO_FOCUS = "#turns"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall"), (30, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,h", "app.pop_screen", "back", key_display="esc"),
        Binding("slash", "search", "search", key_display="/"),
        Binding("n", "go_to_match(1)", "next match", show=False),
        Binding("N", "go_to_match(-1)", "previous match", show=False),
        Binding("M", "toggle_bookmarks", "bookmarks only"),
        Binding("y", "copy", "copy"),
        Binding("e", "export", "export"),
        Binding("z", "zoom", "zoom"),
        Binding("tab", "app.focus_next", "pane"),
        Binding("shift+tab", "app.focus_previous", "previous pane", show=False),
        Binding("question_mark,f1", "keys", "help", key_display="?"),
    ]

    def __init__(self, snapshot: Snapshot, rules: Sequence[Rule] = ()) -> None:
        super().__init__(id="past")
        self.picture = ViewModel()
        self.picture.apply(snapshot)
        self._snapshot = snapshot
        self.body = Body(self.picture, rules=rules, id="body")

    def compose(self) -> ComposeResult:
        """Lay out the parts."""
        yield Banner(self.picture, id="banner")
        yield self.body
        yield Footer(id="keys")

    def on_mount(self) -> None:
        """Show all of it."""
        self.call_after_refresh(self.body.handle_event, self._snapshot)
        shown = [binding for binding in self.BINDINGS if isinstance(binding, Binding) and binding.show]
        self.query_one(Footer).show(
            [
                FooterKey(
                    self.app.get_key_display(binding),
                    binding.description,
                    binding.action if "." in binding.action else f"screen.{binding.action}",
                )
                for binding in shown
            ]
        )

    def action_search(self) -> None:
        """Ask what to search for."""
        from tui.viewer.screens.search import SearchScreen

        def found(needle: str | None) -> None:
            self.body.search(needle or "")
            self.body.pane.to_match(-1)

        self.app.push_screen(SearchScreen(self.body.pane.needle, self.body.search), found)

    def action_keys(self) -> None:
        """Show the keys of this screen."""
        show_keys(self, "A past session", [*self.BINDINGS, *Pane.BINDINGS])

    def action_go_to_match(self, step: int) -> None:
        """Go to another match in the pane with the keyboard."""
        self.body.pane.to_match(step)

    def action_toggle_bookmarks(self) -> None:
        """Show only what is marked, or everything again."""
        self.body.toggle_narrow()

    def action_copy(self) -> None:
        """Copy what is selected, or the whole pane."""
        self.body.copy()

    def action_zoom(self) -> None:
        """Give the pane with the keyboard the whole body, or give it back."""
        self.body.toggle_zoom()

    def action_export(self) -> None:
        """Choose a format, and have it written."""
        session = self.picture.session

        def write(format: str | None) -> None:
            if format is not None and session is not None:
                self.post_message(CommandRequested(ExportSession(session.id, format)))

        self.app.push_screen(ExportPicker(), write)

    @on(FollowChanged)
    def pass_over(self, event: FollowChanged) -> None:
        """There is nothing new to follow."""
        event.stop()


def _row(session: SessionInfo) -> Line:
    when = session.started_at[:16].replace("T", " ")
    tags = "".join(f"#{one_line(tag, 20)} " for tag in session.tags)
    title = one_line(session.name or session.first_words or "nothing was said", 60)
    turns = f"{session.turns:>4} {'turn ' if session.turns == 1 else 'turns'}"
    return (
        Span(f"{when}  {clock(session.length_s):>7}  {turns}  ", "muted"),
        Span(_standing(session), "strong"),
        Span(f"★{session.bookmarks} " if session.bookmarks else "", "accent"),
        Span(tags, "accent"),
        Span(title, "strong" if session.name else ""),
    )


def _standing(session: SessionInfo) -> str:
    """Return what is not as usual with a session; one whose engine was killed is cut off until an engine mends it."""
    if session.live:
        return "live  "
    if session.state.active:
        return "cut off  "
    trouble = f"! {one_line(session.problem, 40)}  " if session.problem else ""
    return trouble or ("failed  " if session.state is State.FAILED else "")
