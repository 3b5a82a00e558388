"""Choose what to record from, without ending the session."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.model.events import DeviceInfo
from tui.viewer.inert import one_line
from tui.viewer.lines import Line, Span
from tui.viewer.screens.dialog import Dialog
from tui.viewer.widgets.choices import Choices, Reader


class DevicePicker(Dialog[str | None]):
    """A source as the engine takes it, or `None` if the person thought better of it."""

    NAME = "Devices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "the row above", show=False, key_display="↑ k"),
        Binding("down,j,tab", "step(1)", "the row below", show=False, key_display="↓ j"),
        Binding("enter", "choose", "record from the marked device from now on", show=False),
        Binding("escape,q,D", "cancel", "keep the device in use", show=False, key_display="esc"),
    ]

    def __init__(self, devices: Sequence[DeviceInfo], current: str) -> None:
        super().__init__()
        self._devices = devices
        self._current = current

    def compose(self) -> ComposeResult:
        """Lay out the question and the devices."""
        with Vertical(classes="dialog"):
            asked = "Record from which device? The session goes on." if self._devices else "There is no device."
            yield Reader([(Span(asked, "strong"),)], id="question")
            yield Choices(id="prompts")

    def on_mount(self) -> None:
        """Mark the device in use."""
        at = next((at for at, device in enumerate(self._devices) if device.name == self._current), 0)
        self.query_one(Choices).show([self._row(device) for device in self._devices], at)

    def action_choose(self) -> None:
        """Take the marked device."""
        marked = self.query_one(Choices).marked
        self.dismiss(self._devices[marked].source if self._devices else None)

    def _row(self, device: DeviceInfo) -> Line:
        in_use = " ● in use" if device.name == self._current else ""
        return (Span(one_line(device.name, 48)), Span(f"  {one_line(device.about, 12)}{in_use}", "muted"))
