"""Replay engine: publishes a stored session's events again, in their original timing, without capture or requests."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable

from msgspec.structs import replace

import tui
from tui.audio.level import measure, mixed
from tui.audio.portaudio import call_with_timeout
from tui.audio.speaker import Speaker
from tui.engine.recorded_audio import RecordedAudio
from tui.errors import LivegistError, SourceError, UsageError
from tui.model.commands import Command, Pause, Quit, Seek
from tui.model.events import Event, LevelChanged, Notice, Severity, Snapshot, StatsChanged
from tui.model.prompts import PromptLibrary
from tui.model.tracks import TracksChanged
from tui.paths import prompt_folders
from tui.sessions.playback import Playback, is_stats, stats_at
from tui.sessions.rest import track_names
from tui.sessions.store import StoredSession

TICK_S = 0.05
"""Seconds between two levels."""
STATS_S = 1.0
"""Seconds of the session between two statistics."""


class ReplayEngine:
    """Replays a stored session.

    Args:
        publish: receives every event.
        stored: the session.
        speed: seconds of the session per second of the clock.
        listen: whether to play the recording, too.
        clock: monotonic seconds.

    Raises:
        SessionError: the session cannot be read.
    """

    busy = unsaved = False
    """No session is active, so the server exits once there is no viewer."""

    def __init__(
        self,
        publish: Callable[[Event], None],
        stored: StoredSession,
        *,
        speed: float = 1.0,
        listen: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.unattended_minutes = -1.0
        self._publish = publish
        self._speed = speed
        self._listen = listen
        self._clock = clock
        self._title = stored.metadata().name
        self._prompts = PromptLibrary.load(*prompt_folders()).infos
        self._playback = Playback(stored.read().entries)
        names = track_names(self._playback.at(self._playback.end_s))
        self._names = track_names(self._playback.at(0.0))
        """Names of the tracks so far, in the order of the recordings."""
        self._audio = [RecordedAudio(name, stored.audio_of(at)) for at, name in enumerate(names)]
        self._speaker: Speaker | None = None
        self._position_s = 0.0
        self._stats_at_s = -STATS_S
        self._published_at = clock()
        self._paused = False
        self._notices: list[Notice] = []
        self._changed = asyncio.Event()
        self._quitting = False

    def snapshot(self) -> Snapshot:
        """Return the session's state at the current position."""
        state = self._playback.at(self._position_s)
        self._names = track_names(state)
        return replace(
            state.snapshot(tui.__version__),
            prompts=self._prompts,
            title=self._title,
            stats=stats_at(state, self._position_s),
            replay_speed=self._speed,
            paused=self._paused,
        )

    def pop_notices(self) -> list[Notice]:
        """Return the notices that no viewer has received, and forget them."""
        notices, self._notices = self._notices, []
        return notices

    def set_viewer_count(self, viewers: int) -> None:
        """Ignore the number of viewers: a replay runs without any."""

    async def execute(self, command: Command) -> Event | None:
        """Pause, resume, seek or quit.

        Raises:
            UsageError: any other command, because a stored session cannot be changed.
        """
        match command:
            case Pause(paused=paused):
                self._paused = paused
                self._publish_snapshot()
            case Seek(at_s=at_s):
                self._position_s = min(max(0.0, at_s), self._playback.end_s)
                self._publish_snapshot()
            case Quit():
                self.quit()
            case _:
                raise UsageError("A replay cannot be changed.", "Quit it with q.")
        return None

    def quit(self, within_s: float = math.inf) -> None:
        """Quit immediately: there is nothing to finish within `within_s`."""
        self._quitting = True
        self._changed.set()

    async def run(self) -> None:
        """Replay the session until `quit` is called; at its end, wait for a seek."""
        if self._listen:
            await self._open_speaker()
        self._published_at = self._clock()
        try:
            while not self._quitting:
                if self._paused or self._position_s >= self._playback.end_s:
                    await self._changed.wait()
                    self._changed.clear()
                    continue
                await asyncio.sleep(TICK_S)
                if not self._paused:
                    now = self._clock()
                    self._advance((now - self._published_at) * self._speed)
                    self._published_at = now
                    await self._check_speaker()
        finally:
            for audio in self._audio:
                audio.close()
            await self._close_speaker()

    def _advance(self, seconds: float) -> None:
        """Publish the events and the level of the next `seconds` of the session."""
        start_s, end_s = self._position_s, min(self._position_s + seconds, self._playback.end_s)
        self._position_s = end_s
        for event in self._playback.between(start_s, end_s):
            if isinstance(event, TracksChanged):
                self._names = tuple(track.name for track in event.tracks)
            if isinstance(event, Notice):
                # It was about that time: nobody has to act now.
                event = Notice(Severity.INFO, event.text)
            if not is_stats(event):
                self._publish(event)
        blocks = [audio.read(start_s, end_s) for audio in self._audio]
        for name, pcm in zip(self._names, blocks, strict=False):
            level = measure(pcm)
            self._publish(LevelChanged(level.rms_dbfs, level.peak_dbfs, level.clipped, track=name))
        if self._speaker is not None:
            self._speaker.play(mixed(blocks))
        if end_s - self._stats_at_s >= STATS_S or end_s == self._playback.end_s:
            self._stats_at_s = end_s
            self._publish(StatsChanged(stats_at(self._playback.at(end_s), end_s)))

    def _publish_snapshot(self) -> None:
        self._stats_at_s = self._position_s
        # Time that passed while the replay was paused is not caught up.
        self._published_at = self._clock()
        if self._speaker is not None:
            self._speaker.clear()
        self._publish(self.snapshot())
        self._changed.set()

    async def _open_speaker(self) -> None:
        try:
            rate = round(self._audio[0].sample_rate * self._speed)
            self._speaker = await asyncio.to_thread(Speaker, rate)
        except LivegistError as error:
            notice = Notice(Severity.WARNING, error.message, error.hint)
            self._notices.append(notice)
            self._publish(notice)

    async def _check_speaker(self) -> None:
        """Continue without sound once the output device is lost, and say so."""
        if self._speaker is None:
            return
        try:
            await self._speaker.check()
        except SourceError as lost:
            text = f"{lost.message} The replay continues without sound."
            self._publish(Notice(Severity.WARNING, text, f"{lost.hint} Then start the replay again."))
            await self._close_speaker()

    async def _close_speaker(self) -> None:
        speaker, self._speaker = self._speaker, None
        if speaker is not None:
            with contextlib.suppress(SourceError):
                await call_with_timeout(speaker.close)
