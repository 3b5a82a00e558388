"""The level meter: RMS and peak told apart, a hold mark, a clip mark that stays, and words for what is wrong."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import ClassVar

from tui.model.events import LevelChanged
from tui.presentation.ballistics import BOTTOM_DBFS, FLOOR_DBFS, Ballistics, Condition, History, Reading
from tui.viewer.frame_rate import FrameLimiter
from tui.viewer.styled_text import Line, Span, pad, width
from tui.viewer.widgets.cell_widget import CellWidget

MARKS = (-60, -50, -40, -30, -20, -9, 0)
"""Figures on the scale in dBFS; the zones change at -20 and -9."""
DEADBAND_DB = 1.0
"""Least movement of a needle that is shown: less is noise, and a bad line would pay for every frame of it."""
BARS = "▁▂▃▄▅▆▇█"
MONO_S = 2.0
"""Seconds without a level of the channels after which it is mono: a block may come without."""
FIGURES = 28
"""Cells for the figures and words beside the bar."""
LATE = 1.5
"""Frames after which a level is late, and the needles fall by the clock."""
FIGURES_EVERY_S = 0.25
"""The figures change at most so often: nobody reads them faster, and a bad line pays for them."""


def zone_style(dbfs: float) -> str:
    """Return the ink of a level."""
    return "good" if dbfs < -20 else "warn" if dbfs < -9 else "bad"


def bar(reading: Reading, columns: int) -> Line:
    """Return RMS as a solid bar, what the peak exceeds it by shaded, and the held peak as a stroke."""
    rms, peak, hold = (_cells(level, columns) for level in (reading.rms_dbfs, reading.peak_dbfs, reading.hold_dbfs))
    held = int(hold) if hold > 0 else -1
    cells: list[tuple[str, str]] = []
    for at in range(columns):
        ink = f"{zone_style(BOTTOM_DBFS * (1 - at / columns))} track"
        if at + 1 <= rms:
            sign = "█"
        elif at == min(held, columns - 1) and at > int(rms):
            sign = "│"
        elif at + 0.5 <= rms:
            sign = "▌"
        elif at < int(peak):
            sign = "░"
        else:
            sign, ink = " ", "track"
        cells.append((sign, ink))
    return tuple(Span("".join(sign for sign, _ in run), ink) for ink, run in groupby(cells, key=lambda cell: cell[1]))


@lru_cache(maxsize=4)
def scale(columns: int) -> Line:
    """Return the figures below the bar, each under its place."""
    row = [" "] * columns
    end = -1
    for mark in MARKS:
        text = str(mark)
        start = min(max(0, round(_cells(mark, columns)) - len(text) // 2), columns - len(text))
        if start > end and start >= 0:
            row[start : start + len(text)] = text
            end = start + len(text)
    return (Span("".join(row), "muted"),)


def steadied(shown: Reading, reading: Reading) -> Reading:
    """Return the reading with every needle left where it is shown unless it moved by `DEADBAND_DB`."""

    def needle(old: float, new: float) -> float:
        return new if abs(new - old) >= DEADBAND_DB or (new <= BOTTOM_DBFS < old) else old

    return Reading(
        needle(shown.rms_dbfs, reading.rms_dbfs),
        needle(shown.peak_dbfs, reading.peak_dbfs),
        needle(shown.hold_dbfs, reading.hold_dbfs),
        reading.clipped,
        reading.condition,
    )


def sparkline(peaks: Sequence[float]) -> str:
    """Return peaks as a row of bars, a dot where there was no signal."""
    return "".join("·" if peak <= BOTTOM_DBFS else BARS[min(7, int(_cells(peak, 8)))] for peak in peaks)


def _cells(dbfs: float, columns: int) -> float:
    """Return how many cells of the bar a level fills."""
    return max(0.0, min(1.0, 1 - dbfs / BOTTOM_DBFS)) * columns


class Meter(CellWidget):
    """A level meter of one row, or two with a scale."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"good", "warn", "bad", "track", "muted", "clip", "strong"})

    def __init__(self, *, fps: int, clock: Callable[[], float] = time.monotonic, id: str | None = None) -> None:
        super().__init__(id=id)
        self.fps = fps
        """Most frames a second; may be lowered and raised again."""
        self._frames = FrameLimiter()
        self._clock = clock
        self._ballistics = Ballistics()
        self._history = History()
        self._channels_at = -MONO_S
        self._channels: list[Ballistics] = []
        """Needles of left and right; none for mono."""
        self._due: asyncio.TimerHandle | None = None
        """Paints the needles next if no level comes before; `None` while they rest."""
        self._shown = Reading()
        self._channels_shown: dict[int, Reading] = {}
        self._figures = Reading()
        self._figures_at = -FIGURES_EVERY_S
        self.speech = False
        """Whether the endpoint hears somebody speak: a turn is open there."""
        self.listening = False
        """Whether a session is under way."""
        self.muted = False
        self.gain_db = 0.0
        """By how much what is heard is recorded louder."""

    def on_unmount(self) -> None:
        """Let the needles rest."""
        self.rest()

    def rest(self) -> None:
        """Leave the needles where they are until a level comes."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def feed(self, level: LevelChanged) -> None:
        """Take in the level of one block."""
        now = self._clock()
        self._feed_channels(level, now)
        stretched = self._history.feed(level.peak_dbfs, now)
        self._ballistics.feed(level.rms_dbfs, level.peak_dbfs, level.clipped, now)
        if not self._ballistics.at_rest:
            self._tick(LATE)
        elif stretched or self._ballistics.read(now).condition is not self._shown.condition:
            self.touch()

    def _feed_channels(self, level: LevelChanged, now: float) -> None:
        """Take in the level of each of two channels, and make room for them, or no longer."""
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
        """Say whether the endpoint hears somebody speak."""
        if speech != self.speech:
            self.speech = speech
            self.touch()

    def show_state(self, *, listening: bool, muted: bool, gain_db: float = 0.0) -> None:
        """Say whether sound is expected, and how much louder it is made."""
        if listening and not self.listening:
            self._ballistics.reset()
            self._history = History()
        self.listening, self.muted, self.gain_db = listening, muted, gain_db
        self.touch()

    def acknowledge(self) -> None:
        """Clear the clip mark."""
        self._ballistics.acknowledge()
        self.touch()

    @property
    def clipped(self) -> bool:
        """Whether the clip mark is set."""
        return self._ballistics.read(self._clock()).clipped

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the bar with its figures, and the scale if there is room."""
        now = self._clock()
        self._shown = steadied(self._shown, self._ballistics.read(now))
        stale = self._figures.peak_dbfs <= FLOOR_DBFS or self._ballistics.at_rest
        if stale or now - self._figures_at >= FIGURES_EVERY_S:
            self._figures, self._figures_at = self._shown, now
        figures = FIGURES if columns >= 70 else 16
        room = columns - figures
        beside = pad(self._words(figures, alone=rows == 1), figures)
        lines: list[Line] = [(*bar(self._shown, room), *beside)]
        if rows > 2 and len(self._channels) == 2:
            bars = [(Span(f"{side} ", "muted"), *self._channel(at, now, room - 2)) for at, side in enumerate("LR")]
            lines = [(*bars[0], *beside), pad(bars[1], room)]
            lines.append((Span("  "), *scale(room - 2), *self._minute(figures)))
        elif rows > 1:
            lines.append((*scale(room), *self._minute(figures)))
        return lines

    def _channel(self, at: int, now: float, columns: int) -> Line:
        """Return the bar of a channel."""
        needles, shown = self._channels[at], self._channels_shown
        reading = shown[at] = steadied(shown.get(at, Reading()), needles.read(now))
        return bar(reading, columns)

    def _minute(self, columns: int) -> Line:
        """Return the last minute, if there is room for it, and the gain."""
        told = sparkline(self._history.peaks)
        gain = (Span(f" {self.gain_db:+.0f} dB", "warn"),) if self.gain_db else ()
        if not told or columns < FIGURES:
            return gain
        return (Span(f" {told:>{columns - 8}}", "muted"), *(gain or (Span(" 1 min", "muted"),)))

    def _words(self, columns: int, *, alone: bool) -> Line:
        """Return what stands beside the bar: what is wrong, or the figures; and the clip mark."""
        clip = (Span(" CLIP ", "clip", "screen.clear_clip"), Span(" c", "muted")) if self._shown.clipped else ()
        return (Span(" "), *pad(self._state(columns - 1 - width(clip), alone), columns - 1 - width(clip)), *clip)

    def _state(self, columns: int, alone: bool) -> Line:
        """Return what is wrong with the level, or its figures and whether the endpoint hears speech."""
        if not self.listening:
            return (Span("not listening", "muted"),)
        if self.muted:
            return (Span("muted", "warn strong"),)
        match self._shown.condition:
            case Condition.NO_SIGNAL:
                return (Span("no signal", "bad strong"),)
            case Condition.WRONG_DEVICE:
                return (Span("wrong device?", "bad strong", "screen.choose_device"), Span(" D", "muted"))
            case Condition.QUIET:
                return (Span("too quiet", "warn strong"),)
            case Condition.CLIPPING if columns < 16 or not self._shown.clipped:
                return (Span("clipping", "bad strong"),)
        rms, peak = _figure(self._figures.rms_dbfs), _figure(self._figures.hold_dbfs)
        figures: Line = (Span(rms, "strong"), Span(" peak ", "muted"), Span(peak, "strong"), Span(" dBFS", "muted"))
        if columns < width(figures) + 1:
            figures = (Span(f"{rms} {peak} dB"),)
        if alone and self.gain_db:
            figures = (Span(f"{rms} {peak} dB"), Span(f" {self.gain_db:+.0f}", "warn"))
        return (*figures, *self._heard(columns - width(figures)))

    def _heard(self, columns: int) -> Line:
        """Return whether the endpoint hears speech, as sign and word if there is room."""
        sign, word, ink = ("●", "speech", "good") if self.speech else ("○", "silence", "muted")
        if columns >= 10:
            return (Span(f" {sign} {word}", ink),)
        return (Span(f" {sign}", ink),) if columns >= 2 else ()

    def _tick(self, frames: float = 1) -> None:
        """Paint the needles if it is time to, and go on after so many frames unless a level comes before.

        With Textual's timers and callbacks the messages of a frame would cost as much as what is painted of it.
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
        self._due = loop.call_later(frames / self.fps, self._tick)


def _figure(dbfs: float) -> str:
    return "  –" if dbfs <= FLOOR_DBFS else f"{dbfs:3.0f}"
