"""Level meter: RMS, peak and held peak in dBFS, a clip mark until it is cleared, warnings, and the last minutes."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from copy import copy, deepcopy
from itertools import groupby
from typing import ClassVar

from tui.model.events import LevelChanged
from tui.presentation.ballistics import (
    BOTTOM_DBFS,
    FLOOR_DBFS,
    Ballistics,
    Condition,
    History,
    Interval,
    Reading,
    TrackLevel,
)
from tui.text import one_line
from tui.viewer.frame_rate import FrameLimiter
from tui.viewer.styled_text import Line, Span, justify, pad, truncate, width
from tui.viewer.widgets.cell_widget import CellWidget

DEADBAND_DB = 1.0
"""Smallest change of a needle that is shown: smaller ones are noise, and each repaint costs traffic."""
MONO_S = 2.0
"""Seconds without levels per channel after which the input counts as mono: a single block may lack them."""
BAR_CELLS = (20, 40)
"""Least and most cells of the bar; between them it takes three tenths of the row."""
READOUT_CELLS = 24
"""Cells for the readout beside the bar: numbers or a warning."""
NAME_CELLS = 9
"""Cells of the name of a track, with a space after it."""
NARROW_READOUT_CELLS = 16
"""The same in less than 56 columns, where there is no history."""
CELLS_PER_MINUTE = 12
"""Cells of the history for one minute: an interval is half a cell wide."""
LABEL_CELLS = 7
"""Cells of the label of the history."""
LEFT_DOTS = (0x40, 0x04, 0x02, 0x01)
"""Dots of the left half of a braille character, from the lowest."""
RIGHT_DOTS = (0x80, 0x20, 0x10, 0x08)
LATE_FRAMES = 1.5
"""Frames without a level after which the needles fall by the clock."""
READOUT_EVERY_S = 0.25
"""Least time between two changes of the numbers, which nobody reads faster."""


def zone_style(dbfs: float) -> str:
    """Return the style of a level: good below -20 dBFS, warn below -9 dBFS, else bad."""
    return "good" if dbfs < -20 else "warn" if dbfs < -9 else "bad"


def bar(reading: Reading, columns: int) -> Line:
    """Return a bar: RMS solid, from RMS to peak shaded, the held peak as a stroke."""
    rms, peak, hold = (_cells(level, columns) for level in (reading.rms_dbfs, reading.peak_dbfs, reading.hold_dbfs))
    held = int(hold) if hold > 0 else -1
    cells: list[tuple[str, str]] = []
    for at in range(columns):
        style = f"{zone_style(BOTTOM_DBFS * (1 - at / columns))} track"
        if at + 1 <= rms:
            sign = "█"
        elif at == min(held, columns - 1) and at > int(rms):
            sign = "│"
        elif at + 0.5 <= rms:
            sign = "▌"
        elif at < int(peak):
            sign = "░"
        else:
            sign, style = " ", "track"
        cells.append((sign, style))
    return tuple(
        Span("".join(sign for sign, _ in run), style) for style, run in groupby(cells, key=lambda cell: cell[1])
    )


def with_deadband(shown: Reading, reading: Reading) -> Reading:
    """Return the new reading, with each needle kept as shown unless it moved by `DEADBAND_DB`."""

    def needle(old: float, new: float) -> float:
        return new if abs(new - old) >= DEADBAND_DB or (new <= BOTTOM_DBFS < old) else old

    return Reading(
        needle(shown.rms_dbfs, reading.rms_dbfs),
        needle(shown.peak_dbfs, reading.peak_dbfs),
        needle(shown.hold_dbfs, reading.hold_dbfs),
        reading.clipped,
        reading.condition,
    )


def braille(pairs: Iterable[tuple[Interval, Interval]]) -> Line:
    """Return the history, one cell for two intervals: filled columns for speech, a dot at the level for silence."""
    cells = [
        (
            chr(0x2800 + _dots(left, LEFT_DOTS) + _dots(right, RIGHT_DOTS)),
            "good" if left.speech or right.speech else "muted",
        )
        for left, right in pairs
    ]
    return tuple(
        Span("".join(sign for sign, _ in run), style) for style, run in groupby(cells, key=lambda cell: cell[1])
    )


def _dots(interval: Interval, dots: Sequence[int]) -> int:
    """Return the sum of the dots of one interval; 0 for no signal."""
    height = min(4, 1 + int(_cells(interval.peak_dbfs, 4))) if interval.peak_dbfs > BOTTOM_DBFS else 0
    return sum(dots[:height]) if interval.speech else sum(dots[height - 1 : height]) if height else 0


def _cells(dbfs: float, columns: int) -> float:
    """Return how many of the bar's cells a level fills."""
    return max(0.0, min(1.0, 1 - dbfs / BOTTOM_DBFS)) * columns


