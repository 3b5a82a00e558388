"""Actions that open lists to choose from: prompts, devices, past sessions, export formats, settings."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.errors import UsageError
from tui.model.commands import (
    AddTrack,
    ExportSession,
    ListDevices,
    ListSessions,
    MeasureDevices,
    UsePrompt,
    UseSource,
)
from tui.model.events import (
    DeviceLevels,
    DevicesListed,
    Event,
    GistChanged,
    Notice,
    PlayingChanged,
    SessionExported,
    SessionInfo,
    SessionsFound,
    Severity,
    Snapshot,
    StoredChange,
    StoredSessionChanged,
)
from tui.model.tracks import MAX_TRACKS, format_tracks, parse_tracks
from tui.paths import data_dir, private_dir, write_private
from tui.presentation.highlight_rules import Rule
from tui.text import one_line
from tui.viewer.messages import PromptChange
from tui.viewer.screens.annotation_actions import AnnotationActions
from tui.viewer.screens.prompt_actions import PromptActions

if TYPE_CHECKING:
    from tui.viewer.screens.device_picker import DevicePicker
    from tui.viewer.screens.history import HistoryScreen


class PickerActions(AnnotationActions, PromptActions):
    """A screen with actions that open lists."""

    _device_picker: "DevicePicker | None" = None
    """The device picker while it is open."""
    _devices_cancelled = False
    """Whether the device picker was closed before its list arrived, which then opens no other one."""
    sources: tuple[str, ...] = ("mic",)
    """The configured sources, to which the device picker may add one."""
    _history: "HistoryScreen | None" = None
    """The list of past sessions while it is open."""
    _deleting = False
    """Whether the reply to a deletion is expected, which opens no list."""
    _rules: Sequence[Rule]
    """Highlights."""
    _clock: Callable[[], float]
    """Monotonic seconds."""
    _theme_names: Callable[[], Sequence[str]]
    """Returns the names of the available themes."""
    _notify: Callable[[Severity, str, str], None]
    """Shows a notice of the engine."""

    def action_choose_prompt(self) -> None:
        """Open the prompt picker."""
        from tui.viewer.screens.prompt_picker import PromptPicker

        def use(chosen: str | PromptChange | None) -> None:
            match chosen:
                case PromptChange():
                    self.change_prompt(chosen)
                case str() if chosen != self.view_model.prompt:
                    self._request(UsePrompt(chosen))

        view_model = self.view_model
        extra_prompts = view_model.extra_prompts if view_model.session is not None else None
        self.app.push_screen(PromptPicker(view_model.prompts, view_model.prompt, extra_prompts), use)

    def action_choose_device(self) -> None:
        """Open the device picker, and request the list of devices for it."""
        self._request(ListDevices())
        self._open_device_picker(None)

    def offer_devices(self, listed: DevicesListed) -> None:
        """Show the devices in the device picker; open it first if it is closed."""
        if self._device_picker is not None:
            self._device_picker.set_devices(listed.devices, listed.problem)
        elif self._devices_cancelled:
            self._devices_cancelled = False
        else:
            self._open_device_picker(listed)

    def show_device_levels(self, levels: DeviceLevels) -> None:
        """Show the levels of the devices in the device picker, if it is open."""
        if self._device_picker is not None:
            self._device_picker.show_levels(levels)

    def show_device_tracks(self) -> None:
        """Show the tracks as they are now in the device picker, if it is open."""
        if self._device_picker is not None:
            self._device_picker.set_tracks(self.view_model.recorded_tracks)

    def _open_device_picker(self, listed: DevicesListed | None) -> None:
        from tui.viewer.screens.device_picker import DevicePicker, SourceChoice

        def use(choice: SourceChoice | None) -> None:
            self._devices_cancelled = self._device_picker is not None and self._device_picker.listing
            self._device_picker = None
            # Before the new source is opened: some devices can be opened only once.
            self._request(MeasureDevices(0))
            if choice is None:
                return
            if self.view_model.state.active and choice.adds:
                self._request(AddTrack(choice.source))
            elif self.view_model.state.active:
                self._request(UseSource(choice.source, choice.track))
            else:
                self._set_next_source(choice.source, adds=choice.adds)

        view_model = self.view_model
        stats = view_model.stats
        tracks = view_model.recorded_tracks if view_model.state.active else ()
        devices = {track.name: track.device for track in stats.tracks} or {track.name: stats.device for track in tracks}
        self._device_picker = DevicePicker(
            tracks=tracks,
            devices=devices,
            can_add=len(view_model.all_tracks) < MAX_TRACKS or not tracks,
            clock=self._clock,
        )
        if listed is not None:
            self._device_picker.set_devices(listed.devices, listed.problem)
        self.app.push_screen(self._device_picker, use)

    def _set_next_source(self, source: str, *, adds: bool) -> None:
        """Record the next session from a source, or from it as well."""
        given = self._options.get("source", list(self.sources))
        sources = [*(given if isinstance(given, list) else [str(given)]), source] if adds else [source]
        try:
            tracks = parse_tracks(sources)
        except UsageError as error:
            self.notify(f"{error.message} {error.hint}", severity="warning", markup=False)
            return
        self._options["source"] = sources if len(sources) > 1 else source
        self.notify(f"The next session records from {one_line(format_tracks(tracks), 120)}.", markup=False)

    def action_history(self) -> None:
        """Request the list of past sessions."""
        self._request(ListSessions())

    def offer_sessions(self, sessions: tuple[SessionInfo, ...]) -> None:
        """Show the past sessions; open their list first if it is closed."""
        from tui.viewer.screens.history import HistoryScreen

        if self._history is not None:
            self._history.set_sessions(sessions)
            return
        if self._deleting:
            self._deleting = False
            return

        def close(deleted: bool | None) -> None:
            self._history, self._deleting = None, bool(deleted)

        self._history = HistoryScreen(sessions, self.view_model.host, watching=self.view_model.watching)
        self.app.push_screen(self._history, close)

    def show_hits(self, found: SessionsFound) -> None:
        """Show the matches of a search in the list of sessions, if it is open."""
        if self._history is not None:
            self._history.show_hits(found.hits)

    def open_session(self, snapshot: Snapshot) -> None:
        """Show a past session, at the turn that was found, if one was."""
        from tui.viewer.screens.past_session import PastSessionScreen

        turn = self._history.turn if self._history is not None else 0
        view_model = self.view_model
        screen = PastSessionScreen(snapshot, self._rules, view_model.host, turn, watching=view_model.watching)
        screen.view_model.playing = view_model.playing
        self.app.push_screen(screen)

    def show_in_past_session(self, event: Event) -> None:
        """Show a change of a session on the screen that shows it as a past one, if it is open."""
        match event:
            case StoredSessionChanged(event=Notice(severity=severity, text=text, hint=hint)):
                self._notify(severity, text, hint)
            case StoredSessionChanged(session=session, event=change):
                self._show_stored_change(session, change)
            case PlayingChanged(playing=playing):
                self._show_playing(playing)
            case Notice():
                return
            case _ if isinstance(event, StoredChange) and self.view_model.session is not None:
                self._show_stored_change(self.view_model.session.id, event)

    def _show_playing(self, playing: bool) -> None:
        from tui.viewer.screens.past_session import PastSessionScreen

        for screen in self.app.screen_stack:
            if isinstance(screen, PastSessionScreen):
                screen.show_playing(playing)

    def _show_stored_change(self, session: str, change: StoredChange) -> None:
        from tui.viewer.screens.past_session import PastSessionScreen

        if self._history is not None and isinstance(change, GistChanged):
            self._history.show_answer(session, change.gist)
        for screen in self.app.screen_stack:
            if isinstance(screen, PastSessionScreen) and screen.session_id == session:
                screen.handle_event(change)

    def action_export(self) -> None:
        """Open the list of export formats, and export the session in the chosen one."""
        from tui.viewer.screens.export import ExportChoice, ExportPicker

        def export(choice: ExportChoice | None) -> None:
            if choice is not None:
                self._request(ExportSession("", choice.format, turns, choice.fetch))

        turns = self.body.selected_turns
        self.app.push_screen(ExportPicker(self.view_model.host, len(turns)), export)

    def show_export(self, exported: SessionExported) -> None:
        """Notify where an export is; write one that was fetched to this machine's folder of exports."""
        self.notify(self._exported(exported), markup=False)

    def _exported(self, exported: SessionExported) -> str:
        if exported.text is None:
            return f"Wrote {one_line(self.view_model.located(exported.path))}"
        try:
            path = private_dir(data_dir() / "exports") / Path(exported.path).name
            write_private(path, exported.text.encode())
        except OSError as error:
            return f"The export cannot be written: {error.strerror}."
        return f"Fetched from {one_line(self.view_model.host or 'the engine', 60)}: {path}"

    def action_settings(self) -> None:
        """Open the settings."""
        from tui.viewer.screens.settings import SettingsScreen

        prompts = [prompt.id for prompt in self.view_model.prompts]
        offers = {"theme": self._theme_names(), "prompt": prompts}
        self.app.push_screen(SettingsScreen(offers, self.view_model.host, set(self._options)))
