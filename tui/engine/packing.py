"""The words of turns that are over, kept small: all else of them is looked at often, their words hardly ever."""

import zlib

import msgspec
from msgspec.structs import replace

from tui.model.transcript import Turn, Word, slim

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Word, ...])


class Packed:
    """The words of final turns. An hour of speech takes half a megabyte in place of ten."""

    def __init__(self) -> None:
        self._words: dict[int, bytes] = {}

    def pack(self, turn: Turn) -> Turn:
        """Keep the words of a turn, and return it without them."""
        self._words[turn.number] = zlib.compress(_encoder.encode(turn.words), level=1)
        return slim(turn)

    def unpack(self, turn: Turn) -> Turn:
        """Return a turn with the words that were kept of it; one that was never packed as it is."""
        words = self._words.get(turn.number)
        return turn if words is None else replace(turn, words=_decoder.decode(zlib.decompress(words)))
