"""A closed set of messages as lines of JSON, as they go over a socket."""

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Codec(Generic[T]):
    """Encodes and decodes the messages of a set.

    Args:
        kind: the structs, told apart by their tags.
    """

    def __init__(self, kind: Any) -> None:
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def encode(self, message: T) -> str:
        """Return a message as one line of JSON."""
        return self._encoder.encode(message).decode()

    def decode(self, raw: str | bytes) -> T:
        """Return the message that a line of JSON holds.

        Raises:
            msgspec.MsgspecError: bad JSON, an unknown tag, or a bad value.
        """
        try:
            return self._decoder.decode(raw)
        except RecursionError as error:
            raise msgspec.DecodeError("it is nested too deeply") from error
