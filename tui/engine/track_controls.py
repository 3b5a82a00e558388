"""Controls of the tracks of a session: mute, gain and source of each, by its name."""

from collections.abc import Awaitable, Callable, Sequence

from tui.engine.capture import Capture
from tui.engine.live_track import LiveTrack
from tui.errors import UsageError
from tui.model.commands import AddTrack, Mute, SetGain, UseSource
from tui.model.events import Event, GainChanged, MutedChanged

MAX_GAIN_DB = 40
"""Largest gain or attenuation, in dB."""
NOT_RECORDING = ("The session is no longer recording.", "Start another session with s.")
"""Message and hint of an error."""


class TrackControls:
    """Changes what is recorded.

    Args:
        tracks: the tracks.
        emit: receives every change.
        add: records a further track, given the sources of all.
    """

    def __init__(
        self,
        tracks: Sequence[LiveTrack],
        emit: Callable[[Event], None],
        add: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self._tracks = tracks
        self._emit = emit
        self._add = add

    def execute(self, command: Mute | SetGain) -> None:
        """Mute a track, or set its gain.

        Raises:
            UsageError: the command is not possible.
        """
        match command:
            case Mute(muted=muted, track=track):
                self.mute(muted, track)
            case SetGain(gain_db=gain_db, track=track):
                self.set_gain(gain_db, track)

    def mute(self, muted: bool, name: str = "") -> None:
        """Record and send silence if `muted`, else the source's audio; all tracks if `name` is empty.

        Raises:
            UsageError: there is no such track.
        """
        for track in [self._track(name)] if name else self._tracks:
            if track.capture is not None and track.capture.muted != muted:
                track.capture.muted = muted
                self._emit(MutedChanged(muted, track.name))

    async def change_sources(self, command: UseSource | AddTrack) -> str | list[str]:
        """Record a track from another source, or a further track. Return all sources, as the setting takes them.

        Raises:
            LivegistError: the command is not possible; nothing has changed.
        """
        match command:
            case UseSource(source=source, track=track):
                self.use_source(source, track)
            case AddTrack(source=source):
                self._require_capture("")
                await self._add([*self._sources(), source])
        sources = self._sources()
        return sources[0] if len(sources) == 1 else sources

    def use_source(self, spec: str, name: str = "") -> None:
        """Record from another source from now on; record silence while it cannot be opened.

        Args:
            spec: the source.
            name: name of the track; empty for the first.

        Raises:
            UsageError: the track is not recording, or does not exist.
        """
        self._require_capture(name).switch(spec)

    def stop_track(self, name: str) -> None:
        """Stop recording a track; the others go on.

        Raises:
            UsageError: the track is not recording, or it does not exist, or no other track is recording.
        """
        self._require_capture(name)
        track = self._track(name)
        if not any(other is not track and not other.recording.closed for other in self._tracks):
            raise UsageError("No other track is recorded.", "Stop the session with x.")
        track.stop_alone()

    def set_gain(self, gain_db: float, name: str = "") -> None:
        """Set the gain of what is recorded from now on.

        Args:
            gain_db: the gain.
            name: name of the track; empty for the first.

        Raises:
            UsageError: the gain is out of range, or the track is not recording or does not exist.
        """
        if not -MAX_GAIN_DB <= gain_db <= MAX_GAIN_DB:
            raise UsageError(f"A gain of {gain_db:g} dB is out of range.", f"Use -{MAX_GAIN_DB} to {MAX_GAIN_DB} dB.")
        self._require_capture(name).gain_db = gain_db
        self._emit(GainChanged(gain_db, self._track(name).name))

    def _track(self, name: str) -> LiveTrack:
        """Return the track with that name; if it is empty, the first that is recording."""
        recording = [track for track in self._tracks if not track.recording.closed]
        for track in self._tracks if name else recording or self._tracks:
            if not name or track.name.casefold() == name.casefold():
                return track
        names = ", ".join(track.name for track in self._tracks if track.name)
        hint = f"Tracks: {names}." if names else "The session has one track, without a name."
        raise UsageError(f"There is no track {name!r}.", hint)

    def _require_capture(self, name: str) -> Capture:
        track = self._track(name)
        if track.capture is None or track.recording.closed:
            if track.stopped_alone:
                raise UsageError(f"{track.name} was stopped.", "To record it again, add it as another track with D.")
            raise UsageError(*NOT_RECORDING)
        return track.capture

    def _sources(self) -> list[str]:
        """Return the source of each track."""
        return [
            f"{track.name}={track.capture.spec}" if track.name else track.capture.spec
            for track in self._tracks
            if track.capture is not None
        ]
