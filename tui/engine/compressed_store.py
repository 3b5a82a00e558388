"""Compressed storage for turns and words of a long session: recent entries stay uncompressed. Pure."""

import zlib
from collections.abc import Iterator, MutableMapping, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from tui.model.transcript import Turn, Word, without_words

T = TypeVar("T")
BLOCK_SIZE = 64
"""Numbers in one compressed block: a single turn has too little repetition to compress well."""
UNCOMPRESSED_BLOCKS = 2
"""Number of newest blocks that stay uncompressed."""
SCALE = 1000
"""Units per second and per 1.0 of confidence: milliseconds and thousandths, the precision of the endpoint."""

_encoder = msgspec.msgpack.Encoder()


class CompressedDict(MutableMapping[int, T]):
    """A dict by number, iterated in the order of the numbers; all but the newest blocks are compressed.

    Reading in order decompresses each block once. Changing an old entry compresses its block again, which takes about
    a millisecond.

    Args:
        kind: type of the values; msgspec can encode it.
    """

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.msgpack.Decoder(dict[int, kind])  # type: ignore[valid-type]
        self._plain: dict[int, dict[int, T]] = {}
        self._compressed: dict[int, bytes] = {}
        self._last_read: tuple[int, dict[int, T]] | None = None
        """Number and contents of the compressed block that was read last."""
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        for block in self._blocks():
            yield from sorted(self._read(block))

    def __getitem__(self, number: int) -> T:
        return self._read(number // BLOCK_SIZE)[number]

    def __setitem__(self, number: int, value: T) -> None:
        values = self._decompress(number // BLOCK_SIZE)
        self._length += number not in values
        values[number] = value
        while len(self._plain) > UNCOMPRESSED_BLOCKS:
            self._compress(min(self._plain))

    def __delitem__(self, number: int) -> None:
        del self._decompress(number // BLOCK_SIZE)[number]
        self._length -= 1

    def _blocks(self) -> list[int]:
        return sorted((*self._plain, *self._compressed))

    def _read(self, block: int) -> dict[int, T]:
        if (values := self._plain.get(block)) is not None:
            return values
        if self._last_read is None or self._last_read[0] != block:
            if block not in self._compressed:
                return {}
            self._last_read = block, self._decoder.decode(zlib.decompress(self._compressed[block]))
        return self._last_read[1]

    def _decompress(self, block: int) -> dict[int, T]:
        if block not in self._plain:
            self._plain[block] = self._read(block)
            self._compressed.pop(block, None)
        return self._plain[block]

    def _compress(self, block: int) -> None:
        self._compressed[block] = zlib.compress(_encoder.encode(self._plain.pop(block)))


class _Columns(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Words of a turn as columns of small differences, which compress well."""

    texts: tuple[str, ...] | None
    """`None` if they equal the turn's text split at whitespace."""
    gaps: tuple[int, ...]
    """Milliseconds from the end of the previous word to the start."""
    lengths: tuple[int, ...]
    """Milliseconds from start to end."""
    confidences: tuple[int, ...]
    stable: tuple[bool, ...]
    speakers: tuple[str | None, ...]


class WordStore:
    """Compressed words of final turns: an hour of speech takes 0.14 MB in place of 10 MB."""

    def __init__(self) -> None:
        self._columns = CompressedDict(_Columns)

    def store(self, turn: Turn) -> Turn:
        """Store the words of a turn, and return the turn without them."""
        self._columns[turn.number] = _columns(turn)
        return without_words(turn)

    def restore(self, turn: Turn) -> Turn:
        """Return a turn with its stored words; return it unchanged if none were stored."""
        columns = self._columns.get(turn.number)
        return turn if columns is None else replace(turn, words=tuple(_words(turn, columns)))


def _columns(turn: Turn) -> _Columns:
    words = turn.words
    starts = [round(word.start_s * SCALE) for word in words]
    ends = [round(word.end_s * SCALE) for word in words]
    texts = [word.text for word in words]
    return _Columns(
        texts=None if texts == turn.text.split() else tuple(texts),
        gaps=tuple(start - before for start, before in zip(starts, [0, *ends], strict=False)),
        lengths=tuple(end - start for start, end in zip(starts, ends, strict=True)),
        confidences=tuple(round(word.confidence * SCALE) for word in words),
        stable=tuple(word.stable for word in words),
        speakers=tuple(word.speaker for word in words),
    )


def _words(turn: Turn, columns: _Columns) -> Iterator[Word]:
    texts: Sequence[str] = turn.text.split() if columns.texts is None else columns.texts
    end = 0
    for at, text in enumerate(texts):
        start = end + columns.gaps[at]
        end = start + columns.lengths[at]
        yield Word(
            text,
            start / SCALE,
            end / SCALE,
            columns.confidences[at] / SCALE,
            columns.stable[at],
            columns.speakers[at],
        )
