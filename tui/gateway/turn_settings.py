"""What a turn recogniser takes besides audio: how a client wants its turns, and its requests."""

import msgspec

from tui.gateway.endpointing import Endpointing


class TurnSettings(msgspec.Struct, frozen=True):
    """How a client wants its turns."""

    endpointing: Endpointing = Endpointing()
    languages: tuple[str, ...] = ("en",)
    """Codes of the languages that may be spoken; with several or none the model detects one."""
    prompt: str = ""
    """Text that biases the recogniser towards the client's words."""
    unformatted: bool = False
    """Whether turns are sent without capitals and punctuation."""
    partials: bool = True
    """Whether partials are sent."""
    continuous_partials: bool = True
    """Whether partials are sent all the time; otherwise one early and one at each pause."""
    silence: bool = False
    """Whether stretches without speech are reported."""


class Force(msgspec.Struct, frozen=True):
    """The client ends the open turn."""


class Queued(msgspec.Struct, frozen=True):
    """A frame's speech probability or a request of the client, in the order of arrival."""

    item: float | TurnSettings | Force
    arrived_at: float
