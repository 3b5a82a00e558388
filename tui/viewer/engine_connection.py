"""What a viewer needs of an engine, and how a viewer ended."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from tui.model.commands import Command
from tui.model.events import Event
from tui.viewer.replay import local_replay_command


class EngineConnection(Protocol):
    """A connection to an engine, such as `EngineClient`."""

    def events(self) -> AsyncIterator[Event]:
        """Yield a snapshot, then each event until the connection is lost; may be called again to reconnect.

        Raises:
            EngineError: the engine cannot be reached.
        """
        ...

    async def send(self, command: Command) -> bool:
        """Send a command; return whether it was sent, which needs an open connection.

        Raises:
            UsageError: the command is too long.
        """
        ...

    def revive(self) -> None:
        """Start an engine in place of one that has exited."""
        ...


class RoomConnection(NamedTuple):
    """A room and how to reach it."""

    name: str
    client: EngineConnection
    host: str = ""
    """Name of the engine's machine; empty for this one."""
    set_up: bool = True
    """Whether a session can start there."""
    sources: tuple[str, ...] = ("mic",)
    """The configured sources, to which a further one can be added."""
    replay_command: Callable[[str], Sequence[str]] = local_replay_command
    """Returns the command that replays the session with an id."""


class ExitStatus(msgspec.Struct, frozen=True):
    """Result of the app: how a viewer ended."""

    running: bool
    """Whether the session continues."""
    path: str = ""
    """Folder of the session; empty without one."""
    error: str = ""
    """Problem while quitting; empty for none."""
    note: str = ""
    """What else a person should know; empty for nothing."""
    host: str = ""
    """Name of the engine's machine; empty for this one."""

    def __str__(self) -> str:
        """Return the line to print after the app has ended; may be empty."""
        if self.error:
            return self.error
        if self.running:
            if self.host:
                return (
                    f"Detached. The session continues on {self.host}: `livegist attach --ssh {self.host}` reopens it."
                )
            return "Detached. The session continues: `livegist` reopens it, `livegist stop` ends it."
        saved = f"The session is saved in {self.path}" if self.path else ""
        return "\n".join(filter(None, (saved, self.note)))
