"""Choose what to record from, with how loud it is at each device, without ending the session."""

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.model.commands import MeasureDevices
from tui.model.events import DeviceInfo, DeviceLevel, DeviceLevels
from tui.presentation.ballistics import FLOOR_DBFS, Ballistics, Condition, Reading
from tui.text import one_line
from tui.viewer.messages import CommandRequested, GainStepped
from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Line, Span, pad
from tui.viewer.widgets.choices import Choices, Reader
from tui.viewer.widgets.meter import bar

HEAR_S = 12.0
"""Seconds of listening that are asked for at a time."""
RENEW_S = 5.0
"""Seconds after which they are asked for again."""
QUIET_S = 3.0
"""Seconds without anything as loud as speech after which a device counts as quiet."""
SAID_CELLS = 14
"""Cells for the figure or the word at the end of a row."""
WORDS = {
    Condition.NO_SIGNAL: ("no signal", "bad strong"),
    Condition.WRONG_DEVICE: ("no signal", "bad strong"),
    Condition.QUIET: ("too quiet", "warn strong"),
    Condition.CLIPPING: ("clipping", "bad strong"),
}
ADVICE = {
    Condition.NONE: "Speak: the bar that moves belongs to the device that hears you.",
    Condition.NO_SIGNAL: "Nothing but zeros comes from it: it is muted, unplugged or the wrong one.",
    Condition.WRONG_DEVICE: "Nothing but zeros comes from it: it is likely the wrong one.",
    Condition.QUIET: "Quiet: come closer, turn it up, or record louder with +.",
    Condition.CLIPPING: "Too loud, so that it is distorted: turn it down, or record softer with -.",
}


