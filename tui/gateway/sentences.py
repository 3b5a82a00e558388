"""A transcript's sentences: who says each, and where; and the words in them that mean something. Pure."""

import re
from collections.abc import Iterator

import msgspec

LONGEST_SENTENCE = 2_000
"""Characters after which a sentence ends even at an abbreviation."""
PLACE = re.compile(r"^\[([^\]\n]{1,120})\]\s+(.*)$")
"""Where a line was said, as `livegist ask` writes it: `[turn 12, 03:21] Ann: Yes.`"""
SPEAKER = re.compile(r"^([^\s:][^:\n]{0,30}):\s+(.*)$")
ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|a\.m|p\.m|[A-Z])\.$")
STOPWORDS_TEXT = """
    a about after again all also am an and any are as at be because been before being but by can could did do does
    doing done for from get go going got had has have he her here him his how i if in into is it its just like me more
    most my no not now of off on one only or other our out over own really said same she should so some such than that
    the their them then there these they thing things this those through to too under until up us very was we well
    were what when where which while who why will with would yeah yes you your ll re ve don t s m d
"""
STOPWORDS = frozenset(STOPWORDS_TEXT.split())


class Sentence(msgspec.Struct, frozen=True):
    """A sentence as it was said."""

    text: str
    speaker: str = ""
    """Empty if none is named."""
    place: str = ""
    """Where it was said; empty if the transcript does not tell."""

    @property
    def attributed(self) -> str:
        """The sentence with its speaker and its place."""
        said = f"{self.speaker}: {self.text}" if self.speaker else self.text
        return f"{said} [{self.place}]" if self.place else said

    @property
    def quoted(self) -> str:
        """The sentence in quotation marks, between its speaker and its place, which nobody said."""
        said = f"{self.speaker}: “{self.text}”" if self.speaker else f"“{self.text}”"
        return f"{said} [{self.place}]" if self.place else said

    @property
    def asks(self) -> bool:
        """Whether it is a question."""
        return self.text.endswith("?")


def sentences(transcript: str) -> list[Sentence]:
    """Return each sentence; a line may begin with its place and its speaker."""
    return [sentence for line in transcript.splitlines() for sentence in _of_line(line.strip())]


def _of_line(line: str) -> Iterator[Sentence]:
    placed = PLACE.match(line)
    place, line = (placed[1], placed[2]) if placed else ("", line)
    named = SPEAKER.match(line)
    speaker, line = (named[1], named[2]) if named else ("", line)
    for text in _split(line):
        yield Sentence(text, speaker, place)


def _split(text: str) -> list[str]:
    found: list[str] = []
    for piece in re.split(r"(?<=[.!?…])\s+", text):
        if found and len(found[-1]) < LONGEST_SENTENCE and ABBREVIATION.search(found[-1][-6:]):
            found[-1] += " " + piece
        elif piece:
            found.append(piece)
    return found


def stems(text: str) -> list[str]:
    """Return the words that mean something, without the commonest endings, so that *shipping* meets *ships*."""
    return [_stem(word) for word in re.findall(r"[^\W_]+", text.lower()) if word not in STOPWORDS]


def _stem(word: str) -> str:
    return re.sub(r"([bdglmnprt])\1$", r"\1", re.sub(r"(?<=\w{3})(?:ing|ed|es|s|e)$", "", word))
