"""JSON codec for a closed set of messages, one line each, as sent over a socket."""

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Codec(Generic[T]):
    """Encodes and decodes the messages of a union.

    Args:
        kind: union of structs with distinct tags.
    """

    def __init__(self, kind: Any) -> None:
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def encode(self, message: T) -> str:
        """Return a message as one line of JSON."""
        return self._encoder.encode(message).decode()

    def decode(self, raw: str | bytes) -> T:
        """Return the message in a line of JSON.

        Raises:
            msgspec.MsgspecError: the JSON, the tag or a value is not valid.
        """
        try:
            return self._decoder.decode(raw)
        except RecursionError as error:
            raise msgspec.DecodeError("the JSON is nested too deeply") from error
