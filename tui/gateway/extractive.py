"""Answers made of the transcript's own sentences. Pure; it quotes and never invents.

Sentences are ranked by how much they share with all others: TextRank without the walk (Mihalcea and Tarau, 2004).
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum

MODEL = "extractive"
"""What it calls itself, so that nobody takes it for a language model."""
SUMMARY_SENTENCES = 3
QUOTES = 5
LONGEST_SENTENCE = 2_000
"""Characters after which a sentence ends even at an abbreviation."""
LONG_SENTENCE = 30
"""Words from which a spoken sentence is hard to follow."""

STOPWORDS_TEXT = """
    a about after again all also am an and any are as at be because been before being but by can could did do does
    doing done for from get go going got had has have he her here him his how i if in into is it its just like me more
    most my no not now of off on one only or other our out over own really said same she should so some such than that
    the their them then there these they thing things this those through to too under until up us very was we well
    were what when where which while who why will with would yeah yes you your ll re ve don t s m d
"""
STOPWORDS = frozenset(STOPWORDS_TEXT.split())
NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten"
DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
WHEN = re.compile(
    r"\b(?:(?:by|on|before|until|this|next|at)\s+)?(?:the\s+)?(?:(?:end of (?:the |this )?(?:day|week|month))|"
    rf"(?:{DAYS})(?:\s+(?:morning|afternoon|evening))?|tomorrow(?:\s+(?:morning|afternoon))?|today|"
    r"tonight|this (?:morning|afternoon|evening|week|month)|next (?:week|month|sprint)|noon|"
    rf"(?:\d{{1,2}}|{NUMBERS})\s*(?:o'clock|a\.?m\.?|p\.?m\.?)|"
    rf"in (?:an?|\d+|{NUMBERS}) (?:minutes?|hours?|days?|weeks?))\b",
    re.IGNORECASE,
)
COMMITMENT = re.compile(
    r"\b(?:I|we)(?:'ll| will| shall| am going to|'m going to| are going to|'re going to| need to| have to| must"
    r"|'ve got to| should| plan to| promise)\b(?! not have)",
    re.IGNORECASE,
)
REQUEST = re.compile(
    r"\b(?:can|could|would|will) (?:you|somebody|someone|anyone)\b|\bplease\b|\byou(?:'ll)? (?:need|have) to\b"
    r"|\bmake sure\b|\bdon't forget\b|\bremember to\b|\baction item\b|\bto-?do\b|\bwho (?:can|could|will|has time)\b"
    r"|\bI(?: would|'d)? (?:need|like) (?:a|an|the|you|your|some)\b"
    r"|\blet'?s (?!keep|start|begin|decide|see|get|go|move on|hear)",
    re.IGNORECASE,
)
CONDITION = re.compile(r"\bif\b", re.IGNORECASE)
"""What is said under a condition is a fear or a hope; it falls to nobody."""
CLAUSE = re.compile(
    r"(?<=[,;])\s+(?=(?:and |then |so |but )?(?:I|we|you|who|let's|please|[A-Z][a-z]+ (?:will|should))\b)"
)
"""Where speech runs sentences together: recognisers write a comma for many a full stop."""
ASSIGNMENT = re.compile(r"\b([A-Z][a-z]+)(?:,)? (?:will|should|needs to|has to|must|is going to|can you|could you)\b")
PRONOUNS = "It That This There He She They We You I What Who When Everyone Everybody Somebody Someone Nobody And But So"
NOT_A_NAME = frozenset(PRONOUNS.split())
CALLED = re.compile(r"^([A-Z][a-z]+), (?:please|can|could|would|will)\b")
SPEAKER = re.compile(r"^([^\s:][^:\n]{0,30}):\s+(.*)$")
VAGUE = re.compile(
    r"\b(?:soon|at some point|eventually|some time|stuff|and so on|something like that)\b", re.IGNORECASE
)
HEDGE = re.compile(
    r"\b(?:I think|I guess|I mean|maybe|sort of|kind of|probably|you know|I don't know|not sure)\b", re.I
)
FILLER = re.compile(r"\b(?:um+|uh+|er+m?|hmm+)\b", re.IGNORECASE)
REPEAT = re.compile(r"\b(\w{1,30})[, ]+\1\b", re.IGNORECASE)
ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|a\.m|p\.m|[A-Z])\.$")


class Task(Enum):
    """What a prompt wants made of a transcript."""

    SUMMARY = "summary"
    ACTIONS = "actions"
    TAKEAWAY = "takeaway"
    IMPROVE = "improve"
    QUESTION = "question"


TASKS = (
    (Task.ACTIONS, re.compile(r"action items?|to-?dos?\b|next steps?|\btasks?\b|who (?:does|will do) what", re.I)),
    (Task.TAKEAWAY, re.compile(r"take-? ?aways?|key point|main (?:point|idea)|one thing", re.I)),
    (Task.IMPROVE, re.compile(r"improv|feedback|critique|coach|better", re.I)),
    (Task.SUMMARY, re.compile(r"summar|brief|overview|recap|digest|tl;?dr|minutes", re.I)),
    (Task.QUESTION, re.compile(r"\?|^\s*(?:who|what|when|where|why|how|which|did|does|is|are)\b", re.I)),
)


def task(instruction: str) -> Task:
    """Return what an instruction asks for; a summary if it cannot be told."""
    return next((task for task, sign in TASKS if sign.search(instruction)), Task.SUMMARY)


def split_prompt(prompt: str) -> tuple[str, str]:
    """Return a prompt's instruction and its transcript.

    The transcript follows `Transcript:`, or is the last paragraph of several, or is all there is.
    """
    parts = re.split(r"\btranscript(?: so far)?:[ \t]*\n?", prompt, maxsplit=1, flags=re.IGNORECASE)
    if len(parts) == 2:
        return parts[0].strip(), parts[1].strip()
    first, gap, rest = prompt.strip().partition("\n\n")
    return (first, rest.strip()) if gap else ("", prompt.strip())


def answer(instruction: str, transcript: str) -> str:
    """Return what an instruction gets of a transcript, in the transcript's own words."""
    said = sentences(transcript)
    if not said:
        return "Nothing was said."
    return ANSWERS[task(instruction)](instruction, said)


