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
from tui.errors import LivegistError, file_error_hint
from tui.model.commands import Option, Recover, Start, Stop
from tui.model.events import Event, SessionStarted, Snapshot, StatsChanged, TurnChanged
from tui.model.lines import json_line, status_line, text_line
from tui.sessions.store import Store

LAG_LINES = 1000
"""Lines that may wait for a slow reader before those that can be told again are left out."""
STATS_EVERY = 5
"""Of the figures, told once a second, one in so many is printed; the last one always."""


class Printer:
    """Prints lines from a thread of its own: a reader that stalls never stalls the engine.

    Args:
        as_json: whether to print JSON lines instead of text.
        broken: called, in the printing thread, when nobody reads any more.
    """

    def __init__(self, as_json: bool, broken: Callable[[], None]) -> None:
        self._as_json = as_json
        if as_json and isinstance(sys.stdout, io.TextIOWrapper):
            # JSON is UTF-8, whatever the terminal's encoding is.
            sys.stdout.reconfigure(encoding="utf-8")
        self._broken = broken
        self.failure: OSError | None = None
        """Why nothing more can be printed; `None` if it can, or nobody reads any more."""
        self._held: list[str] | None = [] if as_json else None
        """JSON lines that came before the session's, which is the first; `None` once that is out."""
        self._lines: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        self._stats = 0
        self._last_stats: Event | None = None
        self._thread = threading.Thread(target=self._run, name="print")
        self._thread.start()

    def publish(self, event: Event) -> None:
        """Print what is to be printed of an event."""
        if isinstance(event, StatsChanged):
            self._last_stats, self._stats = event, self._stats + 1
            if self._stats % STATS_EVERY:
                return
            self._last_stats = None
        if isinstance(event, TurnChanged) and not event.turn.final and self._lines.qsize() > LAG_LINES:
            return
        self._put(event)

    def close(self) -> None:
        """Print the last figures and all that waits."""
        if self._last_stats is not None:
            self._put(self._last_stats)
        self._let_go()
        self._lines.put(None)
        self._thread.join()

    def _put(self, event: Event) -> None:
        if self._as_json:
            if isinstance(event, Snapshot) and event.session is not None:
                # A session that is taken up again is the first line, as a new one is.
                event = SessionStarted(event.session)
            if (line := json_line(event)) is not None:
                self._put_json(line, first=isinstance(event, SessionStarted))
        elif (line := text_line(event)) is not None:
            self._lines.put((line, True))
        elif (line := status_line(event)) is not None:
            self._lines.put((line, False))

    def _put_json(self, line: str, *, first: bool) -> None:
        if self._held is not None and not first:
            self._held.append(line)
            return
        self._lines.put((line, True))
        self._let_go()

    def _let_go(self) -> None:
        """Print what waited for the session to be told."""
        held, self._held = self._held, None
        for line in held or ():
            self._lines.put((line, True))

    def _run(self) -> None:
        while (entry := self._lines.get()) is not None:
            line, wanted = entry
            try:
                print(line, file=sys.stdout if wanted else sys.stderr, flush=True)
            except OSError as error:
                if not wanted:
                    continue
                # A reader that has enough is no failure; a disk that is full is one.
                self.failure = None if isinstance(error, BrokenPipeError) else error
                self._broken()
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
    """Run one session, a new one or one taken up again, and print it; return why it failed, `None` if it ended well.

    The first SIGINT or SIGTERM stops it gracefully, the second waits for nothing more.

    Raises:
        LivegistError: it cannot start.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    printer = Printer(as_json, lambda: _soon(loop, stopping))

    def tell(event: Event) -> None:
        printer.publish(event)
        if isinstance(event, SessionStarted | Snapshot):
            tell_news()

    def tell_news() -> None:
        """Print what was found when the engine started: sessions that had been cut off."""
        for notice in engine.pop_notices():
            printer.publish(notice)

    engine = Engine(tell, store=store, prompt_folders=prompt_folders, log_file=log_file, flags=flags)
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
        tell_news()
        printer.close()
    if printer.failure is not None:
        return LivegistError(
            f"What was heard cannot be printed: {printer.failure.strerror}.", file_error_hint(printer.failure)
        )
    return engine.failure


async def _stop_when(stopping: asyncio.Event, engine: Engine) -> None:
    """Stop the session each time it is asked."""
    while True:
        await stopping.wait()
        stopping.clear()
        try:
            await engine.execute(Stop())
        except LivegistError:
            engine.quit()


def _soon(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """Set an event of the loop from another thread; the loop may be gone."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(event.set)
