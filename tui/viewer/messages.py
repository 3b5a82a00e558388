"""Messages and results that several screens share; the others are nested in the widget that posts them."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from textual.message import Message

from tui.model.commands import Command


class CommandRequested(Message):
    """A person asked for a command of the engine."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self.command = command

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        yield "command", self.command


class ReplayRequested(Message):
    """A person asked to replay a stored session."""

    def __init__(self, session: str) -> None:
        super().__init__()
        self.session = session
        """Id of the session."""

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        yield "session", self.session


class PromptChangeKind(StrEnum):
    """The ways to change the list of prompts."""

    NEW = "new"
    EDIT = "edit"
    DUPLICATE = "duplicate"
    DELETE = "delete"


class PromptChange(NamedTuple):
    """A change of a prompt that a person asked for in the prompt picker."""

    kind: PromptChangeKind
    prompt: str
    """Id of the selected prompt; empty if none was selected."""