class DevicePicker(Dialog[str | None]):
    """A source as the engine takes it, or `None` if the person thought better of it.

    Args:
        devices: what there is; `None` while the sound system is asked.
        current: name of the one in use; empty for none.
        gain_db: by how much louder than heard it is recorded.
        clock: seconds that only go up.
    """

    NAME = "Devices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "the device above", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "the device below", show=False, key_display="↓ j"),
        Binding("enter", "choose", "record from the marked device from now on", show=False),
        Binding("plus", "gain(3)", "record 3 dB louder; the levels show it", show=False, key_display="+"),
        Binding("minus", "gain(-3)", "record 3 dB softer", show=False, key_display="-"),
        Binding("escape,q,D", "cancel", "keep the device in use", show=False, key_display="esc"),
    ]

    def __init__(
        self,
        devices: Sequence[DeviceInfo] | None,
        current: str,
        *,
        gain_db: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._devices = devices
        self._current = current
        self._gain_db = gain_db
        self._clock = clock
        self._needles: dict[tuple[str, int], Ballistics] = {}
        self._levels: dict[str, DeviceLevel] = {}
        self._heard = False
        """Whether anything was told of any device."""

    def compose(self) -> ComposeResult:
        """Lay out the question, the devices, and what there is to say of the marked one."""
        with Vertical(classes="dialog wide devices"):
            yield Reader(id="question")
            yield Choices(id="prompts")
            yield Reader(id="preview")

    def on_mount(self) -> None:
        """Have all devices listened to while this is open, and mark the one in use."""
        self.offer(self._devices)
        self._listen()
        self.set_interval(RENEW_S, self._listen, name="devices")

    def on_resize(self) -> None:
        """Make the bars as long as there is room."""
        self.call_after_refresh(self._show)

    @property
    def waiting(self) -> bool:
        """Whether the sound system has not yet said what there is."""
        return self._devices is None

    def offer(self, devices: Sequence[DeviceInfo] | None) -> None:
        """Offer these devices."""
        self._devices = devices
        if not self.is_mounted:
            return
        at = next((at for at, device in enumerate(devices or ()) if device.name == self._current), 0)
        self._show(at)

    def hear(self, heard: DeviceLevels) -> None:
        """Show how loud it is."""
        now = self._clock()
        self._heard = True
        for level in heard.levels:
            self._levels[level.name] = level
            for channel, (rms, peak) in enumerate(level.channels):
                needles = self._needles.setdefault((level.name, channel), Ballistics(quiet_s=QUIET_S))
                loud = peak > FLOOR_DBFS
                gain = self._gain_db if loud else 0.0
                clipped = level.clipped or (loud and peak + gain >= 0)
                needles.feed(min(0.0, rms + gain), min(0.0, peak + gain), clipped, now)
        self._show()

    def amplify(self, gain_db: float) -> None:
        """Show levels as they are with another gain."""
        self._gain_db = gain_db
        for needles in self._needles.values():
            needles.acknowledge()
        self._show()

    def action_step(self, step: int) -> None:
        """Mark another device."""
        super().action_step(step)
        self._show()

    def action_choose(self) -> None:
        """Take the marked device."""
        if self._devices is not None:
            self.dismiss(self._devices[self._marked].source if self._devices else None)

    @property
    def _marked(self) -> int:
        return self.query_one(Choices).marked

    def _listen(self) -> None:
        self.post_message(CommandRequested(MeasureDevices(HEAR_S)))

    def _show(self, marked: int | None = None) -> None:
        if not self.is_mounted:
            return
        devices = self._devices or ()
        asked = "There is no device." if not devices else "Record from which device?"
        if self._devices is None:
            asked = "Asking the sound system…"
        gain = f"gain {self._gain_db:+.0f} dB · " if self._gain_db else ""
        keys = f"  {gain}enter takes it · ? keys · esc back"
        self.query_one("#question", Reader).show([(Span(asked, "strong"), Span(keys, "muted"))])
        choices = self.query_one(Choices)
        columns = choices.size.width - 2
        marked = choices.marked if marked is None else marked
        choices.show([self._row(device, columns) for device in devices], marked)
        advice = self._advice(devices[choices.marked]) if devices else ()
        self.query_one("#preview", Reader).show([advice])

    def _row(self, device: DeviceInfo, columns: int) -> Line:
        sign = "● " if device.name == self._current else "  "
        name = f"{device.name}: {device.description}" if device.default and device.description else device.name
        named = max(12, columns * 2 // 5)
        level = self._levels.get(_heard_as(device))
        bars = self._bars(level, max(0, columns - named - SAID_CELLS - 1))
        said = pad(self._said(device, level), SAID_CELLS)
        return (Span(sign, "accent"), *pad((Span(one_line(name, 60)),), named - 2), Span(" "), *bars, *said)

    def _bars(self, level: DeviceLevel | None, columns: int) -> Line:
        """Return a bar, or one for each of two channels."""
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
        """Return what is wrong with the best channel of a device, `None` while nothing is known."""
        found = [reading.condition for reading in self._readings(self._levels.get(_heard_as(device)))]
        for condition in (Condition.CLIPPING, Condition.NONE, Condition.QUIET, Condition.NO_SIGNAL):
            if condition in found:
                return condition
        return found[0] if found else None

    def _said(self, device: DeviceInfo, level: DeviceLevel | None) -> Line:
        if level is not None and level.error:
            return (Span(" unavailable", "muted"),)
        condition = self._condition(device)
        if condition is None:
            return (Span(" nothing heard" if self._heard and level is None else " …", "muted"),)
        if condition in WORDS:
            word, ink = WORDS[condition]
            return (Span(f" {word}", ink),)
        hold = max(reading.hold_dbfs for reading in self._readings(level))
        return (Span(f" {hold:4.0f} dBFS", "strong"),) if hold > FLOOR_DBFS else (Span("    – dBFS", "muted"),)

    def _advice(self, device: DeviceInfo) -> Line:
        """Return what there is to say of the marked device, and which other one hears somebody if it does not."""
        level = self._levels.get(_heard_as(device))
        if level is not None and level.error:
            return (Span(f"It cannot be listened to now: {one_line(level.error, 200)}. Another program may hold it."),)
        condition = self._condition(device)
        if condition is None and self._heard and level is None:
            return (Span("There is no microphone behind it now. livegist doctor says more."),)
        if condition is None:
            return (Span("Listening…", "muted"),)
        advice = ADVICE[condition]
        if condition in (Condition.QUIET, Condition.NO_SIGNAL, Condition.WRONG_DEVICE):
            for other in self._devices or ():
                if not other.default and self._condition(other) is Condition.NONE:
                    advice += f" {one_line(other.name, 48)} hears something."
                    break
        return (Span(advice, "muted" if condition is Condition.NONE else ""),)

    def action_gain(self, step_db: int) -> None:
        """Have it recorded louder or softer."""
        self.post_message(GainStepped(step_db))


def _heard_as(device: DeviceInfo) -> str:
    """Return the name that a device's level comes with."""
    return device.description if device.default else device.name