def sentences(transcript: str) -> list[tuple[str, str]]:
    """Return each sentence with its speaker, empty if none is named; `Ann: Yes.` names one."""
    found = []
    for line in transcript.splitlines():
        named = SPEAKER.match(line.strip())
        speaker, text = (named[1], named[2]) if named else ("", line.strip())
        found += [(speaker, sentence) for sentence in _split(text)]
    return found


def _split(text: str) -> list[str]:
    found: list[str] = []
    for piece in re.split(r"(?<=[.!?…])\s+", text):
        if found and len(found[-1]) < LONGEST_SENTENCE and ABBREVIATION.search(found[-1][-6:]):
            found[-1] += " " + piece
        elif piece:
            found.append(piece)
    return found


def centrality(texts: Sequence[str]) -> list[float]:
    """Return for each sentence how much it shares with all others, rare words counting more."""
    bags = [Counter(_content(text)) for text in texts]
    spread = Counter(word for bag in bags for word in bag)
    weights = [{word: n * math.log(1 + len(bags) / spread[word]) for word, n in bag.items()} for bag in bags]
    norms = [math.sqrt(sum(weight * weight for weight in bag.values())) or 1.0 for bag in weights]
    whole: Counter[str] = Counter()
    for bag, norm in zip(weights, norms, strict=True):
        for word, weight in bag.items():
            whole[word] += weight / norm  # type: ignore[assignment]
    return [
        sum(weight / norm * whole[word] for word, weight in bag.items()) * min(1.0, len(bag) / 4)
        for bag, norm in zip(weights, norms, strict=True)
    ]


def _content(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_]+", text.lower()) if word not in STOPWORDS]