class Meter(CellWidget):
    """A level meter of one row: bar, numbers, and the last minutes; two rows with a bar for each of two channels."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"good", "warn", "bad", "track", "muted", "clip", "strong"})

    def __init__(self, *, fps: int, clock: Callable[[], float] = time.monotonic, id: str | None = None) -> None:
        super().__init__(id=id)
        self.fps = fps
        """Maximum frames per second; may change at any time."""
        self._frames = FrameLimiter()
        self._clock = clock
        self._ballistics = Ballistics()
        self.history = History()
        """Peaks and speech of the last minutes."""
        self._channels_at = -MONO_S
        self._channels: list[Ballistics] = []
        """Needles of the left and the right channel; empty for mono."""
        self._timer: asyncio.TimerHandle | None = None
        """Timer of the next repaint if no level comes before; `None` while the needles rest."""
        self._shown = Reading()
        self._channels_shown: dict[int, Reading] = {}
        self._readout = Reading()
        self._readout_at = -READOUT_EVERY_S
        self.speech = False
        """Whether the endpoint detects speech: a turn is open."""
        self.active = False
        """Whether levels are expected: a session is recording, or a replay is playing."""
        self.label = ""
        """Name of the track; empty for the only one."""
        self.muted = False
        self.lost = False
        """Whether silence is recorded because the source is lost."""
        self.gain_db = 0.0
        """Gain of the recording in dB."""

    def on_unmount(self) -> None:
        """Cancel the timer."""
        self.rest()

    def rest(self) -> None:
        """Stop the needles until the next level."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def feed(self, level: LevelChanged) -> None:
        """Update the needles with the level of one block of audio."""
        now = self._clock()
        self._feed_channels(level, now)
        history_changed = self.history.feed(level.peak_dbfs, now, speech=self.speech)
        self._ballistics.feed(level.rms_dbfs, level.peak_dbfs, level.clipped, now)
        if not self._ballistics.at_rest:
            self._tick(LATE_FRAMES)
        elif history_changed or self._ballistics.read(now).condition is not self._shown.condition:
            self.touch()

    def _feed_channels(self, level: LevelChanged, now: float) -> None:
        """Update the needles of two channels; switch between the layouts for stereo and mono."""
        if level.channels:
            self._channels_at = now
        elif now - self._channels_at < MONO_S:
            return
        if bool(level.channels) != bool(self._channels):
            self._channels = [Ballistics() for _ in level.channels[:2]]
            self.set_class(bool(self._channels), "-stereo")
        for needles, (rms, peak) in zip(self._channels, level.channels, strict=False):
            needles.feed(rms, peak, False, now)

    def show_speech(self, speech: bool) -> None:
        """Show whether the endpoint detects speech."""
        if speech != self.speech:
            self.speech = speech
            self.touch()

    def show_state(
        self, *, active: bool, muted: bool, gain_db: float = 0.0, may_be_silent: bool = False, lost: bool = False
    ) -> None:
        """Show what is expected of the track.

        Args:
            active: whether levels are expected.
            muted: whether silence is recorded because a person wants it.
            gain_db: gain of the recording in dB.
            may_be_silent: whether silence is normal.
            lost: whether silence is recorded because the source is lost.
        """
        self._ballistics.may_be_silent = may_be_silent
        if (active and not self.active) or (self.lost and not lost):
            self._ballistics.reset()
        elif self.active and not active:
            self._blank()
        self.active, self.muted, self.gain_db, self.lost = active, muted, gain_db, lost
        self.touch()

    def _blank(self) -> None:
        """Show no level, no held peak and no clip mark: the last ones would pass for present ones."""
        self.rest()
        self._ballistics.reset()
        self._channels = [Ballistics() for _ in self._channels]
        self._shown = self._readout = Reading()
        self._channels_shown.clear()

    def resume(self, level: TrackLevel) -> None:
        """Go on from a level and a history that were received before."""
        if self.active:
            self._ballistics = copy(level.needles)
        self.history = deepcopy(level.history)
        self.touch()

    def clear_history(self) -> None:
        """Forget the last minutes, when a session starts."""
        self.history = History()
        self.touch()

    def clear_clip(self) -> None:
        """Clear the clip mark."""
        self._ballistics.acknowledge()
        self.touch()

    @property
    def clipped(self) -> bool:
        """Whether the clip mark is set."""
        return self._ballistics.read(self._clock()).clipped

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the name of the track, the bar, its readout and the last minutes; a second channel below."""
        now = self._clock()
        name = self._track_name()
        columns -= width(name)
        self._shown = with_deadband(self._shown, self._ballistics.read(now))
        stale = self._readout.peak_dbfs <= FLOOR_DBFS or self._ballistics.at_rest
        if stale or now - self._readout_at >= READOUT_EVERY_S:
            self._readout, self._readout_at = self._shown, now
        readout = READOUT_CELLS if columns >= BAR_CELLS[0] + READOUT_CELLS + CELLS_PER_MINUTE else NARROW_READOUT_CELLS
        room = max(BAR_CELLS[0], min(BAR_CELLS[1], columns * 3 // 10))
        if readout == NARROW_READOUT_CELLS:
            room = max(0, columns - readout)
        beside = (*pad(self._words(readout), readout), *self._minutes(columns - room - readout))
        if rows > 1 and len(self._channels) == 2:
            bars = [(Span(f"{side} ", "muted"), *self._channel(at, now, room - 2)) for at, side in enumerate("LR")]
            blank = (Span(" " * width(name)),) if name else ()
            return [(*name, *bars[0], *beside), (*blank, *bars[1])]
        return [(*name, *bar(self._shown, room), *beside)]

    def _track_name(self) -> Line:
        """Return the name of the track; empty for the only one."""
        if not self.label:
            return ()
        name = truncate((Span(one_line(self.label), "strong"),), NAME_CELLS - 1)
        return (*pad(name, NAME_CELLS - 1), Span(" "))

    def _channel(self, at: int, now: float, columns: int) -> Line:
        """Return the bar of a channel."""
        needles, shown = self._channels[at], self._channels_shown
        reading = shown[at] = with_deadband(shown.get(at, Reading()), needles.read(now))
        return bar(reading, columns)

    def _minutes(self, columns: int) -> Line:
        """Return the history of as many whole minutes as fit, and its length, or the gain instead."""
        minutes = (columns - LABEL_CELLS) // CELLS_PER_MINUTE
        label = Span(f"{self.gain_db:+.0f} dB", "warn") if self.gain_db else Span(f"{minutes} min", "muted")
        if minutes < 1 or not self.history.pairs:
            return (Span(" "), label) if self.gain_db and columns >= LABEL_CELLS else ()
        cells = minutes * CELLS_PER_MINUTE
        return (*justify((), braille(self.history.pairs[-cells:]), columns - LABEL_CELLS), Span(" "), label)

    def _words(self, columns: int) -> Line:
        """Return the readout beside the bar, and the clip mark."""
        clip = (Span(" CLIP ", "clip", "screen.clear_clip"), Span(" c", "muted")) if self._shown.clipped else ()
        return (Span(" "), *pad(self._state(columns - 1 - width(clip)), columns - 1 - width(clip)), *clip)

    def _state(self, columns: int) -> Line:
        """Return a warning; without one, RMS and held peak, and whether the endpoint detects speech."""
        if not self.active:
            return (Span("not recording", "muted"),)
        if self.muted:
            return (Span("muted", "warn strong"),)
        if self.lost:
            return (Span("device lost", "bad strong", "screen.choose_device"), Span(" D", "muted"))
        match self._shown.condition:
            case Condition.NO_SIGNAL:
                return (Span("no signal", "bad strong"),)
            case Condition.WRONG_DEVICE:
                return (Span("wrong device?", "bad strong", "screen.choose_device"), Span(" D", "muted"))
            case Condition.QUIET:
                return (Span("too quiet", "warn strong"),)
            case Condition.CLIPPING if columns < 16 or not self._shown.clipped:
                return (Span("clipping", "bad strong"),)
        rms, peak = _dbfs(self._readout.rms_dbfs), _dbfs(self._readout.hold_dbfs)
        numbers: Line = (Span(rms, "strong"), Span(" │", "muted"), Span(peak, "strong"), Span(" dB", "muted"))
        return (*numbers, *self._speech(columns - width(numbers)))

    def _speech(self, columns: int) -> Line:
        """Return whether the endpoint detects speech, as a sign and, if it fits, a word."""
        sign, word, style = ("●", "speech", "good") if self.speech else ("○", "silence", "muted")
        if columns >= 10:
            return (Span(f" {sign} {word}", style),)
        return (Span(f" {sign}", style),) if columns >= 2 else ()

    def _tick(self, frames: float = 1) -> None:
        """Paint the needles if a frame is due, and run again after some frames unless a level comes before.

        An asyncio timer, because the messages of a Textual timer cost as much as painting the frame.

        Args:
            frames: frames until the next run.
        """
        self.rest()
        if not self.is_on_screen:
            return
        if self._ballistics.at_rest:
            self._paint()
            return
        loop = asyncio.get_running_loop()
        if self._frames.due(loop.time(), self.fps):
            self._paint()
        self._timer = loop.call_later(frames / self.fps, self._tick)


def _dbfs(dbfs: float) -> str:
    return "  –" if dbfs <= FLOOR_DBFS else f"{dbfs:3.0f}"
