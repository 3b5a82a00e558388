"""Meter rows: the level meter of a session, or one row for each of several tracks."""

import time
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.containers import Container

from tui.model.events import LevelChanged
from tui.model.tracks import MAX_TRACKS, Track
from tui.presentation.ballistics import TrackLevel
from tui.viewer.widgets.meter import Meter


class MeterRows(Container):
    """The meters of all tracks; the first is the only one of a session with one track.

    Args:
        fps: maximum frames per second.
        clock: monotonic seconds.
    """

    def __init__(self, *, fps: int, clock: Callable[[], float] = time.monotonic, id: str | None = None) -> None:
        super().__init__(id=id)
        self._meters = [Meter(fps=fps, clock=clock, id="meter")]
        self._meters += [Meter(fps=fps, clock=clock, id=f"meter-{at}") for at in range(2, MAX_TRACKS + 1)]
        self._names: tuple[str, ...] = ("",)
        self.lost: tuple[str, ...] = ()
        """Names of the tracks whose source is lost."""

    def compose(self) -> ComposeResult:
        """Lay out the meters."""
        for meter in self._meters[1:]:
            meter.add_class("-hidden")
        yield from self._meters

    @property
    def fps(self) -> int:
        """Maximum frames per second."""
        return self._meters[0].fps

    @fps.setter
    def fps(self, fps: int) -> None:
        for meter in self._meters:
            meter.fps = fps

    @property
    def clipped(self) -> bool:
        """Whether the clip mark of a meter is set."""
        return any(meter.clipped for meter in self._meters)

    def feed(self, level: LevelChanged) -> None:
        """Update the needles of the level's track."""
        if level.track in self._names:
            self._meters[self._names.index(level.track)].feed(level)
        elif len(self._names) == 1:
            self._meters[0].feed(level)

    def show_speech(self, is_speaking: Callable[[str], bool]) -> None:
        """Show on which tracks the endpoint detects speech."""
        for name, meter in zip(self._names, self._meters, strict=False):
            meter.show_speech(is_speaking(name))

    def resume(self, levels: Mapping[str, TrackLevel]) -> None:
        """Show the levels of the tracks that were received before, by their names."""
        for name, meter in zip(self._names, self._meters, strict=False):
            level = levels.get(name) if len(self._names) > 1 else next(iter(levels.values()), None)
            if level is not None:
                meter.resume(level)

    def show_state(self, tracks: Sequence[Track], *, active: bool, lost: Sequence[str] = ()) -> None:
        """Show a row for each track, what is muted or lost, and the gains.

        Args:
            tracks: the tracks; the name of the only one is not shown.
            active: whether levels are expected.
            lost: names of the tracks whose source is lost.
        """
        self.lost = tuple(lost)
        shown = tracks if len(tracks) > 1 else [replace(track, name="") for track in tracks]
        self._names = tuple(track.name for track in shown)
        for at, meter in enumerate(self._meters):
            meter.set_class(len(shown) > 1, "-row")
            meter.set_class(at >= len(shown), "-hidden")
            if at < len(shown):
                meter.label = shown[at].name
                meter.show_state(
                    active=active and not shown[at].stopped,
                    muted=shown[at].muted,
                    gain_db=shown[at].gain_db,
                    may_be_silent=shown[at].plays,
                    lost=shown[at].name in self.lost,
                )

    def clear_history(self) -> None:
        """Forget the levels of the session before."""
        for meter in self._meters:
            meter.clear_history()

    def clear_clip(self) -> None:
        """Clear the clip marks."""
        for meter in self._meters:
            meter.clear_clip()
