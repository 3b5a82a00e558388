"""The words of turns that are over, kept small: all else of them is looked at often, their words hardly ever."""

import zlib
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from tui.model.transcript import Turn, Word, slim

SCALE = 1000
"""Times are kept to the millisecond and confidences to the thousandth, as the endpoint's are told."""


class _Columns(msgspec.Struct, array_like=True):
    """Words as what changes little from one to the next."""

    texts: list[str]
    gaps: list[int]
    """Milliseconds from the end of the word before to the start."""
    lengths: list[int]
    """Milliseconds from start to end."""
    confidences: list[int]
    stable: list[bool]
    speakers: list[str | None]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Columns)


class Packed:
    """The words of final turns. An hour of speech takes a quarter of a megabyte in place of ten."""

    def __init__(self) -> None:
        self._words: dict[int, bytes] = {}

    def pack(self, turn: Turn) -> Turn:
        """Keep the words of a turn, and return it without them."""
        # With the text as its dictionary each word of it is written as a place in it.
        packer = zlib.compressobj(zdict=turn.text.encode())
        self._words[turn.number] = packer.compress(_encoder.encode(_columns(turn.words))) + packer.flush()
        return slim(turn)

    def unpack(self, turn: Turn) -> Turn:
        """Return a turn with the words that were kept of it; one that was never packed as it is."""
        packed = self._words.get(turn.number)
        if packed is None:
            return turn
        unpacker = zlib.decompressobj(zdict=turn.text.encode())
        return replace(turn, words=tuple(_words(_decoder.decode(unpacker.decompress(packed)))))


def _columns(words: Sequence[Word]) -> _Columns:
    starts = [round(word.start_s * SCALE) for word in words]
    ends = [round(word.end_s * SCALE) for word in words]
    return _Columns(
        texts=[word.text for word in words],
        gaps=[start - before for start, before in zip(starts, [0, *ends], strict=False)],
        lengths=[end - start for start, end in zip(starts, ends, strict=True)],
        confidences=[round(word.confidence * SCALE) for word in words],
        stable=[word.stable for word in words],
        speakers=[word.speaker for word in words],
    )


def _words(columns: _Columns) -> list[Word]:
    words: list[Word] = []
    end = 0
    for at, text in enumerate(columns.texts):
        start = end + columns.gaps[at]
        end = start + columns.lengths[at]
        words.append(
            Word(
                text,
                start / SCALE,
                end / SCALE,
                columns.confidences[at] / SCALE,
                columns.stable[at],
                columns.speakers[at],
            )
        )
    return words
