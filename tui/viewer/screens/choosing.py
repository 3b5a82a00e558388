"""What a person chooses from lists: prompts, devices, past sessions, formats, settings."""

from collections.abc import Callable, Sequence

from tui.model.commands import (
    ExportSession,
    ListDevices,
    ListSessions,
    ShowSession,
    UsePrompt,
    UseSource,
)
from tui.model.events import DeviceInfo, SessionInfo
from tui.viewer.messages import Change
from tui.viewer.screens.prompting import Prompting
from tui.viewer.screens.remarking import Remarking


class Choosing(Remarking, Prompting):
    """A screen from which lists are opened."""

    _themes: Callable[[], Sequence[str]]
    """Returns the names of the themes there are."""

    def action_pick(self) -> None:
        """Choose a prompt from a list."""
        from tui.viewer.screens.picker import PromptPicker

        def use(chosen: str | Change | None) -> None:
            match chosen:
                case Change():
                    self.change_prompt(chosen)
                case str() if chosen != self.picture.prompt:
                    self._order(UsePrompt(chosen))

        picture = self.picture
        lenses = picture.lenses if picture.session is not None else None
        self.app.push_screen(PromptPicker(picture.prompts, picture.prompt, lenses), use)

    def action_devices(self) -> None:
        """Ask what there is to record from."""
        self._order(ListDevices())

    def pick_device(self, devices: tuple[DeviceInfo, ...]) -> None:
        """Offer the devices."""
        from tui.viewer.screens.devices import DevicePicker

        def use(source: str | None) -> None:
            if source is not None:
                self._order(UseSource(source))

        self.app.push_screen(DevicePicker(devices, self.picture.stats.device), use)

    def action_history(self) -> None:
        """Ask which sessions are kept."""
        self._order(ListSessions())

    def pick_session(self, sessions: tuple[SessionInfo, ...]) -> None:
        """Offer the sessions."""
        from tui.viewer.screens.history import History

        def show(session: str | None) -> None:
            if session is not None:
                self._order(ShowSession(session))

        self.app.push_screen(History(sessions), show)

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

        prompts = [prompt.id for prompt in self.picture.prompts]
        self.app.push_screen(SettingsScreen({"theme": self._themes(), "prompt": prompts}))
