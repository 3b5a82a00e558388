"""Line-based viewer: prints an engine's events and executes typed commands."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Protocol

from tui.errors import EngineError, UsageError, VersionError
from tui.line_ui.input import LocalCommand, ShowOnly, parse_command
from tui.line_ui.output import LineFormatter, help_lines
from tui.model.commands import Command, Option, Quit, Start
from tui.model.events import Event, Rejected, Snapshot

RETRY_S = 0.5
"""Pause before reconnecting to an engine, in seconds."""


class EngineConnection(Protocol):
    """Connection to an engine, such as `EngineClient`."""

    def events(self) -> AsyncIterator[Event]:
        """Yield a snapshot, then every event until the connection is lost; may be called again."""
        ...

    async def send(self, command: Command) -> bool:
        """Send a command; return whether the engine was connected."""
        ...


class LineApp:
    """Viewer without a screen.

    Args:
        client: connection to the engine.
        print_line: prints a line.
        options: settings of the sessions started here.
        start: sent after the first snapshot if no session is live.
        host: name of the engine's machine, which has to be reached at first; empty for this one.
        clock: seconds that only go up.
    """

    def __init__(
        self,
        client: EngineConnection,
        print_line: Callable[[str], None],
        *,
        options: Mapping[str, Option],
        start: Start | None = None,
        host: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._print_line = print_line
        self._options = dict(options)
        self._start = start
        self._host = host
        self._formatter = LineFormatter(clock)
        self._quitting = False
        self._failure: EngineError | None = None
        """Why the engine could not be reached in the last attempt; `None` once it has answered."""
        self._answered = asyncio.Event()
        """Set once the engine has sent its first snapshot, or could not be reached."""

    async def run(self, typed: Iterable[str]) -> None:
        """Print events and execute commands until the user detaches, or until the engine has ended after `quit`.

        Args:
            typed: lines of input, read in a thread. EOF detaches.

        Raises:
            EngineError: the engine could not be reached when the input ended.
        """
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        read_lines(typed, lines, asyncio.get_running_loop())
        receiving = asyncio.create_task(self._receive_events(), name="receive")
        executing = asyncio.create_task(self._execute(lines), name="execute")
        try:
            await asyncio.wait({receiving, executing}, return_when=asyncio.FIRST_COMPLETED)
            if self._quitting:
                await receiving
        finally:
            for task in (receiving, executing):
                task.cancel()
            done = await asyncio.gather(receiving, executing, return_exceptions=True)
        for ended in done:
            if isinstance(ended, Exception):
                raise ended
        if self._failure is not None:
            raise self._failure
        self._detach()

    async def _receive_events(self) -> None:
        """Print events, reconnecting after a loss, until the engine has to quit."""
        while True:
            try:
                async for event in self._client.events():
                    self._failure = None
                    for line in self._formatter.format(event):
                        self._print_line(line)
                    self._answered.set()
                    if self._quitting and isinstance(event, Rejected):
                        return
                    await self._start_session(event)
            except EngineError as error:
                if isinstance(error, VersionError) or (self._host and not self._answered.is_set()):
                    raise
                self._failure = error
                self._print_line(f"{error.message} {error.hint}".strip())
                self._answered.set()
            if self._quitting:
                return
            lost = f"Line to {self._host}" if self._host else "The connection to the engine"
            self._print_line(f"{lost} was lost. Reconnecting." if self._failure is None else "Trying again.")
            await asyncio.sleep(RETRY_S)

    async def _start_session(self, event: Event) -> None:
        if isinstance(event, Snapshot) and self._start is not None:
            start, self._start = self._start, None
            if not event.state.active:
                await self._client.send(start)

    async def _execute(self, lines: "asyncio.Queue[str | None]") -> None:
        """Execute commands until EOF, `detach` or `quit`.

        Input from a pipe is there before the connection: its commands wait for the first snapshot.
        """
        await self._answered.wait()
        while (line := await lines.get()) is not None:
            try:
                command = parse_command(line, self._formatter.view_model, self._options)
            except UsageError as error:
                self._print_line(f"{error.message} {error.hint}".strip())
                continue
            match command:
                case LocalCommand.DETACH:
                    return
                case LocalCommand.HELP:
                    answer = help_lines()
                case LocalCommand.PROMPTS:
                    answer = self._formatter.prompts()
                case LocalCommand.STATUS:
                    answer = [self._formatter.status()]
                case ShowOnly(speaker=speaker):
                    answer = self._formatter.show_only(speaker)
                case commands:
                    answer = await self._send(commands)
            for text in answer:
                self._print_line(text)
            if self._quitting:
                return

    async def _send(self, commands: Iterable[Command]) -> list[str]:
        for command in commands:
            self._quitting = isinstance(command, Quit)
            try:
                sent = await self._client.send(command)
            except UsageError as error:
                return [f"{error.message} {error.hint}"]
            if not sent:
                return ["Command not sent: not connected to the engine."]
        return []

    def _detach(self) -> None:
        session = self._formatter.view_model
        if session.state.active and not self._quitting:
            self._print_line("Detached; the session continues. livegist attaches again, livegist stop ends it.")
        elif session.session is not None and session.session.path and not session.stats.unsaved_s:
            self._print_line(f"The session is stored in {session.session.path}")


def read_lines(typed: Iterable[str], lines: "asyncio.Queue[str | None]", loop: asyncio.AbstractEventLoop) -> None:
    """Put lines into the queue as they are typed, then `None`; the reading thread is a daemon."""

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # The loop may be closed.
            for line in typed:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, name="typed", daemon=True).start()
