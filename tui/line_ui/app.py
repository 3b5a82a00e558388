"""Lines from the engine to a person, and words from the person to the engine."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Protocol

from tui.errors import EngineError, UsageError
from tui.line_ui.input import LocalCommand, parse_command
from tui.line_ui.output import LineFormatter, help_lines
from tui.model.commands import Command, Option, Quit, Start
from tui.model.events import Event, Rejected, Snapshot

RETRY_S = 0.5
"""Pause before an engine that went away is looked for."""


class EngineConnection(Protocol):
    """The line to an engine: `EngineClient` is one."""

    def events(self) -> AsyncIterator[Event]:
        """Yield a snapshot, then every event until the line is cut; may be called again."""
        ...

    async def send(self, command: Command) -> bool:
        """Send a command; return whether there was a line to send it over."""
        ...


class LineApp:
    """A viewer that paints nothing.

    Args:
        client: the line to the engine.
        say: prints a line.
        options: settings that every session started here gets.
        start: sent after the first snapshot if no session is live.
        clock: seconds that only go up.
    """

    def __init__(
        self,
        client: EngineConnection,
        say: Callable[[str], None],
        *,
        options: Mapping[str, Option],
        start: Start | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._say = say
        self._options = dict(options)
        self._start = start
        self._formatter = LineFormatter(clock)
        self._quitting = False
        self._answered = asyncio.Event()
        """Set once the engine has sent its first snapshot, or could not be reached."""

    async def run(self, typed: Iterable[str]) -> None:
        """Tell what happens and do what is typed, until the person leaves or the engine they quit has ended.

        Args:
            typed: lines; read in a thread of its own. Their end is a `leave`.
        """
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        _read_lines(typed, lines, asyncio.get_running_loop())
        listening = asyncio.create_task(self._receive_events(), name="listen")
        obeying = asyncio.create_task(self._execute(lines), name="obey")
        try:
            await asyncio.wait({listening, obeying}, return_when=asyncio.FIRST_COMPLETED)
            if self._quitting:
                await listening
        finally:
            for task in (listening, obeying):
                task.cancel()
            done = await asyncio.gather(listening, obeying, return_exceptions=True)
        for ended in done:
            if isinstance(ended, Exception):
                raise ended
        self._detach()

    async def _receive_events(self) -> None:
        """Tell events, and come back after a cut, until the engine was told to quit."""
        while True:
            try:
                async for event in self._client.events():
                    for line in self._formatter.format(event):
                        self._say(line)
                    self._answered.set()
                    if self._quitting and isinstance(event, Rejected):
                        return
                    await self._begin(event)
            except EngineError as error:
                self._say(f"{error.message} {error.hint}".strip())
                self._answered.set()
            if self._quitting:
                return
            self._say("The line to the engine was cut. Connecting again.")
            await asyncio.sleep(RETRY_S)

    async def _begin(self, event: Event) -> None:
        if isinstance(event, Snapshot) and self._start is not None:
            start, self._start = self._start, None
            if not event.state.active:
                await self._client.send(start)

    async def _execute(self, lines: "asyncio.Queue[str | None]") -> None:
        """Execute commands until EOF, `leave` or `quit`.

        Input from a pipe is there before the connection: its commands wait for the first snapshot.
        """
        await self._answered.wait()
        while (line := await lines.get()) is not None:
            try:
                asked = parse_command(line, self._formatter.view_model, self._options)
            except UsageError as error:
                self._say(f"{error.message} {error.hint}".strip())
                continue
            match asked:
                case LocalCommand.LEAVE:
                    return
                case LocalCommand.HELP:
                    told = help_lines()
                case LocalCommand.PROMPTS:
                    told = self._formatter.prompts()
                case LocalCommand.STATUS:
                    told = [self._formatter.status()]
                case commands:
                    told = await self._send(commands)
            for answer in told:
                self._say(answer)
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
                return ["Not done: the engine cannot be heard now."]
        return []

    def _detach(self) -> None:
        picture = self._formatter.view_model
        if picture.state.active and not self._quitting:
            self._say("Detached; the session goes on. livegist returns to it, livegist stop ends it.")
        elif picture.session is not None and picture.session.path and not picture.stats.unsaved_s:
            self._say(f"The session is saved in {picture.session.path}")


def _read_lines(typed: Iterable[str], lines: "asyncio.Queue[str | None]", loop: asyncio.AbstractEventLoop) -> None:
    """Have lines arrive in the queue as they come, then a `None`; a thread waits for them, and nobody for it."""

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # The loop may be gone.
            for line in typed:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, name="typed", daemon=True).start()
