"""The three panes and how they go together."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from tui.model.events import (
    Event,
    GistChanged,
    GistDelta,
    SessionStarted,
    Snapshot,
    SpeakerNamed,
    StatsChanged,
    TurnBookmarked,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gists import Gist
from tui.model.transcript import Turn
from tui.presentation.view_model import ViewModel
from tui.viewer.highlights import Rule
from tui.viewer.layout_state import LayoutState
from tui.viewer.messages import CopyRequested, EntrySelected
from tui.viewer.widgets.gists_pane import GistsPane
from tui.viewer.widgets.pane import Pane
from tui.viewer.widgets.stats_pane import StatsPane
from tui.viewer.widgets.turns_pane import TurnsPane


class Body(Container):
    """Turns, gists and stats of one picture."""

    def __init__(self, picture: ViewModel, *, rules: Sequence[Rule] = (), id: str | None = None) -> None:
        super().__init__(id=id, classes="-empty")
        self._picture = picture
        self.layout_state = LayoutState()
        """Which panes are seen."""
        self.turns = TurnsPane(picture, rules=rules, id="turns")
        self.gists = GistsPane(picture, rules=rules, id="gists")
        self.stats = StatsPane(id="stats")

    def compose(self) -> ComposeResult:
        """Lay out the panes."""
        yield self.turns
        yield self.gists
        yield self.stats

    def handle_event(self, event: Event) -> None:
        """Show what an event has changed in the picture."""
        match event:
            case TurnChanged(turn=turn):
                self.turns.put(turn.number)
            case TurnRemoved(number=number):
                self.turns.drop(number)
            case GistChanged(gist=gist):
                self.gists.put(self.gists.lead(gist.number))
            case GistDelta(number=number) if number in self._picture.gists:
                self.gists.grow(self.gists.lead(number))
            case StatsChanged(stats=stats):
                self.stats.show(stats)
            case TurnBookmarked() if self.turns.narrowed:
                self._show_all()
            case TurnBookmarked(turn=number):
                self.turns.put(number)
            case SpeakerNamed():
                self.turns.anew()
            case Snapshot() | SessionStarted():
                self._show_all()
                self.stats.show(self._picture.stats)
        self._update_empty_text()

    def _update_empty_text(self) -> None:
        """Mark that nothing was said yet: where room is scarce, what to do has all of it."""
        if self.has_class("-empty") == bool(self.count):
            self.toggle_class("-empty")

    def _show_all(self) -> None:
        self.turns.reset(turn.number for turn in self._picture.transcript)
        self.gists.reset(self.gists.leads())

    @property
    def pane(self) -> Pane:
        """The pane that the keyboard is in."""
        return self.gists if self.screen.focused is self.gists else self.turns

    @property
    def count(self) -> int:
        """How many turns and gists there are."""
        return self.turns.count + self.gists.count

    @property
    def turn(self) -> Turn | None:
        """The selected turn, else that of the selected gist, else the one that ended last."""
        key = self.turns.cursor
        if (gist := self.gist) is not None and (self.pane is self.gists or key is None):
            key = gist.turn
        found = self._picture.transcript.get(key) if key is not None else None
        return found if found is not None and found.final else self._picture.newest_final()

    @property
    def gist(self) -> Gist | None:
        """The selected gist."""
        return self._picture.gists.get(self.gists.cursor) if self.gists.cursor is not None else None

    def toggle_follow(self) -> None:
        """Follow the newest entries, or stay put if all do."""
        panes = (self.turns, self.gists)
        following = all(pane.following for pane in panes)
        for pane in panes:
            if following:
                pane.stay()
            else:
                pane.follow()

    def set_layout(self, layout_state: LayoutState) -> None:
        """Show the panes that were chosen."""
        self.layout_state = layout_state
        self.set_class(bool(layout_state.zoomed), "-zoomed")
        for part in (self.turns, self.gists, self.stats):
            away = part.id != layout_state.zoomed if layout_state.zoomed else part.id in layout_state.hidden
            part.set_class(away, "-away")
        for name in ("gists", "stats"):
            self.set_class(name in layout_state.hidden, f"-no-{name}")
        if "gists" in layout_state.hidden and self.is_mounted and self.screen.focused is self.gists:
            self.turns.focus()

    def toggle_zoom(self) -> None:
        """Give the pane with the keyboard the whole space, or give the others theirs back."""
        zoomed: Literal["turns", "gists"] = "gists" if self.pane is self.gists else "turns"
        self.set_layout(replace(self.layout_state, zoomed="" if self.layout_state.zoomed else zoomed))

    def toggle_hidden(self, name: Literal["gists", "stats"]) -> None:
        """Hide a pane, or show it again; nothing has the whole space then."""
        hidden = set(self.layout_state.hidden) ^ {name}
        self.set_layout(LayoutState(hidden=tuple(sorted(hidden))))

    def toggle_narrow(self) -> None:
        """Show only bookmarks and what was answered about them, or everything again."""
        at = self.turns.cursor
        for pane in (self.turns, self.gists):
            pane.narrowed = not pane.narrowed
        self._show_all()
        if at is not None and (not self.turns.narrowed or self.turns.marked(at)):
            self.turns.select(at)

    def show_answer(self) -> None:
        """Have the newest answer on the screen."""
        if self.gists.has_class("-away"):
            hidden = tuple(name for name in self.layout_state.hidden if name != "gists")
            self.set_layout(LayoutState(hidden=hidden))
        self.gists.follow()

    def search(self, needle: str) -> None:
        """Mark what is searched for in all panes; nothing for an empty text."""
        for pane in (self.turns, self.gists):
            pane.search(needle)

    def clear_selection(self) -> None:
        """End the search; without one, select nothing."""
        if self.pane.needle:
            self.search("")
            return
        for pane in (self.turns, self.gists):
            pane.select(None)

    def copy(self) -> None:
        """Have copied what is selected in the pane with the keyboard, or all of it."""
        self.post_message(CopyRequested(self.pane.copied()))

    @on(EntrySelected)
    def show_counterpart(self, event: EntrySelected) -> None:
        """Show the gist of a selected turn, or the turn of a selected gist."""
        event.stop()
        other: Pane | None = None
        if event.pane == "turns":
            if found := self._picture.gists_of(event.key):
                other = self.gists
                other.select(found[0].number)
        elif (gist := self._picture.gists.get(event.key)) is not None and gist.turn is not None:
            other = self.turns
            other.select(gist.turn)
        if event.go and other is not None:
            other.focus()
