"""Answer prompts with sentences of the transcript. Pure; it only quotes."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum

from tui.gateway.sentence_ranking import best, rarity
from tui.gateway.sentences import Sentence, sentences, stems

MODEL = "extractive"
"""Its model name, so that nobody takes it for a language model."""
LONGEST_SUMMARY = 7
QUOTES = 5
TITLE_WORDS = 4
LONG_SENTENCE = 30
"""Words from which a spoken sentence is hard to follow."""
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
    r"\b(I|we)(?:'ll| will| shall| am going to|'m going to| are going to|'re going to| need to| have to| must"
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
PROMISE = re.compile(
    r"\b(I|we)(?:'ll| will| shall| am going to|'m going to| are going to|'re going to)\b", re.IGNORECASE
)
NOW = re.compile(r"\b(?:now|already)\b", re.IGNORECASE)
OPEN = re.compile(
    r"\bwho (?:can|could|will|would|has time)\b"
    r"|\b(?:somebody|someone|anybody|anyone) (?:should|must|has to|needs to)\b",
    re.IGNORECASE,
)
"""A request to nobody."""
DECISION = re.compile(r"\b(?:decided|agreed?|decision is|approved?|settled on|go with|let'?s go for)\b", re.IGNORECASE)
TOGETHER = re.compile(r"\bwe(?:'ll| will| shall| are going to|'re going to| won't| will not)\b", re.IGNORECASE)
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
VAGUE = re.compile(
    r"\b(?:soon|at some point|eventually|some time|stuff|and so on|something like that)\b", re.IGNORECASE
)
HEDGE = re.compile(
    r"\b(?:I think|I guess|I mean|maybe|sort of|kind of|probably|you know|I don't know|not sure)\b", re.I
)
FILLER = re.compile(r"\b(?:um+|uh+|er+m?|hmm+)\b", re.IGNORECASE)
REPEAT = re.compile(r"\b(\w{1,30})[, ]+\1\b", re.IGNORECASE)


class Task(Enum):
    """What a prompt wants made of a transcript."""

    TITLE = "title"
    SUMMARY = "summary"
    ACTIONS = "actions"
    DECISIONS = "decisions"
    TAKEAWAY = "takeaway"
    IMPROVE = "improve"
    QUESTIONS = "questions"
    QUESTION = "question"
    OTHER = "other"


TASKS = (
    (Task.TITLE, re.compile(r"\ba title of\b|\btitle for\b", re.I)),
    (
        Task.ACTIONS,
        re.compile(
            r"action items?|to-?dos?\b|next steps?|\btasks?\b|who (?:does|will do|has to do|promised) what", re.I
        ),
    ),
    (
        Task.DECISIONS,
        re.compile(r"\bdecisions\b|what (?:was|were|has been|did we|have we) (?:decided?|agreed?)(?: on)?\s*\?", re.I),
    ),
    (Task.TAKEAWAY, re.compile(r"take-? ?aways?|key point|main (?:point|idea)|one thing", re.I)),
    (Task.IMPROVE, re.compile(r"improv|feedback|critique|coach|better", re.I)),
    (Task.QUESTIONS, re.compile(r"\bquestions\b", re.I)),
    (
        Task.SUMMARY,
        re.compile(
            r"summar|\bsum up\b|brief|overview|recap|digest|tl;?dr|minutes|what happened"
            r"|what (?:is|was) (?:it|this|that|the \w+) about",
            re.I,
        ),
    ),
    (Task.QUESTION, re.compile(r"\?|^\s*(?:who|what|when|where|why|how|which|did|does|is|are)\b", re.I)),
)


def task(instruction: str) -> Task:
    """Return what an instruction asks for; a summary if there is none."""
    other = Task.OTHER if instruction.strip() else Task.SUMMARY
    return next((task for task, sign in TASKS if sign.search(instruction)), other)


def answer(instruction: str, transcript: str) -> str:
    """Return what an instruction gets of a transcript, in the transcript's own words.

    A question that stands in the instruction's last paragraph is what is asked; before it is how to answer.
    """
    said = sentences(transcript)
    if not said:
        return "Nothing was said."
    last = instruction.strip().rpartition("\n\n")[2]
    asked = last if last.endswith("?") else instruction
    return ANSWERS[task(asked)](asked, said)


def _joined(said: Sequence[Sentence]) -> str:
    """Return sentences as a text; with speakers or places, a line each."""
    lines = any(sentence.speaker or sentence.place for sentence in said)
    return ("\n" if lines else " ").join(sentence.attributed for sentence in said)


def _summary(_instruction: str, said: Sequence[Sentence]) -> str:
    count = 1 if len(said) <= 3 else min(LONGEST_SUMMARY, max(2, round(0.8 * len(said) ** 0.5)))
    return _joined(best(said, count))


def _other(instruction: str, said: Sequence[Sentence]) -> str:
    return "(This model can only quote. What seems to matter most:)\n" + _summary(instruction, said)


def _takeaway(_instruction: str, said: Sequence[Sentence]) -> str:
    return _joined(best(said, 1))


def _title(_instruction: str, said: Sequence[Sentence]) -> str:
    """Return the words that matter most: said most often, the longer first, in the order of their first mention."""
    spoken = [word for sentence in said for word in re.findall(r"[^\W\d_]{4,}", sentence.text) if stems(word)]
    counts = Counter(stems(word)[0] for word in spoken)
    first = {stems(word)[0]: word for word in reversed(spoken)}
    chosen = sorted(first, key=lambda stem: (-counts[stem], -len(stem)))[:TITLE_WORDS]
    words = [first[stem].lower() for stem in reversed(first) if stem in chosen]
    return ", ".join(words).capitalize()


def _actions(_instruction: str, said: Sequence[Sentence]) -> str:
    items = []
    for sentence in said:
        for clause in [] if CONDITION.search(sentence.text) else _clauses(sentence.text):
            if _commits(clause) or _requests(clause) or _assignee(clause):
                when = WHEN.search(clause)
                about = [_who(sentence.speaker, clause), when[0].strip() if when else "", sentence.place]
                note = ", ".join(part for part in about if part)
                items.append(f"- {clause.rstrip(',;')}" + (f" ({note})" if note else ""))
    return "\n".join(items) or "No action items were said."


def _commits(text: str) -> bool:
    return bool(COMMITMENT.search(text)) and not text.endswith("?")


def _requests(text: str) -> bool:
    """Return whether a clause asks for something; `Who has time for that?` alone does not say for what."""
    return bool(REQUEST.search(text)) and not (OPEN.search(text) and len(stems(text)) < 2)


def _clauses(text: str) -> list[str]:
    """Return the clauses of a sentence; a name that is called belongs to what follows."""
    parts = CLAUSE.split(text)
    called = len(parts) > 1 and len(parts[0].split()) == 1
    return [f"{parts[0]} {parts[1]}", *parts[2:]] if called else parts


def _assignee(text: str) -> str:
    found = CALLED.search(text) or next((name for name in ASSIGNMENT.finditer(text) if name[1] not in NOT_A_NAME), None)
    return found[1] if found else ""


def _who(speaker: str, text: str) -> str:
    """Return who something falls to: a name that is said, the speaker of an `I will`; else who said or asked it."""
    named = _assignee(text)
    if named or not speaker:
        return named
    found = COMMITMENT.search(text)
    if found and found[1].lower() == "i":
        return speaker
    return f"said by {speaker}" if found else f"asked by {speaker}"


def _decisions(_instruction: str, said: Sequence[Sentence]) -> str:
    items = [
        f"- {sentence.attributed}"
        for sentence in said
        if not sentence.asks
        and not CONDITION.search(sentence.text)
        and (DECISION.search(sentence.text) or TOGETHER.search(sentence.text))
    ]
    return "\n".join(items) or "No decisions were said."


def _questions(instruction: str, said: Sequence[Sentence]) -> str:
    """Return the questions; with what was said next, if the instruction speaks of answers."""
    items = []
    for at, sentence in enumerate(said):
        if sentence.asks:
            reply = said[at + 1] if re.search(r"answer|repl", instruction, re.I) and at + 1 < len(said) else None
            then = f" Then: {reply.quoted}" if reply and not reply.asks else ""
            items.append(f"- {sentence.quoted}{then}")
    return "\n".join(items) or "No questions were asked."


def _improve(_instruction: str, said: Sequence[Sentence]) -> str:
    faulty = [(sentence, faults) for sentence in said if (faults := _faults(sentence.text))]
    worst = sorted(range(len(faulty)), key=lambda at: (-len(faulty[at][1]), at))[:QUOTES]
    return (
        "\n".join(f"- {faulty[at][0].quoted}: {'; '.join(faulty[at][1])}." for at in sorted(worst))
        or "Nothing stands out: no hedges, vague or repeated words, fillers, open promises or very long sentences."
    )


def _faults(text: str) -> list[str]:
    """Return what could have been said better."""
    clauses = [] if CONDITION.search(text) or text.endswith("?") else _clauses(text)
    promise = next((found for clause in clauses if (found := PROMISE.search(clause))), None)
    undated = promise and not WHEN.search(text) and not NOW.search(promise.string)
    return [
        *(f"hedged with “{found[0]}”" for found in [HEDGE.search(text)] if found),
        *(f"vague: “{found[0]}”" for found in [VAGUE.search(text)] if found),
        *(f"filled with “{found[0]}”" for found in [FILLER.search(text)] if found),
        *(f"“{found[1]}” is said twice" for found in [REPEAT.search(text)] if found),
        *(["does not say by when"] if undated else []),
        *([f"“{promise[1]}” does not say who"] if promise and promise[1].lower() == "we" else []),
        *(["asks nobody by name"] if OPEN.search(text) else []),
        *([f"{len(text.split())} words in one sentence"] if len(text.split()) >= LONG_SENTENCE else []),
    ]


def _question(instruction: str, said: Sequence[Sentence]) -> str:
    """Return the sentences that share the rarest words with a question, and what was said next if they ask it, too."""
    asked = set(stems(instruction))
    rare = rarity([sentence.text for sentence in said])
    scores = [sum(rare[word] for word in asked & set(stems(sentence.text))) for sentence in said]
    ranked = sorted((at for at in range(len(said)) if scores[at]), key=lambda at: (-scores[at], at))
    close = [at for at in ranked if scores[at] >= scores[ranked[0]] / 2][:QUOTES]
    if not close:
        return "Nothing that was said shares a word with the question."
    replies = {at + 1 for at in close if said[at].asks and at + 1 < len(said)}
    return "\n".join(said[at].quoted for at in sorted({*close, *replies}))


ANSWERS: dict[Task, Callable[[str, Sequence[Sentence]], str]] = {
    Task.TITLE: _title,
    Task.SUMMARY: _summary,
    Task.ACTIONS: _actions,
    Task.DECISIONS: _decisions,
    Task.TAKEAWAY: _takeaway,
    Task.IMPROVE: _improve,
    Task.QUESTIONS: _questions,
    Task.QUESTION: _question,
    Task.OTHER: _other,
}
