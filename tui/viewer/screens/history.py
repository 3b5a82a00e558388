"""History: the stored sessions with filter, sort order, marks, titles, tags, deletion, and search in all of them."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.model.commands import (
    AnnotateSession,
    Ask,
    Command,
    DeleteSessions,
    DescribeSession,
    ExportSession,
    SearchSessions,
    ShowSession,
)
from tui.model.events import SessionInfo
from tui.model.gists import Gist
from tui.model.session_hits import SessionHit
from tui.presentation.availability import WATCH_ONLY
from tui.text import clock, contains_all, one_line, plural
from tui.viewer.messages import CommandRequested, ReplayRequested
from tui.viewer.replay import NEEDS_TERMINAL, has_terminal
from tui.viewer.screens.asked_sessions import AskedSessions
from tui.viewer.screens.dialog import HELP, MORE, Dialog, show_keys
from tui.viewer.screens.history_keys import (
    CHANGES,
    HISTORY,
    KEYS,
    LIST_ACTIONS,
    MATCH_KEYS,
    NOT_A_LIST,
    WATCHING_KEYS,
    WATCHING_MATCH_KEYS,
)
from tui.viewer.screens.history_rows import (
    ORDERS,
    heading,
    hit_row,
    preview_of,
    searchable,
    snippet,
    status,
    title_of,
)
from tui.viewer.screens.prompt_picker import Filter
from tui.viewer.styled_text import Line, Span
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices, Reader

NARROW_COLUMNS = 72
"""Width of a terminal below which the list has few columns."""


class HistoryScreen(Dialog[bool]):
    """The stored sessions, or the matches of a search in all of them. It stays open below an opened session.

    Its result is whether sessions are deleted.

    Args:
        sessions: the sessions, newest first.
        host: name of the engine's machine; empty for this one.
        watching: whether this viewer may only look.
    """

    NAME = "Past sessions"
    VERTICAL_BREAKPOINTS = [*Dialog.VERTICAL_BREAKPOINTS, (30, "-high")]  # noqa: RUF012 (as in its base)
    BINDINGS: ClassVar[list[BindingType]] = list(HISTORY)

    def __init__(self, sessions: Sequence[SessionInfo], host: str = "", *, watching: bool = False) -> None:
        super().__init__()
        self._watching = watching
        self._sessions = tuple(sessions)
        self._host = host
        self._order = 0
        self._marked: dict[str, None] = {}
        self._asked = AskedSessions()
        self._deleted: dict[str, None] = {}
        """Ids of the sessions to delete when the screen is left."""
        self._hits: tuple[SessionHit, ...] | None = None
        """Matches of a search in all sessions; `None` while the sessions are listed."""
        self.turn = 0
        """Number of the turn to select in the session that was opened last; 0 for none."""

    def compose(self) -> ComposeResult:
        """Lay out the filter, the list and the preview."""
        with Box("Past sessions", self._keys_line, classes="wide"):
            yield Filter(placeholder="type to filter", id="filter", compact=True)
            yield Choices(heading=heading(), id="sessions")
            yield Reader(id="preview", more=MORE)

    def on_mount(self) -> None:
        """Show the sessions and select the newest."""
        self._show()

    def set_sessions(self, sessions: Sequence[SessionInfo]) -> None:
        """Show sessions that have changed."""
        self._sessions = tuple(sessions)
        if self.is_mounted:
            self._show(self._selected_row)

    def show_hits(self, hits: Sequence[SessionHit]) -> None:
        """Show the matches of a search in all sessions."""
        self._hits = tuple(hits)
        self._show()

    def show_answer(self, session: str, gist: Gist) -> None:
        """Show the answer of a session to the question that was asked here."""
        if self._asked.take(session, gist) and self.is_mounted:
            self._show(self._selected_row)

    @property
    def _keys_line(self) -> str:
        if self._hits is not None:
            return WATCHING_MATCH_KEYS if self._watching else MATCH_KEYS
        return WATCHING_KEYS if self._watching else KEYS

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action is possible now; `None`, not false, so that its key can say why not."""
        if action == "replay":
            return True if has_terminal(self.app) else None
        refused = self._watching and action in CHANGES
        return None if refused or self._reason_against(action) else True

    def _reason_against(self, action: str) -> str:
        """Return why an action is not possible with what is listed; empty if it is."""
        if self._hits is not None:
            return NOT_A_LIST if action in LIST_ACTIONS else ""
        needs_session = action in CHANGES | {"replay"} and action != "mark"
        return "No session is listed." if needs_session and self.is_mounted and self._selected is None else ""

    def explain_unavailable(self, binding: Binding) -> None:
        """Say in the lower border why the action of a key is not possible now."""
        if self._watching and binding.action in CHANGES:
            self.show_status(WATCH_ONLY)
        else:
            self.show_status(self._reason_against(binding.action) or NEEDS_TERMINAL)

    def action_keys(self) -> None:
        """Show the keys of this screen, without those that a viewer that may only look can never use."""
        offered = [
            found
            for found in type(self).BINDINGS
            if isinstance(found, Binding) and not (self._watching and found.action in CHANGES)
        ]
        show_keys(self, self.NAME, [*offered, HELP])

    # List

    @on(Input.Changed)
    def filter_sessions(self) -> None:
        """Show the sessions that match the filter."""
        self._hits = None
        self._show()

    @on(Input.Submitted)
    def submit(self) -> None:
        """Open the selected session."""
        self.action_choose()

    def action_step(self, step: int) -> None:
        """Select another row."""
        super().action_step(step)
        self._preview()

    def action_sort(self) -> None:
        """Use the next sort order."""
        self._order = (self._order + 1) % len(ORDERS)
        self._show()

    def action_mark(self) -> None:
        """Mark the selected session, or no longer, and select the next one."""
        if self._hits is not None:
            self.show_status(NOT_A_LIST)
        elif (session := self._selected) is not None:
            _toggle(self._marked, session.id)
            self._show(self._selected_row + 1)

    def action_search_all(self) -> None:
        """Search the words of the filter in all sessions."""
        if words := self.query_one(Input).value.strip():
            self._send(SearchSessions(words))
        else:
            self.show_status("Type the words to search for, then press ^f.")

    def action_cancel(self) -> None:
        """Go back from the matches to the list, or from the list to the dashboard; deletions are carried out."""
        if self._hits is not None:
            self._hits = None
            self._show()
            return
        if self._deleted:
            self._send(DeleteSessions(tuple(self._deleted)))
        self.dismiss(bool(self._deleted))

    # Sessions

    def action_choose(self) -> None:
        """Open the selected session, or the session of the selected match at its turn."""
        if self._hits is not None:
            if self._hits:
                hit = self._hits[self._selected_row]
                self.turn = hit.turn
                self._send(ShowSession(hit.session))
        elif (session := self._selected) is not None:
            self.turn = 0
            self._send(ShowSession(session.id))
        elif not self._sessions:
            self.action_cancel()

    def action_ask(self) -> None:
        """Ask a question about the selected session, and open it; or about each of the marked ones."""
        found = [self._hits[self._selected_row].session] if self._hits else self._chosen
        if not found:
            return
        about = f"{len(found)} marked sessions, each by itself" if len(found) > 1 else "the session"

        def ask(question: str) -> None:
            if not question:
                return
            if len(found) == 1:
                self.turn = 0
                self._send(ShowSession(found[0]))
            else:
                self._asked.ask(found, question)
                self._show(self._selected_row)
                self.show_status(f"Asked {plural(len(found), 'session')}. The answers appear below the list.")
            for id in found:
                self._send(AnnotateSession(id, Ask(question)))

        self._edit(f"question about {about} · esc cancel", "", ask)

    def action_replay(self) -> None:
        """Replay the selected session, or the session of the selected match."""
        if self._hits:
            self.post_message(ReplayRequested(self._hits[self._selected_row].session))
        elif (session := self._selected) is not None:
            self.post_message(ReplayRequested(session.id))

    def action_rename(self) -> None:
        """Edit the title of the selected session."""
        if (session := self._selected) is not None:
            self._edit("title of the session · esc cancel", session.name, lambda name: self._describe(session, name))

    def action_tag(self) -> None:
        """Edit the tags of the selected session."""
        if (session := self._selected) is not None:
            self._edit(
                "tags, separated by spaces · esc cancel",
                " ".join(session.tags),
                lambda tags: self._send(DescribeSession(session.id, session.name, tuple(tags.split()))),
            )

    def action_export(self) -> None:
        """Export the marked sessions, or the selected one."""
        from tui.viewer.screens.export import ExportChoice, ExportPicker

        chosen = self._chosen
        if not chosen:
            return

        def export(choice: ExportChoice | None) -> None:
            if choice is not None:
                for id in chosen:
                    self._send(ExportSession(id, choice.format, fetch=choice.fetch))

        self.app.push_screen(ExportPicker(self._host), export)

    def action_delete(self) -> None:
        """Delete the marked sessions, or the selected one, when the screen is left; undo that. Marks stay."""
        live = {session.id for session in self._sessions if session.live}
        chosen = [id for id in self._chosen if id not in live]
        if not chosen:
            self.show_status("A session that is running is not deleted. Stop it first.")
            return
        undo = all(id in self._deleted for id in chosen)
        for id in chosen:
            if undo:
                self._deleted.pop(id, None)
            else:
                self._deleted[id] = None
        self._show(self._selected_row)

    def _describe(self, session: SessionInfo, name: str) -> None:
        self._send(DescribeSession(session.id, name, session.tags))

    def _edit(self, placeholder: str, text: str, save: Callable[[str], None]) -> None:
        from tui.viewer.screens.text_input import TextInputScreen

        def take(written: str | None) -> None:
            if written is not None:
                save(written)

        self.app.push_screen(TextInputScreen(placeholder, text), take)

    def _send(self, command: Command) -> None:
        self.post_message(CommandRequested(command))

    # Painting

    @property
    def _selected_row(self) -> int:
        return self.query_one(Choices).selected

    @property
    def _found(self) -> list[SessionInfo]:
        """The sessions that match the filter, in the sort order."""
        words = self.query_one(Input).value
        _, key, reverse = ORDERS[self._order]
        found = [session for session in self._sessions if contains_all(searchable(session), words)]
        return sorted(found, key=key, reverse=reverse)

    @property
    def _selected(self) -> SessionInfo | None:
        found = self._found
        return found[self._selected_row] if self._hits is None and self._selected_row < len(found) else None

    @property
    def _chosen(self) -> list[str]:
        """Ids of the marked sessions; without marks, of the selected one."""
        selected = self._selected
        return list(self._marked) or ([selected.id] if selected is not None else [])

    def _show(self, selected: int = 0) -> None:
        if self._hits is not None:
            rows = [hit_row(hit, narrow=self._narrow) for hit in self._hits]
            title = f"{len(rows)} {'match' if len(rows) == 1 else 'matches'} in all sessions"
        else:
            found = self._found
            rows = [self._row(session) for session in found]
            marked = f" · {len(self._marked)} marked" if self._marked else ""
            undo = "^x undoes" if self._marked else "^x on it undoes"
            gone = f" · {len(self._deleted)} deleted when you leave, {undo}" if self._deleted else ""
            count = plural(len(found), "session") if self._sessions else "No past sessions"
            parts = f"{marked}{self._asked.summary}{gone} · {ORDERS[self._order][0]}"
            title = f"{count}{parts}" if self._sessions else count
        self.query_one(Box).show(title, self._keys_line)
        self.query_one(Choices).show(rows, selected, heading(matches=self._hits is not None, narrow=self._narrow))
        self._preview()

    def on_resize(self) -> None:
        """Fit the columns to the width."""
        self._show(self._selected_row)

    @property
    def _narrow(self) -> bool:
        return self.app.size.width < NARROW_COLUMNS

    def _row(self, session: SessionInfo) -> Line:
        when = session.started_at[:16].replace("T", " ")
        marks = f"{session.bookmarks:>2}" if session.bookmarks else "  "
        sign = "✗ " if session.id in self._deleted else "● " if session.id in self._marked else "  "
        tags = "".join(f"#{one_line(tag, 20)} " for tag in session.tags)
        style = "muted" if session.id in self._deleted else "strong" if session.name else ""
        return (
            Span(sign, "bad strong" if session.id in self._deleted else "accent strong"),
            *self._columns(session, when, marks),
            *self._asked.sign(session.id),
            Span(status(session), "warn strong"),
            Span(tags, "accent"),
            Span(one_line(title_of(session), 80), style),
        )

    def _columns(self, session: SessionInfo, when: str, marks: str) -> Line:
        length = clock(session.length_s)
        if self._narrow:
            return (Span(f"{when[5:]:<13}{length:>7}  ", "muted"),)
        return (Span(f"{when:<18}{length:>7}  {session.turns:>5}  ", "muted"), Span(f"{marks}  ", "accent"))

    def _preview(self) -> None:
        session = self._selected
        text: list[Line] = []
        if session is not None:
            text = [*self._asked.lines(session.id), *preview_of(session)]
        elif self._hits:
            hit = self._hits[self._selected_row]
            of = [found for found in self._sessions if found.id == hit.session]
            text = [tuple(snippet(hit)), *((Span(one_line(title_of(found), 200), "strong"),) for found in of)]
        self.query_one("#preview", Reader).show(text)


def _toggle(ids: dict[str, None], id: str) -> None:
    if id in ids:
        del ids[id]
    else:
        ids[id] = None
