"""`livegist stream`: an engine in this process, its events as lines on standard output."""

import asyncio
import contextlib
import io
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tui.engine.engine import Engine
from tui.errors import LivegistError, SessionError, file_error_hint
from tui.model.commands import Option, Recover, Start, Stop
from tui.model.events import Event, SessionStarted, Snapshot, StatsChanged, TurnChanged
from tui.model.lines import json_line, status_line, text_line
from tui.model.prompts import PromptLibrary
from tui.sessions.rest import MIN_UNTRANSCRIBED_S
from tui.sessions.store import Store

LAG_LINES = 1000
"""Lines that may queue for a slow reader; beyond that, partials are dropped."""
STATS_EVERY = 5
"""Print every n-th statistics event, and always the last one."""


class Printer:
    """Printer of events as lines, in a thread of its own: a reader that stalls never stalls the engine.

    Args:
        as_json: whether to print JSON lines instead of text.
        on_broken: called, in the printing thread, when the reader has closed the pipe.
        prompt_names: names of prompts by id.
    """

    def __init__(self, as_json: bool, on_broken: Callable[[], None], prompt_names: Mapping[str, str]) -> None:
        self._as_json = as_json
        self._prompt_names = prompt_names
        if as_json and isinstance(sys.stdout, io.TextIOWrapper):
            # JSON is UTF-8, whatever the terminal's encoding is.
            sys.stdout.reconfigure(encoding="utf-8")
        self._on_broken = on_broken
        self.failure: OSError | None = None
        """Why printing failed; `None` if it did not, or the reader closed the pipe."""
        self._held: list[str] | None = [] if as_json else None
        """JSON lines held back until the session's line, which comes first; `None` after it."""
        self._lines: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        self._stats = 0
        self._last_stats: Event | None = None
        self._thread = threading.Thread(target=self._run, name="print")
        self._thread.start()

    def publish(self, event: Event) -> None:
        """Print an event, if it has a line."""
        if isinstance(event, StatsChanged):
            self._last_stats, self._stats = event, self._stats + 1
            if self._stats % STATS_EVERY:
                return
            self._last_stats = None
        if isinstance(event, TurnChanged) and not event.turn.final and self._lines.qsize() > LAG_LINES:
            return
        self._put(event)

    def close(self) -> None:
        """Print the last statistics and all queued lines."""
        if self._last_stats is not None:
            self._put(self._last_stats)
        self._release_held()
        self._lines.put(None)
        self._thread.join()

    def _put(self, event: Event) -> None:
        if self._as_json:
            if isinstance(event, Snapshot) and event.session is not None:
                # A resumed session is the first line, as a new one is.
                event = SessionStarted(event.session)
            if (line := json_line(event)) is not None:
                self._put_json(line, first=isinstance(event, SessionStarted))
        elif (line := text_line(event, self._prompt_names)) is not None:
            self._lines.put((line, True))
        elif (line := status_line(event)) is not None:
            self._lines.put((line, False))

    def _put_json(self, line: str, *, first: bool) -> None:
        if self._held is not None and not first:
            self._held.append(line)
            return
        self._lines.put((line, True))
        self._release_held()

    def _release_held(self) -> None:
        """Print the lines held back."""
        held, self._held = self._held, None
        for line in held or ():
            self._lines.put((line, True))

    def _run(self) -> None:
        while (entry := self._lines.get()) is not None:
            line, is_output = entry
            try:
                print(line, file=sys.stdout if is_output else sys.stderr, flush=True)
            except OSError as error:
                if not is_output:
                    continue
                # A closed pipe is not a failure; a full disk is.
                self.failure = None if isinstance(error, BrokenPipeError) else error
                self._on_broken()
                return


async def stream(
    first: Start | Recover,
    *,
    as_json: bool,
    flags: Mapping[str, Option],
    store: Store,
    prompt_folders: tuple[Path, ...],
    log_file: Path,
) -> LivegistError | None:
    """Run one session, new or resumed, and print it; return its error, `None` if it succeeded.

    The first SIGINT or SIGTERM stops it gracefully, the second at once.

    Raises:
        LivegistError: the session cannot start.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    names = PromptLibrary.load(*prompt_folders).names
    printer = Printer(as_json, lambda: _set_threadsafe(loop, stopping), names)

    untranscribed_s = 0.0

    def publish(event: Event) -> None:
        nonlocal untranscribed_s
        if isinstance(event, StatsChanged):
            untranscribed_s = event.stats.untranscribed_s
        printer.publish(event)
        if isinstance(event, SessionStarted | Snapshot):
            print_notices()

    def print_notices() -> None:
        """Print the notices from the engine's start: sessions it repaired."""
        for notice in engine.pop_notices():
            printer.publish(notice)

    engine = Engine(publish, store=store, prompt_folders=prompt_folders, log_file=log_file, flags=flags)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signum, stopping.set)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.run(), name="engine")
            stopper = tasks.create_task(_stop_when(stopping, engine), name="stopper")
            try:
                await engine.execute(first)
                await asyncio.sleep(0)
                for notice in engine.pop_notices():
                    printer.publish(notice)
                await engine.wait_idle()
            finally:
                stopper.cancel()
                engine.quit()
    except* LivegistError as group:
        raise group.exceptions[0] from None
    finally:
        print_notices()
        printer.close()
    if printer.failure is not None:
        return LivegistError(
            f"The output cannot be written: {printer.failure.strerror}.", file_error_hint(printer.failure)
        )
    if engine.failure is None and untranscribed_s >= MIN_UNTRANSCRIBED_S:
        # A notice has said how much it is, and what can be done.
        return SessionError("The session is not fully transcribed.")
    return engine.failure


async def _stop_when(stopping: asyncio.Event, engine: Engine) -> None:
    """Stop the session when the event is set; the next time, end it without waiting for the rest."""
    abandon = False
    while True:
        await stopping.wait()
        stopping.clear()
        try:
            await engine.execute(Stop(abandon))
        except LivegistError:
            engine.quit()
        abandon = True


def _set_threadsafe(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """Set an event of the loop from another thread; the loop may be closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(event.set)
