"""Edits of a transcript by a person: another text of a turn, its parts, turns merged. Pure.

The original turns stay. An edit gives a turn other parts: several after a split, none once another turn contains it.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import msgspec
from msgspec.structs import replace

from tui.model.transcript import Turn, Word


class TurnEdit(msgspec.Struct, frozen=True):
    """The parts of a turn after an edit."""

    number: int
    """Number of the turn."""
    parts: tuple[Turn, ...] | None
    """Turns of that number to show in its place; empty to show none, `None` to show the original again."""


def edit_turn(parts: Sequence[Turn], number: int, texts: Sequence[str], speakers: Sequence[str | None]) -> TurnEdit:
    """Return the edit that gives a turn other texts.

    Words that stay keep their times; the others share the time of the words that they replace.

    Args:
        parts: the turn as it is, with words where they are known; at least one part.
        number: number of the turn.
        texts: the text of each new part, not empty.
        speakers: label of the speaker of each new part; `None` to keep the one at its first word.
    """
    old = [word for part in parts for word in _words(part)]
    labels = [part.speaker for part in parts for _ in _words(part)]
    new = list(_realign(old, [word for text in texts for word in text.split()]))
    edited: list[Turn] = []
    at = 0
    for text, speaker in zip(texts, speakers, strict=True):
        count = len(text.split())
        words = tuple(new[at : at + count])
        label = next((label for word, label in zip(old, labels, strict=True) if word.end_s > words[0].start_s), None)
        edited.append(
            replace(
                parts[0],
                text=" ".join(text.split()),
                start_s=words[0].start_s,
                end_s=words[-1].end_s,
                words=words,
                speaker=speaker if speaker is not None else label or parts[0].speaker,
            )
        )
        at += count
    return TurnEdit(number, tuple(edited))


def merge_turns(first: Sequence[Turn], second: Sequence[Turn]) -> tuple[TurnEdit, TurnEdit]:
    """Return the edits that append a turn to the one before it.

    Args:
        first: parts of the turn that stays.
        second: parts of the turn that it takes over.
    """
    one, other = first[-1], second[0]
    joined = replace(
        one, text=f"{one.text} {other.text}", end_s=max(one.end_s, other.end_s), words=_words(one) + _words(other)
    )
    rest = tuple(replace(part, number=one.number) for part in second[1:])
    return TurnEdit(one.number, (*first[:-1], joined, *rest)), TurnEdit(other.number, ())


def join_parts(parts: Sequence[Turn]) -> Turn:
    """Return the parts of a turn, at least one, as one turn, with the speaker of the first."""
    return replace(parts[0], text=" ".join(part.text for part in parts), end_s=parts[-1].end_s, words=())


def _words(turn: Turn) -> tuple[Word, ...]:
    """Return the words of a turn; where none are known, its text as words that share its time evenly."""
    return turn.words or tuple(_spread(turn.text.split(), turn.start_s, turn.end_s))


def _realign(old: Sequence[Word], new: Sequence[str]) -> Iterator[Word]:
    """Yield new words with the times of the old ones."""
    matcher = SequenceMatcher(None, [word.text.casefold() for word in old], [word.casefold() for word in new], False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            for word, text in zip(old[old_from:old_to], new[new_from:new_to], strict=True):
                yield replace(word, text=text)
            continue
        start_s = old[old_from].start_s if old_from < len(old) else old[-1].end_s
        end_s = old[old_to - 1].end_s if old_to > old_from else start_s
        yield from _spread(new[new_from:new_to], start_s, end_s)


def _spread(texts: Sequence[str], start_s: float, end_s: float) -> Iterator[Word]:
    """Yield words that share a time evenly."""
    step_s = (end_s - start_s) / max(1, len(texts))
    for at, text in enumerate(texts):
        yield Word(text, round(start_s + at * step_s, 3), round(start_s + (at + 1) * step_s, 3))
