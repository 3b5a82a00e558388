"""Body of a session: the panes of turns, gists and stats, and their layout."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from tui.model.events import (
    Event,
    GistChanged,
    GistDelta,
    SessionStarted,
    Snapshot,
    SpeakerNamed,
    StateChanged,
    StatsChanged,
    TranscriptEdited,
    TurnBookmarked,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gists import Gist
from tui.model.tracks import TracksChanged
from tui.model.transcript import Turn
from tui.presentation.edited_turns import containing_turn
from tui.presentation.highlight_rules import Rule
from tui.presentation.turn_filter import TurnFilter
from tui.presentation.turn_list import turn_at, turns_as_markdown
from tui.presentation.view_model import ViewModel
from tui.viewer.layout_state import LayoutState
from tui.viewer.widgets.gists_pane import GistsPane
from tui.viewer.widgets.pane import Pane
from tui.viewer.widgets.stats_pane import StatsPane
from tui.viewer.widgets.turns_pane import TurnsPane


class Body(Container):
    """The panes of one view model: turns, gists and stats."""

    class CopyRequested(Message):
        """A person asked to copy text to the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self, view_model: ViewModel, *, rules: Sequence[Rule] = (), past: bool = False, id: str | None = None
    ) -> None:
        super().__init__(id=id, classes="-empty")
        self._view_model = view_model
        self.layout_state = LayoutState()
        """Which panes are hidden or zoomed."""
        self.turns = TurnsPane(view_model, rules=rules, past=past, id="turns")
        self.gists = GistsPane(view_model, rules=rules, id="gists")
        self.turns.grows = self.gists.grows = not past
        self.stats = StatsPane(view_model, id="stats")

    def compose(self) -> ComposeResult:
        """Lay out the panes."""
        yield self.turns
        yield self.gists
        yield self.stats

    def handle_event(self, event: Event) -> None:
        """Show what an event has changed in the view model."""
        match event:
            case TurnChanged(turn=turn):
                self.turns.put(turn.number)
                self.stats.show_words()
            case TurnRemoved(number=number):
                self.turns.drop(number)
            case TranscriptEdited(edits=edits):
                for edit in edits:
                    self.turns.put(edit.number)
                    for gist in self._view_model.gists_of(edit.number)[:1]:
                        self.gists.put(gist.number)
            case GistChanged(gist=gist):
                self.gists.put(self.gists.entry_of(gist.number))
                if (above := self._turn_above(gist.number)) is not None:
                    self.turns.put(above)
            case GistDelta(number=number) if number in self._view_model.gists:
                self.gists.grow(self.gists.entry_of(number))
                if (above := self._turn_above(number)) is not None:
                    self.turns.grow(above)
            case StatsChanged(stats=stats):
                self.stats.show(stats)
            case TurnBookmarked() if self.turns.filter.bookmarks_only:
                self._reset_panes()
            case TurnBookmarked(turn=number):
                self.turns.put(number)
            case StateChanged():
                self.turns.show_state()
            case SpeakerNamed():
                self.turns.refresh_entries()
            case Snapshot() | SessionStarted() | TracksChanged():
                if isinstance(event, SessionStarted):
                    self._show_all()
                self.show_session()
        self._update_empty_text()

    def show_session(self) -> None:
        """Show the whole session anew."""
        self._reset_panes()
        self.stats.show(self._view_model.stats)
        self._update_empty_text()

    def _update_empty_text(self) -> None:
        """Set the class `-empty` while there are no entries: a small screen then shows the empty text only."""
        if self.has_class("-empty") == bool(self.count):
            self.toggle_class("-empty")

    def _show_all(self) -> None:
        """End the search and the filter, which would hide the turns of a new session."""
        for pane in (self.turns, self.gists):
            pane.search("")
            pane.filter = TurnFilter()

    def _reset_panes(self) -> None:
        self.turns.reset(turn.number for turn in self._view_model.transcript)
        self.gists.reset(self.gists.entries())

    @property
    def pane(self) -> Pane:
        """The focused pane; the turns if none is."""
        return self.gists if self.screen.focused is self.gists else self.turns

    @property
    def count(self) -> int:
        """Number of entries in both panes."""
        return self.turns.count + self.gists.count

    @property
    def turn(self) -> Turn | None:
        """The selected turn, else the turn of the selected gist, else the last final turn; `None` without one."""
        key = self.turns.cursor
        if (gist := self.gist) is not None and (self.pane is self.gists or key is None):
            key = gist.turn
        found = self._view_model.transcript.get(key) if key is not None else None
        return found if found is not None and found.final else self._view_model.newest_final()

    @property
    def gist(self) -> Gist | None:
        """The selected gist; `None` without one."""
        return self._view_model.gists.get(self.gists.cursor) if self.gists.cursor is not None else None

    @property
    def selected_turns(self) -> tuple[int, ...]:
        """Numbers of the turns that are selected, if there are several; else empty."""
        keys = self.pane.selected
        if self.pane is self.gists:
            keys = [turn for key in keys if (turn := self._view_model.gists[key].turn) is not None]
        return tuple(keys) if len(keys) > 1 else ()

    def go_to(self, where: str) -> bool:
        """Select the turn of a number or a time, such as `12`, `1:30` or `14:05:10`; return whether there is one."""
        number = turn_at(self._view_model, where, clock_times=self.turns.clock_times)
        if number is None:
            return False
        self.turns.focus()
        self.turns.select(number)
        return True

    def copy_markdown(self) -> None:
        """Request to copy the selected turns, or all, as Markdown with their times."""
        keys = self.selected_turns or ((self.turns.cursor,) if self.turns.cursor is not None else None)
        self.post_message(self.CopyRequested(turns_as_markdown(self._view_model, keys)))

    def toggle_follow(self) -> None:
        """Follow the newest entries in both panes; if both follow, stop following."""
        panes = (self.turns, self.gists)
        following = all(pane.following for pane in panes)
        for pane in panes:
            if following:
                pane.stop_following()
            else:
                pane.follow()

    def set_layout(self, layout_state: LayoutState) -> None:
        """Hide, show and zoom panes."""
        self.layout_state = layout_state
        self.set_class(bool(layout_state.zoomed), "-zoomed")
        reading = layout_state.zoomed == "reading"
        self.set_class(reading, "-reading")
        self.turns.show_gists(self.gists.lines_below if reading else None)
        self.set_class(layout_state.all_stats, "-all-stats")
        self.stats.all = layout_state.all_stats
        self.stats.touch()
        if layout_state.clock_times != self.turns.clock_times:
            self.turns.toggle_clock()
        for pane in (self.turns, self.gists, self.stats):
            zoomed = "turns" if reading else layout_state.zoomed
            hidden = pane.id != zoomed if zoomed else pane.id in layout_state.hidden
            pane.set_class(hidden, "-hidden")
        for name in ("gists", "stats"):
            self.set_class(name in layout_state.hidden, f"-no-{name}")
        if "gists" in layout_state.hidden and self.is_mounted and self.screen.focused is self.gists:
            self.turns.focus()

    def toggle_zoom(self) -> None:
        """Zoom the focused pane, or show all panes that are not hidden."""
        zoomed: Literal["turns", "gists"] = "gists" if self.pane is self.gists else "turns"
        self.set_layout(replace(self.layout_state, zoomed="" if self.layout_state.zoomed else zoomed))

    def toggle_reading(self) -> None:
        """Show the turns with their gists below them in one column, or all panes that are not hidden."""
        reading = self.layout_state.zoomed != "reading"
        self.set_layout(replace(self.layout_state, zoomed="reading" if reading else ""))
        self.turns.focus()

    def _turn_above(self, number: int) -> int | None:
        """Return the turn below which a gist stands in reading mode; `None` in other layouts."""
        gist = self._view_model.gists.get(number)
        if gist is None or self.layout_state.zoomed != "reading":
            return None
        return gist.turn if gist.turn is not None else self._view_model.last_turn_of(gist)

    def toggle_hidden(self, name: Literal["gists", "stats"]) -> None:
        """Show or hide a pane; this ends a zoom."""
        hidden = set(self.layout_state.hidden) ^ {name}
        self.set_layout(replace(self.layout_state, zoomed="", hidden=tuple(sorted(hidden))))

    def toggle_all_stats(self) -> None:
        """Show all statistics, or the most important ones; this shows hidden stats and ends a zoom."""
        hidden = tuple(name for name in self.layout_state.hidden if name != "stats")
        shown = not self.layout_state.all_stats or hidden != self.layout_state.hidden
        self.set_layout(replace(self.layout_state, zoomed="", hidden=hidden, all_stats=shown))

    def toggle_clock(self) -> None:
        """Show times of the day, or times since the start."""
        self.set_layout(replace(self.layout_state, clock_times=not self.layout_state.clock_times))

    def toggle_bookmarks_only(self) -> None:
        """Show bookmarked turns and their gists only, or all entries."""
        self._filter(TurnFilter(bookmarks_only=not self.turns.filter.bookmarks_only))

    def toggle_speaker_only(self) -> None:
        """Show the turns of the selected turn's speaker and their gists only, or all entries."""
        if self.turn is None or self.turns.filter.speaker:
            self._filter(TurnFilter())
            return
        name = self._view_model.speakers.get(self.turn.speaker or "", "")
        self._filter(TurnFilter(speaker=self.turn.label, speaker_name=name))

    def _filter(self, turn_filter: TurnFilter) -> None:
        """Show the entries that a filter admits; keep the selection if it stays visible."""
        at = self.turns.cursor
        for pane in (self.turns, self.gists):
            pane.filter = turn_filter
        self._reset_panes()
        if at is not None and (not turn_filter.active or self.turns.admitted(at)):
            self.turns.select(at)

    def show_newest_gist(self) -> None:
        """Show the gists and follow the newest."""
        if self.gists.has_class("-hidden"):
            hidden = tuple(name for name in self.layout_state.hidden if name != "gists")
            self.set_layout(replace(self.layout_state, zoomed="", hidden=hidden))
        self.gists.follow()

    def search(self, needle: str) -> None:
        """Highlight a text in both panes; an empty text ends the search."""
        for pane in (self.turns, self.gists):
            pane.search(needle)

    def clear_selection(self) -> None:
        """End the search; without one, clear the selection."""
        if self.pane.needle:
            self.search("")
            return
        for pane in (self.turns, self.gists):
            pane.select(None)

    def copy(self) -> None:
        """Request to copy the selected entry of the focused pane, or the whole pane."""
        self.post_message(self.CopyRequested(self.pane.text_to_copy()))

    @on(Pane.EntrySelected)
    def show_counterpart(self, event: Pane.EntrySelected) -> None:
        """Select the gist of a selected turn, or the turn of a selected gist; focus its pane for `focus`."""
        event.stop()
        other: Pane | None = None
        if event.pane is self.turns:
            if found := self._view_model.gists_of(event.key):
                other = self.gists
                other.select(found[0].number)
        elif (gist := self._view_model.gists.get(event.key)) is not None and gist.turn is not None:
            other = self.turns
            other.select(containing_turn(self._view_model, gist.turn))
        if event.focus and other is not None:
            other.focus()
