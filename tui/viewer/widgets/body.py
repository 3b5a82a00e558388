"""The three panes and how they go together."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from tui.model.events import (
    Event,
    GistChanged,
    GistGrew,
    SessionStarted,
    Snapshot,
    StatsChanged,
    TurnChanged,
    TurnRemoved,
)
from tui.viewer.messages import Copy, EntrySelected
from tui.viewer.picture import Picture
from tui.viewer.widgets.figures import Figures
from tui.viewer.widgets.gists import Gists
from tui.viewer.widgets.pane import Pane
from tui.viewer.widgets.turns import Turns


class Body(Container):
    """Turns, gists and stats of one picture."""

    def __init__(self, picture: Picture, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture = picture
        self.turns = Turns(picture, id="turns")
        self.gists = Gists(picture, id="gists")
        self.figures = Figures(id="figures")

    def compose(self) -> ComposeResult:
        """Lay out the panes."""
        yield self.turns
        yield self.gists
        yield self.figures

    def hear(self, event: Event) -> None:
        """Show what an event has changed in the picture."""
        match event:
            case TurnChanged(turn=turn):
                self.turns.put(turn.number)
            case TurnRemoved(number=number):
                self.turns.drop(number)
            case GistChanged(gist=gist):
                self.gists.put(gist.number)
            case GistGrew(number=number) if number in self._picture.gists:
                self.gists.grow(number)
            case StatsChanged(stats=stats):
                self.figures.show(stats)
            case Snapshot() | SessionStarted():
                self.turns.reset(turn.number for turn in self._picture.transcript)
                self.gists.reset(sorted(self._picture.gists))
                self.figures.show(self._picture.stats)

    @property
    def pane(self) -> Pane:
        """The pane that the keyboard is in."""
        return self.gists if self.screen.focused is self.gists else self.turns

    @property
    def count(self) -> int:
        """How many turns and gists there are."""
        return self.turns.count + self.gists.count

    def toggle_follow(self) -> None:
        """Follow the newest entries, or stay put if all do."""
        panes = (self.turns, self.gists)
        following = all(pane.following for pane in panes)
        for pane in panes:
            if following:
                pane.stay()
            else:
                pane.follow()

    def toggle_zoom(self) -> None:
        """Give the pane with the keyboard the whole space, or give the others theirs back."""
        zoomed = not self.has_class("-zoomed")
        self.set_class(zoomed, "-zoomed")
        for part in (self.turns, self.gists, self.figures):
            part.set_class(zoomed and part is not self.pane, "-away")

    def search(self, needle: str) -> None:
        """Mark what is searched for in all panes; nothing for an empty text."""
        for pane in (self.turns, self.gists):
            pane.search(needle)

    def let_go(self) -> None:
        """End the search; without one, select nothing."""
        if self.pane.needle:
            self.search("")
            return
        for pane in (self.turns, self.gists):
            pane.select(None)

    def copy(self) -> None:
        """Have copied what is selected in the pane with the keyboard, or all of it."""
        self.post_message(Copy(self.pane.copied()))

    @on(EntrySelected)
    def show_counterpart(self, event: EntrySelected) -> None:
        """Show the gist of a selected turn, or the turn of a selected gist."""
        event.stop()
        other: Pane | None = None
        if event.pane == "turns":
            if found := self._picture.gists_of(event.key):
                other = self.gists
                other.select(found[-1].number)
        elif (gist := self._picture.gists.get(event.key)) is not None and gist.turn is not None:
            other = self.turns
            other.select(gist.turn)
        if event.go and other is not None:
            other.focus()
