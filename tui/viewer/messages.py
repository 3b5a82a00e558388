"""What the dashboard's parts tell those above them."""

from enum import StrEnum
from typing import NamedTuple

from textual.message import Message

from tui.config.schema import Highlight, Scalar
from tui.model.commands import Command
from tui.model.transcript import Turn


class PromptChangeKind(StrEnum):
    """What a person wants of prompts themselves."""

    NEW = "new"
    EDIT = "edit"
    DUPLICATE = "duplicate"
    DELETE = "delete"


class PromptChange(NamedTuple):
    """A prompt that is to be changed."""

    kind: PromptChangeKind
    prompt: str
    """Id of the marked one."""


class CommandRequested(Message):
    """A command for the engine."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self.command = command


class DetachRequested(Message):
    """Leave; the engine goes on."""


class QuitRequested(Message):
    """Leave and end the engine, with its session if there is one."""


class EntrySelected(Message):
    """An entry of a pane was selected."""

    def __init__(self, pane: str, key: int, *, go: bool = False) -> None:
        super().__init__()
        self.pane = pane
        """Id of the pane."""
        self.key = key
        """Number of the turn or gist."""
        self.go = go
        """Whether to go to its counterpart, not only to show it."""


class FollowChanged(Message):
    """A pane follows the newest entry, or no longer."""


class LayoutChanged(Message):
    """The person chose to see other panes."""


class GainStepped(Message):
    """Record so much louder, or softer if it is negative."""

    def __init__(self, step_db: int) -> None:
        super().__init__()
        self.step_db = step_db


class AlarmRaised(Message):
    """Something that a person waits for was said."""

    def __init__(self, wanted: Highlight, turn: Turn) -> None:
        super().__init__()
        self.wanted = wanted
        self.turn = turn


class SettingChanged(Message):
    """A setting was written to the config file."""

    def __init__(self, name: str, value: Scalar) -> None:
        super().__init__()
        self.name = name
        self.value = value


class CopyRequested(Message):
    """Text for the clipboard."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
