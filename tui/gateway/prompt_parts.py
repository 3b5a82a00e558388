"""Tell the transcript in a prompt from the instruction about it. Pure."""

import re
from collections.abc import Iterator, Sequence

from tui.llm.client import Message

LABEL = re.compile(
    r"\btranscript(?: so far)?:[ \t]*\n?"
    r"|^(?:text|conversation|dialog(?:ue)?|meeting|notes|turn|input|what was said):[ \t]*\n?",
    re.IGNORECASE | re.MULTILINE,
)
"""What stands before a transcript."""
ENCLOSED = re.compile(
    r"<(transcript|text|conversation|dialogue|meeting|turn|document|context|input|content)\b[^>]*>(?P<tag>.*?)</\1>"
    r'|```[^\n]*\n(?P<fence>.*?)```|"""(?P<quotes>.*?)"""',
    re.IGNORECASE | re.DOTALL,
)
"""What encloses a transcript."""
UNIT = re.compile(r"\S[^\n]*?(?:[.!?:…]+(?=\s|$)|(?=\n)|$)")
"""A sentence, or what stands before a colon."""
REQUEST = re.compile(
    r"(?:(?:please|kindly|now|then|also|next),?\s+)*"
    r"(?:(?:can|could|would|will) you (?:please )?|i (?:want|need) you to )?"
    r"(?:summari[sz]e|sum up|list|extract|generate|provide|write (?:an?|the|me|up|down)\b|create|answer|identify"
    r"|describe|explain|translate|rewrite|convert|analy[sz]e|classify|outline|recap|paraphrase|condense|return|respond"
    r"|reply|output|produce|say|tell me|give me|give (?:an?|the|one|feedback)\b|act as|you are (?:an?|the)\b"
    r"|your (?:task|job|role|goal)\b|the following\b|(?:here|below) (?:is|are) (?:an?|the)\b|based on\b|given the\b"
    r"|what (?:was|were|has been|did we|have we|is|are) (?:the )?(?:decided?|agreed?|said|discussed|decisions?|main"
    r"|key|action)\b)",
    re.IGNORECASE,
)
"""How a request to a language model begins."""
ADDITION = re.compile(
    r"(?:[-*•]\s*|\d+[.)]\s*)?(?:please |always |never |only )?"
    r"(?:(?:be|keep|use|do not|don't|avoid|ignore|include|make|limit|quote|focus|format)\b"
    r"|in (?:one|two|three|\d+|a few|the style)\b|(?:at most|no more|no|only|always|never|without)\b"
    r"|if (?:there|nothing|no)\b|(?:rules?|guidelines?|instructions?|requirements?|examples?):)",
    re.IGNORECASE,
)
"""How a sentence begins that says more of a request, next to it."""


def split_prompt(prompt: str) -> tuple[str, str]:
    """Return a prompt's instruction and its transcript; either may be empty.

    The transcript is enclosed in tags, fences or quotes, follows a label such as `Transcript:`, or is what requests
    at the start and the end leave. Of several paragraphs without any request, the first is the instruction.
    """
    start, end, outer_start, outer_end = _marked(prompt) or _unmarked(prompt)
    instruction = "\n\n".join(filter(None, (prompt[:outer_start].strip(), prompt[outer_end:].strip())))
    return instruction, prompt[start:end].strip()


def split_chat(messages: Sequence[Message]) -> tuple[str, str]:
    """Return the instruction of a chat, which is in the last message of the user, and the transcript it is about.

    The transcript may stand in an earlier message, or in the system's if it is marked there.
    """
    asked = next((message.content for message in reversed(messages) if message.role == "user"), "")
    instruction, transcript = split_prompt(asked)
    if not is_marked(asked):
        others = [message.content for message in messages if message.role in ("user", "system", "developer")]
        marked = next((content for content in reversed(others) if is_marked(content)), "")
        if marked:
            return asked.strip(), split_prompt(marked)[1]
        if not transcript:
            earlier = (split_prompt(message.content)[1] for message in reversed(messages) if message.role == "user")
            transcript = next(filter(None, earlier), "")
    return instruction, transcript


def is_marked(prompt: str) -> bool:
    """Return whether a label or an enclosure tells where the transcript is."""
    return _marked(prompt) is not None


def _marked(prompt: str) -> tuple[int, int, int, int] | None:
    """Return the bounds of a marked transcript, without its marks and with them; `None` if none is marked."""
    label = LABEL.search(prompt)
    enclosed = max(ENCLOSED.finditer(prompt), key=lambda found: len(found[0]), default=None)
    if enclosed and (
        not label or enclosed.start() <= label.end() or not prompt[label.end() : enclosed.start()].strip()
    ):
        group = enclosed.lastgroup or 0
        outer_start = min(label.start(), enclosed.start()) if label else enclosed.start()
        return (*enclosed.span(group), outer_start, enclosed.end())
    if not label:
        return None
    end = _end_of_paragraphs(prompt, label.end())
    return label.end(), end, label.start(), end


def _end_of_paragraphs(prompt: str, start: int) -> int:
    """Return where a transcript ends: before a last paragraph that begins with a request."""
    at = prompt.rstrip().rfind("\n\n", start)
    return at if at >= 0 and prompt[start:at].strip() and REQUEST.match(prompt[at:].strip()) else len(prompt)


def _unmarked(prompt: str) -> tuple[int, int, int, int]:
    """Return the bounds of what the requests at the start and the end of a prompt leave, twice."""
    units = list(UNIT.finditer(prompt))
    count = sum(1 for _ in _requests([unit[0] for unit in units]))
    rest = units[count:]
    trailing = _trailing([unit[0] for unit in rest])
    start = units[count - 1].end() if count else 0
    end = rest[-trailing].start() if trailing else len(prompt)
    gap = prompt.find("\n\n", start)
    if (count or not trailing) and prompt.strip() and 0 <= gap < end and prompt[gap:end].strip():
        # The first paragraph has the request; what follows it there belongs to it.
        start = gap if prompt[:gap].strip() else start
    return start, end, start, end


def _requests(units: Sequence[str]) -> Iterator[str]:
    """Yield the requests with which a text begins."""
    for at, unit in enumerate(units):
        if not REQUEST.match(unit) and not (at and ADDITION.match(unit)):
            return
        yield unit


def _trailing(units: Sequence[str]) -> int:
    """Return how many units at the end are requests: from the earliest request that only additions follow."""
    count = 0
    for at in range(len(units), 0, -1):
        if REQUEST.match(units[at - 1]):
            count = len(units) - at + 1
        elif not ADDITION.match(units[at - 1]):
            break
    return count
