"""Device picker: the input devices with their live levels; a running session continues."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.model.commands import ListDevices, MeasureDevices, Mute, SetGain, StopTrack
from tui.model.devices import DeviceInfo, DeviceLevel
from tui.model.events import DeviceLevels
from tui.model.tracks import SYSTEM, Track
from tui.presentation.ballistics import FLOOR_DBFS, Ballistics, Condition, Reading
from tui.text import one_line
from tui.viewer.messages import CommandRequested
from tui.viewer.screens.annotation_actions import MAX_GAIN_DB
from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Line, Span, pad
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices, Reader
from tui.viewer.widgets.meter import bar

MEASURE_S = 12.0
"""Seconds of measurement per request; the engine stops measuring if no further request follows."""
RENEW_S = 5.0
"""Seconds between two requests."""
LIST_AGAIN_S = 2.0
"""Seconds after which an incomplete list is requested again."""
QUIET_S = 3.0
"""Seconds without a level of speech after which a device counts as quiet."""
WIDE_COLUMNS = 70
"""Width of a row from which half of it is for the name of the device."""
READOUT_CELLS = 14
"""Cells of the level or the warning at the end of a row."""
WARNINGS = {
    Condition.NO_SIGNAL: ("no signal", "bad strong"),
    Condition.WRONG_DEVICE: ("no signal", "bad strong"),
    Condition.QUIET: ("too quiet", "warn strong"),
    Condition.CLIPPING: ("clipping", "bad strong"),
}
NO_DEVICE = "Connect a microphone or start the sound server, then press D again. livegist doctor says what is missing."
ADVICE = {
    Condition.NONE: "Speak: the bar that moves is the device that records you.",
    Condition.NO_SIGNAL: "No signal: the device sends only zeros. It is muted, unplugged or the wrong device.",
    Condition.WRONG_DEVICE: "No signal: the device sends only zeros. It is probably the wrong device.",
    Condition.QUIET: "Too quiet: move closer, raise the input volume, or press + to increase the gain.",
    Condition.CLIPPING: "Clipping: the signal is distorted. Lower the input volume, or press - to decrease the gain.",
}


class SourceChoice(NamedTuple):
    """A source that a person chose."""

    source: str
    track: str = ""
    """Name of the track that records it; empty for the first."""
    adds: bool = False
    """Whether it becomes a further track of the running session, or of the next one."""


class DevicePicker(Dialog[SourceChoice | None]):
    """A list of input devices. Its result is the source to record from, or `None` if it was cancelled.

    Args:
        tracks: the tracks of a running session, of which the choice is for one; empty without a session.
        devices: name of the device of each, by the name of the track.
        can_add: whether the session, or the next one, may record from the device as well.
        clock: monotonic seconds.
    """

    NAME = "Devices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "previous device", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "next device", show=False, key_display="↓ j"),
        Binding("enter", "choose", "record from the selected device", show=False),
        Binding("a", "add", "record from the selected device as well, as a track", show=False),
        Binding("t", "next_track", "choose for the next track", show=False),
        Binding("m", "toggle_mute", "mute the track, or record it again", show=False),
        Binding("x", "stop_track", "stop recording the track; the others go on", show=False),
        Binding("plus", "change_gain(3)", "increase the gain of the track by 3 dB", show=False, key_display="+"),
        Binding("minus", "change_gain(-3)", "decrease the gain of the track by 3 dB", show=False, key_display="-"),
        Binding("escape,q,D", "cancel", "cancel: keep the device in use", show=False, key_display="esc"),
    ]

    def __init__(
        self,
        *,
        tracks: Sequence[Track] = (),
        devices: Mapping[str, str] | None = None,
        can_add: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._devices: Sequence[DeviceInfo] | None = None
        """The devices; `None` until their list has arrived."""
        self._problem = ""
        """Why the list is incomplete; empty if it is complete."""
        self._listing = True
        self._tracks = tracks
        self._in_use_by = devices or {}
        self._place = 0
        """Index of the track that the choice is for."""
        self._can_add = can_add
        self._clock = clock
        self._needles: dict[tuple[str, int], Ballistics] = {}
        self._levels: dict[str, DeviceLevel] = {}
        self._measured = False
        """Whether levels of any device have arrived."""

    def compose(self) -> ComposeResult:
        """Lay out the title, the devices, and advice on the selected one."""
        with Box("Input devices", "", classes="wide devices"):
            yield Choices(heading=(Span("  device (● in use), its level and highest peak"),), id="devices")
            yield Reader(id="preview")

    def on_mount(self) -> None:
        """Select the device in use, and request levels while the picker is open."""
        self._show(self._in_use)
        self._request_levels()
        self.set_interval(RENEW_S, self._request_levels, name="devices")
        self.set_interval(LIST_AGAIN_S, self._complete_list, name="incomplete list")

    def on_resize(self) -> None:
        """Fit the bars to the width."""
        self.call_after_refresh(self._show)

    @property
    def waiting(self) -> bool:
        """Whether no list of devices has arrived yet."""
        return self._devices is None

    @property
    def listing(self) -> bool:
        """Whether a list of devices is requested and has not arrived."""
        return self._listing

    def set_devices(self, devices: Sequence[DeviceInfo], problem: str = "") -> None:
        """Show other devices; select the one that was selected before, otherwise the one in use.

        Args:
            devices: the devices.
            problem: why the list is incomplete; empty if it is complete.
        """
        selected = self._devices[self._selected].source if self._devices and self.is_mounted else ""
        self._devices, self._problem, self._listing = devices, problem, False
        self._show(next((at for at, device in enumerate(devices) if device.source == selected), self._in_use))

    def show_levels(self, levels: DeviceLevels) -> None:
        """Show the levels of the devices."""
        now = self._clock()
        self._measured = True
        for level in levels.levels:
            self._levels[level.name] = level
            for channel, (rms, peak) in enumerate(level.channels):
                needles = self._needles.setdefault(
                    (level.name, channel), Ballistics(quiet_s=QUIET_S, may_be_silent=level.name == SYSTEM)
                )
                loud = peak > FLOOR_DBFS
                gain = self._gain_db if loud else 0.0
                clipped = level.clipped or (loud and peak + gain >= 0)
                needles.feed(min(0.0, rms + gain), min(0.0, peak + gain), clipped, now)
        self._show()

    def set_tracks(self, tracks: Sequence[Track]) -> None:
        """Show the tracks as they are now, and the levels with the gain of the chosen one."""
        self._tracks = tracks
        self._place = min(self._place, max(0, len(tracks) - 1))
        for needles in self._needles.values():
            needles.acknowledge()
        self._show()

    @property
    def _track(self) -> Track | None:
        """The track that the choice is for; `None` without a session."""
        return self._tracks[self._place] if self._place < len(self._tracks) else None

    @property
    def _gain_db(self) -> float:
        return self._track.gain_db if self._track is not None else 0.0

    @property
    def _in_use(self) -> int:
        """Index of the device in use; 0 if it is not listed."""
        return next((at for at, device in enumerate(self._devices or ()) if _level_name(device) == self._current), 0)

    @property
    def _current(self) -> str:
        """Name of the device in use; empty for none."""
        return self._in_use_by.get(self._track.name, "") if self._track is not None else ""

    def action_step(self, step: int) -> None:
        """Select the next device, or the previous one if negative."""
        super().action_step(step)
        self._show()

    def action_choose(self) -> None:
        """Return the selected device."""
        if self._devices is not None:
            self._choose(adds=False)

    def action_add(self) -> None:
        """Return the selected device as the source of a further track."""
        if self._can_add and self._devices:
            self._choose(adds=True)

    def action_next_track(self) -> None:
        """Choose for the next track of the session."""
        if self._tracks:
            self._place = (self._place + 1) % len(self._tracks)
            self._show()

    def action_toggle_mute(self) -> None:
        """Mute the track that the choice is for, or record it again."""
        if self._track is not None:
            self.post_message(CommandRequested(Mute(not self._track.muted, self._track.name)))

    def action_stop_track(self) -> None:
        """Stop recording the track that the choice is for, if there are others."""
        if self._track is not None and len(self._tracks) > 1:
            self.post_message(CommandRequested(StopTrack(self._track.name)))

    def _choose(self, *, adds: bool) -> None:
        track = self._track.name if self._track is not None else ""
        chosen = self._devices[self._selected].source if self._devices else ""
        self.dismiss(SourceChoice(chosen, track, adds) if chosen else None)

    @property
    def _selected(self) -> int:
        return self.query_one(Choices).selected

    def _request_levels(self) -> None:
        self.post_message(CommandRequested(MeasureDevices(MEASURE_S)))

    def _complete_list(self) -> None:
        if self._problem and not self._listing:
            self._listing = True
            self.post_message(CommandRequested(ListDevices()))

    def _show(self, selected: int | None = None) -> None:
        if not self.is_mounted:
            return
        devices = self._devices or ()
        several, muted = len(self._tracks) > 1, self._track is not None and self._track.muted
        track = f" for {one_line(self._track.name, 24)}" if several and self._track is not None else ""
        title = f"Choose an input device{track}" if devices else "No input device found."
        if self._devices is None:
            title = "Listing input devices…"
        gain = f"{' · muted' if muted else ''}{f' · gain {self._gain_db:+.0f} dB' if self._gain_db else ''}"
        keys = "enter record from it" + (" · a add as a track" if self._can_add else "")
        if several:
            keys = "enter record" + (" · a add" if self._can_add else "") + " · t next track · m mute · x stop"
        self.query_one(Box).show(
            f"{title}{gain}", f"{keys} · + - gain · ? keys · esc cancel" if devices else "? keys · esc cancel"
        )
        choices = self.query_one(Choices)
        columns = choices.size.width - 2
        selected = choices.selected if selected is None else selected
        choices.show([self._row(device, columns) for device in devices], selected)
        advice = (
            self._advice(devices[choices.selected]) if devices else (Span(NO_DEVICE if self._devices == () else ""),)
        )
        problem = (Span(one_line(self._problem, 200), "warn"),)
        self.query_one("#preview", Reader).show([problem if self._problem else advice])

    def _row(self, device: DeviceInfo, columns: int) -> Line:
        sign = "● " if _level_name(device) == self._current else "  "
        name = _shown_name(device)
        name_cells = max(12, columns // 2 if columns >= WIDE_COLUMNS else columns * 2 // 5)
        level = self._levels.get(_level_name(device))
        bars = self._bars(level, max(0, columns - name_cells - READOUT_CELLS - 1))
        readout = pad(self._readout(device, level), READOUT_CELLS)
        return (Span(sign, "accent"), *pad((Span(one_line(name, 60)),), name_cells - 2), Span(" "), *bars, *readout)

    def _bars(self, level: DeviceLevel | None, columns: int) -> Line:
        """Return the bar of a device, or a bar for each of two channels."""
        readings = self._readings(level)
        if not readings or columns < 6:
            return pad((), columns)
        if len(readings) == 1:
            return bar(readings[0], columns)
        each = (columns - 5) // 2
        left, right = (bar(reading, each) for reading in readings[:2])
        return pad((Span("L ", "muted"), *left, Span(" R ", "muted"), *right), columns)

    def _readings(self, level: DeviceLevel | None) -> list[Reading]:
        if level is None:
            return []
        now = self._clock()
        channels = range(2) if (level.name, 1) in self._needles else range(1)
        return [self._needles[level.name, at].read(now) for at in channels if (level.name, at) in self._needles]

    def _condition(self, device: DeviceInfo) -> Condition | None:
        """Return the condition of the best channel of a device, `None` without a level."""
        found = [reading.condition for reading in self._readings(self._levels.get(_level_name(device)))]
        for condition in (Condition.CLIPPING, Condition.NONE, Condition.QUIET, Condition.NO_SIGNAL):
            if condition in found:
                return condition
        return found[0] if found else None

    def _readout(self, device: DeviceInfo, level: DeviceLevel | None) -> Line:
        if level is not None and level.error:
            return (Span(" unavailable", "muted"),)
        condition = self._condition(device)
        if condition is None:
            return (Span(" no level" if self._measured and level is None else " …", "muted"),)
        if condition in WARNINGS:
            word, style = WARNINGS[condition]
            return (Span(f" {word}", style),)
        hold = max(reading.hold_dbfs for reading in self._readings(level))
        return (Span(f" {hold:4.0f} dBFS", "strong"),) if hold > FLOOR_DBFS else (Span("    – dBFS", "muted"),)

    def _advice(self, device: DeviceInfo) -> Line:
        """Return advice on a device; if it has no signal, name another device that has one."""
        level = self._levels.get(_level_name(device))
        if level is not None and level.error:
            return (
                Span(f"Cannot measure this device: {one_line(level.error, 200)}. Another program may be using it."),
            )
        condition = self._condition(device)
        if condition is None and self._measured and level is None:
            return (Span("No microphone is connected to this device. Run livegist doctor to find out more."),)
        if condition is None:
            return (Span("Measuring…", "muted"),)
        if device.source == SYSTEM and condition is Condition.NONE:
            return (Span("What this machine plays: the bar moves while it plays something.", "muted"),)
        advice = ADVICE[condition]
        if condition in (Condition.QUIET, Condition.NO_SIGNAL, Condition.WRONG_DEVICE):
            for other in self._devices or ():
                signals = self._condition(other) is Condition.NONE
                if signals and not other.default and other.source != SYSTEM:
                    advice += f" {one_line(other.name, 48)} has a signal."
                    break
        return (Span(advice, "muted" if condition is Condition.NONE else ""),)

    def action_change_gain(self, step_db: int) -> None:
        """Increase the gain of the track, or decrease it if negative."""
        if self._track is not None:
            gain_db = max(-MAX_GAIN_DB, min(MAX_GAIN_DB, self._gain_db + step_db))
            self.post_message(CommandRequested(SetGain(gain_db, self._track.name)))


def _shown_name(device: DeviceInfo) -> str:
    """Return the name of a device; of the default one and of what this machine plays, with its description."""
    if device.default and device.description:
        return f"default: {device.description}"
    if not device.source.startswith("mic") and device.description:
        return f"{device.name}: {device.description}"
    return device.name


def _level_name(device: DeviceInfo) -> str:
    """Return the name under which the level of a device is reported."""
    return device.description if device.default and device.description else device.name
