"""Continuation of a session whose engine was killed: a file that names the active session outlives its engine."""

import contextlib
import math
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tui.audio.recording import Recording
from tui.audio.wav import SAMPLE_BYTES
from tui.errors import SessionError
from tui.model.commands import Option
from tui.model.events import Notice, Severity, State
from tui.model.gaps import Gap
from tui.model.session_state import SessionState
from tui.paths import write_private
from tui.sessions.store import Store, StoredSession

AUTOMATIC_S = 60.0
"""Longest gap, in seconds, after which recording continues without being asked for."""
OFFERED_S = 600.0
"""Longest gap, in seconds, after which a person may continue a session; it is filled with silence."""
MAX_AUTOMATIC = 3
"""Automatic continuations within `AUTOMATIC_S`, after which a person has to ask: the session may kill its engine."""


class ActiveSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """Content of the file: what is needed to continue a session and is not in its journal."""

    id: str
    options: dict[str, Option] = {}
    """Settings of the session that override the config, as in `Start`."""
    stopped_at: float = 0.0
    """Time of the last recorded audio, in seconds since the epoch; 0 until another engine has found the session."""
    continued_at: tuple[float, ...] = ()
    """Times of the newest automatic continuations, in seconds since the epoch."""


class Interruption(msgspec.Struct, frozen=True):
    """A session whose engine was killed while it recorded."""

    stored: StoredSession
    state: SessionState
    """State of the session after its repair."""
    options: dict[str, Option]
    stopped_at: float
    """Time of the last recorded audio, in seconds since the epoch."""

    @property
    def stopped(self) -> str:
        """ISO 8601 time of the last recorded audio."""
        return datetime.fromtimestamp(self.stopped_at).astimezone().isoformat(timespec="seconds")


class SessionContinuation:
    """Keeps the file that names the active session, and finds in it the session of an engine that was killed.

    Args:
        file: path of the file; `None` keeps none, so that no session is continued.
        store: the sessions on disk.
        wall_clock: seconds since the epoch.
    """

    def __init__(self, file: Path | None, store: Store, wall_clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._store = store
        self._wall_clock = wall_clock
        self._active: ActiveSession | None = None
        self.interruption: Interruption | None = None
        """The interrupted session that may be continued; `None` if there is none."""

    def open(self, id: str, options: dict[str, Option]) -> None:
        """Name the active session."""
        continued_at = self._active.continued_at if self._active is not None and self._active.id == id else ()
        self.interruption = None
        self._write(ActiveSession(id, options, continued_at=continued_at))

    def set_source(self, source: str | list[str]) -> None:
        """Record another source of the active session, or a list of one for each track."""
        if self._active is not None:
            self._write(replace(self._active, options=self._active.options | {"source": source}))

    def close(self) -> None:
        """Forget the session: it has ended, or a person has stopped it."""
        self._active = self.interruption = None
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)

    @property
    def stopped_at(self) -> str:
        """ISO 8601 time at which the interrupted session stopped; empty if there is none."""
        return self.interruption.stopped if self.interruption is not None else ""

    def find(self, repair: Callable[[str], list[Notice]]) -> list[Notice]:
        """Find the session that a killed engine recorded, and set `interruption`.

        Args:
            repair: repairs all interrupted sessions; returns notices, but none of the session with the given id.

        Returns:
            The notices of the repair.
        """
        active, stored = self._read()
        if active is None or stored is None:
            return repair("")
        try:
            # Before the repair, which changes both files.
            last = stored.load().state
            stopped_at = active.stopped_at or stored.audio.stat().st_mtime
        except (OSError, SessionError):
            last, stopped_at = State.FAILED, -math.inf
        recording = last in (State.CONNECTING, State.LIVE, State.RECONNECTING) or bool(active.stopped_at)
        if not recording or self._wall_clock() - stopped_at > OFFERED_S:
            self.close()
            return repair("")
        notices = repair(stored.id)
        self._write(replace(active, stopped_at=stopped_at))
        self.interruption = Interruption(stored, stored.load(), active.options, stopped_at)
        return notices

    def is_automatic(self) -> bool:
        """Return whether the interrupted session is to be continued without being asked for; count that it is."""
        if self._active is None or self.interruption is None:
            return False
        now = self._wall_clock()
        recent = tuple(at for at in self._active.continued_at if now - at < AUTOMATIC_S)
        if now - self.interruption.stopped_at > AUTOMATIC_S or len(recent) >= MAX_AUTOMATIC:
            return False
        self._write(replace(self._active, continued_at=(*recent, now)))
        return True

    def is_offered(self) -> bool:
        """Return whether a person may continue the interrupted session now."""
        return self.interruption is not None and self._wall_clock() - self.interruption.stopped_at <= OFFERED_S

    def _read(self) -> tuple[ActiveSession | None, StoredSession | None]:
        if self._file is None:
            return None, None
        try:
            active = msgspec.json.decode(self._file.read_bytes(), type=ActiveSession)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None, None
        return active, next((stored for stored in self._store if stored.id == active.id and not stored.live), None)

    def _write(self, active: ActiveSession) -> None:
        self._active = active
        if self._file is not None:
            with contextlib.suppress(OSError):
                write_private(self._file, msgspec.json.encode(active))


def append_silence(recording: Recording, seconds: float) -> None:
    """Append silence to a recording, a minute at a time."""
    samples = round(seconds * recording.sample_rate)
    minute = 60 * recording.sample_rate
    while samples > 0:
        recording.append(bytes(SAMPLE_BYTES * min(samples, minute)))
        samples -= minute


def gap_notice(stopped_at: float, now: datetime, at_s: float, gap_s: float) -> Notice:
    """Return the notice of a continued session: what is missing, with its clock times.

    Args:
        stopped_at: time of the last recorded audio, in seconds since the epoch.
        now: the time at which recording continues.
        at_s: position in the session at which it continues, in seconds.
        gap_s: seconds of live audio that are missing; 0 for a file, of which nothing is.
    """
    stopped = datetime.fromtimestamp(stopped_at, now.tzinfo)
    killed = f"The engine was killed at {stopped:%H:%M:%S}. Another one continues the session."
    if not gap_s:
        return Notice(Severity.WARNING, killed)
    times = (stopped.isoformat(timespec="seconds"), now.isoformat(timespec="seconds"))
    gap = Gap(round(max(0.0, at_s - gap_s), 3), round(gap_s, 1), *times)
    text = f"{str(gap).capitalize()}. The engine was killed."
    return Notice(Severity.WARNING, text, "Another one continues the session; silence fills the gap.", gap)
