"""What a person chooses from lists: prompts, devices, past sessions, formats, settings."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tui.model.commands import (
    ExportSession,
    ListDevices,
    ListSessions,
    MeasureDevices,
    Option,
    ShowSession,
    UsePrompt,
    UseSource,
)
from tui.model.events import DeviceInfo, DeviceLevels, SessionInfo
from tui.text import one_line
from tui.viewer.messages import PromptChange
from tui.viewer.screens.annotation_actions import AnnotationActions
from tui.viewer.screens.prompt_actions import PromptActions

if TYPE_CHECKING:
    from tui.viewer.screens.device_picker import DevicePicker


class PickerActions(AnnotationActions, PromptActions):
    """A screen from which lists are opened."""

    _devices: "DevicePicker | None" = None
    """The list of devices, while it is open."""
    _clock: Callable[[], float]
    """Seconds that only go up."""
    _options: dict[str, Option]
    """Settings that every session started here gets."""
    _themes: Callable[[], Sequence[str]]
    """Returns the names of the themes there are."""

    def action_choose_prompt(self) -> None:
        """Choose a prompt from a list."""
        from tui.viewer.screens.prompt_picker import PromptPicker

        def use(chosen: str | PromptChange | None) -> None:
            match chosen:
                case PromptChange():
                    self.change_prompt(chosen)
                case str() if chosen != self.view_model.prompt:
                    self._order(UsePrompt(chosen))

        picture = self.view_model
        lenses = picture.extra_prompts if picture.session is not None else None
        self.app.push_screen(PromptPicker(picture.prompts, picture.prompt, lenses), use)

    def action_choose_device(self) -> None:
        """Choose a device; what there is is asked meanwhile."""
        self._order(ListDevices())
        self._open_devices(None)

    def pick_device(self, devices: tuple[DeviceInfo, ...]) -> None:
        """Offer the devices."""
        if self._devices is None:
            self._open_devices(devices)
        else:
            self._devices.offer(devices)

    def hear_devices(self, heard: DeviceLevels) -> None:
        """Show how loud it is at the devices."""
        if self._devices is not None:
            self._devices.hear(heard)

    def _open_devices(self, devices: tuple[DeviceInfo, ...] | None) -> None:
        from tui.viewer.screens.device_picker import DevicePicker

        def use(source: str | None) -> None:
            self._devices = None
            # First of all, for some devices are heard by one program at a time.
            self._order(MeasureDevices(0))
            if source is None:
                return
            if self.view_model.state.active:
                self._order(UseSource(source))
            else:
                self._options["source"] = source
                self.notify(f"The next session records from {one_line(source, 60)}.", markup=False)

        picture = self.view_model
        current = picture.stats.device if picture.state.active else ""
        gain_db = picture.gain_db if picture.state.active else 0.0
        self._devices = DevicePicker(devices, current, gain_db=gain_db, clock=self._clock)
        self.app.push_screen(self._devices, use)

    def action_history(self) -> None:
        """Ask which sessions are kept."""
        self._order(ListSessions())

    def pick_session(self, sessions: tuple[SessionInfo, ...]) -> None:
        """Offer the sessions."""
        from tui.viewer.screens.history import HistoryScreen

        def show(session: str | None) -> None:
            if session is not None:
                self._order(ShowSession(session))

        self.app.push_screen(HistoryScreen(sessions), show)

    def action_export(self) -> None:
        """Choose a format, and have the session written."""
        from tui.viewer.screens.export import ExportPicker

        def write(format: str | None) -> None:
            if format is not None:
                self._order(ExportSession("", format))

        self.app.push_screen(ExportPicker(), write)

    def action_settings(self) -> None:
        """Show and change settings."""
        from tui.viewer.screens.settings import SettingsScreen

        prompts = [prompt.id for prompt in self.view_model.prompts]
        self.app.push_screen(SettingsScreen({"theme": self._themes(), "prompt": prompts}))