def _best(said: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """Return the most central sentences in the order in which they were said."""
    scores = centrality([text for _, text in said])
    ranked = sorted(range(len(said)), key=lambda at: (-scores[at], at))[:count]
    return [said[at] for at in sorted(ranked)]


def _quoted(speaker: str, text: str) -> str:
    return f"{speaker}: {text}" if speaker else text


def _summary(_instruction: str, said: Sequence[tuple[str, str]]) -> str:
    count = 1 if len(said) <= 3 else min(SUMMARY_SENTENCES, 1 + len(said) // 6)
    best = _best(said, count)
    return ("\n" if any(speaker for speaker, _ in best) else " ").join(_quoted(*sentence) for sentence in best)


def _takeaway(_instruction: str, said: Sequence[tuple[str, str]]) -> str:
    return _quoted(*_best(said, 1)[0])


def _actions(_instruction: str, said: Sequence[tuple[str, str]]) -> str:
    items = []
    for speaker, text in said:
        for clause in [] if CONDITION.search(text) else _clauses(text):
            if COMMITMENT.search(clause) or REQUEST.search(clause) or _assignee(clause):
                when = WHEN.search(clause)
                about = [part for part in (_who(speaker, clause), when[0].strip() if when else "") if part]
                items.append(f"- {clause.rstrip(',;')}" + (f" ({', '.join(about)})" if about else ""))
    return "\n".join(items) or "No action items were said."


def _clauses(text: str) -> list[str]:
    """Return the clauses of a sentence; a name that is called belongs to what follows."""
    parts = CLAUSE.split(text)
    called = len(parts) > 1 and len(parts[0].split()) == 1
    return [f"{parts[0]} {parts[1]}", *parts[2:]] if called else parts


def _assignee(text: str) -> str:
    found = CALLED.search(text) or next((name for name in ASSIGNMENT.finditer(text) if name[1] not in NOT_A_NAME), None)
    return found[1] if found else ""


def _who(speaker: str, text: str) -> str:
    """Return who a commitment falls to: a name that is said, else the speaker of an `I will`, as far as known."""
    return _assignee(text) or (speaker if COMMITMENT.search(text) else "")


def _improve(_instruction: str, said: Sequence[tuple[str, str]]) -> str:
    items = []
    for speaker, text in said:
        faults = [
            *(f"hedged with “{found[0]}”" for found in [HEDGE.search(text)] if found),
            *(f"vague: “{found[0]}”" for found in [VAGUE.search(text)] if found),
            *(f"filled with “{found[0]}”" for found in [FILLER.search(text)] if found),
            *(f"“{found[1]}” is said twice" for found in [REPEAT.search(text)] if found),
            *([f"{len(text.split())} words in one sentence"] if len(text.split()) >= LONG_SENTENCE else []),
        ]
        if faults:
            items.append(f"- “{_quoted(speaker, text)}”: {'; '.join(faults)}.")
    return (
        "\n".join(items[:QUOTES])
        or "Nothing stands out: no hedges, vague or repeated words, fillers or very long sentences."
    )


def _question(instruction: str, said: Sequence[tuple[str, str]]) -> str:
    asked = set(_stems(instruction))
    scores = [len(asked & set(_stems(text))) for _, text in said]
    ranked = sorted((at for at in range(len(said)) if scores[at]), key=lambda at: (-scores[at], at))[:SUMMARY_SENTENCES]
    if not ranked:
        return "Nothing that was said shares a word with the question."
    return "\n".join(f"“{_quoted(*said[at])}”" for at in sorted(ranked))


def _stems(text: str) -> list[str]:
    """Return content words without the commonest endings, so that *shipping* meets *ship*."""
    return [re.sub(r"(?<=\w{3})(?:ing|ed|es|s)$", "", word) for word in _content(text)]


ANSWERS: dict[Task, Callable[[str, Sequence[tuple[str, str]]], str]] = {
    Task.SUMMARY: _summary,
    Task.ACTIONS: _actions,
    Task.TAKEAWAY: _takeaway,
    Task.IMPROVE: _improve,
    Task.QUESTION: _question,
}
