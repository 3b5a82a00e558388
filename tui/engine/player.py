"""Player: plays the recording of a stored session from a time on, through this machine's output device."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.audio.level import mixed
from tui.audio.portaudio import call_with_timeout, exclusive, load, restart
from tui.audio.speaker import Speaker
from tui.errors import SourceError, UsageError
from tui.model.commands import TogglePlay
from tui.model.events import Event, Notice, PlayingChanged, Severity
from tui.model.session import Session
from tui.sessions.catalogue import find
from tui.sessions.rest import track_names
from tui.sessions.store import Store

if TYPE_CHECKING:
    from tui.engine.recorded_audio import RecordedAudio

TICK_S = 0.05
"""Seconds between two blocks of audio."""
AGAIN = "Then play again."
"""What to do once the output device is available again."""


class Player:
    """Plays one session at a time.

    Args:
        store: the sessions on disk.
        publish: receives when playback begins and ends, and why it ended early.
        clock: monotonic seconds.
    """

    def __init__(
        self, store: Store, publish: Callable[[Event], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._publish = publish
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def toggle(self, command: TogglePlay, current: Session | None, *, recording: bool) -> None:
        """Play from a time on; stop if something is playing.

        Args:
            command: the session and the time.
            current: the session that is meant if the command names none.
            recording: whether a session is recording now.

        Raises:
            UsageError: there is no such session, or it is not stored, or a session is recording.
            SessionError: the session cannot be read.
            SourceError: the output device is unavailable.
        """
        if self._task is not None and not self._task.done():
            await self.close()
            return
        if recording:
            raise UsageError("Not played: the running session would record the sound.", "Stop the session with x.")
        if not command.session and (current is None or not current.path):
            raise UsageError("There is no stored session to play.", "Start one with s, or choose one with h.")
        stored = find(self._store, command.session or (current.id if current is not None else ""))
        from tui.engine.recorded_audio import RecordedAudio

        names = track_names(await asyncio.to_thread(stored.load))
        audio = [RecordedAudio(name, stored.audio_of(number)) for number, name in enumerate(names)]
        try:
            speaker = await _open(audio[0].sample_rate)
        except BaseException as error:
            _close(audio)
            if isinstance(error, SourceError):
                raise SourceError(error.message, "The engine's machine plays it; see there: livegist doctor") from error
            raise
        self._task = asyncio.create_task(self._play(audio, speaker, command.at_s), name="player")

    async def close(self) -> None:
        """Stop playback."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def _play(self, audio: "list[RecordedAudio]", speaker: Speaker, at_s: float) -> None:
        end_s = max(recorded.length_s for recorded in audio)
        started, position_s = self._clock(), at_s
        self._publish(PlayingChanged(True))
        lost: SourceError | None = None
        try:
            while position_s < end_s:
                until_s = min(end_s, at_s + self._clock() - started + TICK_S)
                speaker.play(mixed([recorded.read(position_s, until_s) for recorded in audio]))
                position_s = until_s
                await asyncio.sleep(TICK_S)
                await speaker.check()
        except SourceError as error:
            lost = error
        finally:
            _close(audio)
            self._publish(PlayingChanged(False))
            if lost is not None:
                self._publish(Notice(Severity.WARNING, f"{lost.message} Playback has ended.", f"{lost.hint} {AGAIN}"))
            with contextlib.suppress(SourceError):
                await call_with_timeout(speaker.close)


async def _open(sample_rate: int) -> Speaker:
    """Open the output device in a thread.

    Raises:
        SourceError: the output device is unavailable, or the sound system does not respond.
    """
    opened: list[Speaker] = []
    given_up = threading.Event()

    def run() -> None:
        speaker = open_speaker(sample_rate)
        if given_up.is_set():
            speaker.close()
        opened.append(speaker)

    try:
        await call_with_timeout(run)
    except BaseException:
        given_up.set()
        raise
    return opened[0]


def open_speaker(sample_rate: int) -> Speaker:
    """Open the output device; if that fails, look for devices that were plugged in since the engine started.

    Raises:
        SourceError: the output device is unavailable.
    """
    with exclusive():
        try:
            return Speaker(sample_rate)
        except SourceError:
            restart(load())
            return Speaker(sample_rate)


def _close(audio: "list[RecordedAudio]") -> None:
    for recorded in audio:
        recorded.close()
