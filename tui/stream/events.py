"""Events of a stream: what `ReconnectingStream` publishes to its session."""

from typing import Any

import msgspec

from tui.model.transcript import Turn
from tui.stream import messages
from tui.stream.close_codes import CloseInfo
from tui.stream.messages import ServerMessage


class ConnectionOpened(msgspec.Struct, frozen=True):
    """A connection carries the session from now on."""

    prompt: str
    begin: messages.Begin
    position: int
    """Position of its first sample."""


class ConnectionLost(msgspec.Struct, frozen=True):
    """The connection was lost; the next attempt follows after `wait_s` seconds."""

    close: CloseInfo
    wait_s: float


class TurnReceived(msgspec.Struct, frozen=True):
    """The current version of a turn: replaces the one with its number."""

    turn: Turn
    prompt: str | None
    """Id of the prompt that the endpoint sends with it to the LLM; `None` for a partial, or without `llm_gateway`."""


class TurnDiscarded(msgspec.Struct, frozen=True):
    """A partial whose turn ended without words."""

    number: int


class AnswerReceived(msgspec.Struct, frozen=True):
    """The LLM's answer about a final turn."""

    turn: int
    prompt: str
    completion: dict[str, Any]
    """A chat completion."""


class AnswerLost(msgspec.Struct, frozen=True):
    """The LLM's answer about a final turn will not come: its connection was lost before."""

    turn: int
    prompt: str


class SpeakerRevised(msgspec.Struct, frozen=True):
    """A new speaker label for a turn."""

    turn: int
    speaker: str | None
    words: tuple[str | None, ...] = ()
    """Label of each word of the turn; empty if the endpoint gave none."""


class MessageReceived(msgspec.Struct, frozen=True):
    """Any other message of the endpoint."""

    message: ServerMessage


class PromptRefused(msgspec.Struct, frozen=True):
    """The endpoint rejected the requested prompt; `kept` stays in use."""

    prompt: str
    kept: str
    close: CloseInfo


class StreamFailed(msgspec.Struct, frozen=True):
    """The stream ended for a reason that another attempt cannot remove."""

    close: CloseInfo


StreamEvent = (
    ConnectionOpened
    | ConnectionLost
    | TurnReceived
    | TurnDiscarded
    | AnswerReceived
    | AnswerLost
    | SpeakerRevised
    | MessageReceived
    | PromptRefused
    | StreamFailed
)
