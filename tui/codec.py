"""JSON codec for a closed set of messages, one line each, as sent over a socket."""

import json
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


def decode_lenient(raw: bytes | str) -> Any:
    """Return decoded JSON of another program, also if Python or JavaScript wrote what strict parsers refuse.

    Half of a surrogate pair becomes U+FFFD; NaN and infinities become `None`.

    Raises:
        msgspec.DecodeError: it is not JSON.
    """
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        pass
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError("the JSON is not UTF-8") from error
    except RecursionError as error:
        raise msgspec.DecodeError("the JSON is nested too deeply") from error
    try:
        fields = json.loads(raw, parse_constant=lambda _: None)
        text = json.dumps(fields, ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
