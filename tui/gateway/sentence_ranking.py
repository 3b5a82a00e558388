"""Which sentences matter: what they share with all others, what they tell, and that they say something new. Pure.

Sources: TextRank without the walk (Mihalcea and Tarau, 2004); cue phrases (Edmundson, 1969); maximal marginal
relevance (Carbonell and Goldstein, 1998).
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from tui.gateway.sentences import Sentence, stems

CUE = 0.3
"""Weight of a cue phrase, relative to a centrality of 1 for the most central sentence."""
SAME = 0.7
"""What is taken off for saying again what is chosen already."""
NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand"
CUES = (
    re.compile(rf"\d|%|\bpercent\b|\b(?:{NUMBERS})\b", re.I),
    re.compile(
        r"\b(?:decid|agree|decision|approv|ship|launch|releas|finish|complet|deliver|fix|merg|deploy|delay|cancel)\w*"
        r"|\b(?:will|shall|must|going to|have to)\b",
        re.I,
    ),
    re.compile(
        r"\b(?:problem|risk|issue|bug|block|fail|broke|wrong|worr|deadline|urgent|critical|important|main|because"
        r"|therefore|result|goal)\w*",
        re.I,
    ),
)
"""Figures; what was settled, done or is to be done; troubles, reasons and aims."""
PLEASANTRY = re.compile(
    r"^(?:(?:good (?:morning|afternoon|evening|night)|hello|hi|hey|welcome|thanks?(?: you)?|bye|goodbye|see you)"
    r"(?:[ ,]+\w+){0,2}"
    r"|(?:ok(?:ay)?|right|sure|perfect|exactly|great|fine|well|all right)(?:[ ,]+\w+)?"
    r"|(?:(?:this|that|it)(?:'s| is| was| sounds)? )?(?:very |really |a |an )?"
    r"(?:good|great|nice|excellent|wonderful|perfect|fine)(?: (?:news|idea|point|job|work|question))?"
    r"|let'?s (?:keep (?:this|it)|start|begin|get started|get going|move on|go on|see|hear)\b.{0,20})[.!?…]*$",
    re.I,
)
DEPENDENT = re.compile(r"^(?:it|its|this|that|these|those|they|he|she|and|but|so|then|also|or|if)\b", re.I)
"""What such a sentence speaks of was named before it."""


def best(said: Sequence[Sentence], count: int) -> list[Sentence]:
    """Return the sentences that matter most, none of them for saying the same again, in the order they were said."""
    bags = _bags([sentence.text for sentence in said])
    scores = importance(said)
    # How much of each sentence a chosen one says.
    covered = [0.0] * len(said)
    chosen: list[int] = []
    while len(chosen) < min(count, len(said)):
        rest = (at for at in range(len(said)) if at not in chosen)
        newest = max(rest, key=lambda at: (scores[at] - SAME * covered[at], -at))
        chosen.append(newest)
        covered = [max(share, _cosine(bag, bags[newest])) for share, bag in zip(covered, bags, strict=True)]
    return [said[at] for at in sorted(chosen)]


def importance(said: Sequence[Sentence]) -> list[float]:
    """Return for each sentence how much it matters."""
    central = centrality([sentence.text for sentence in said])
    most = max(central, default=0.0) or 1.0
    return [_weighed(sentence, share / most) for sentence, share in zip(said, central, strict=True)]


def _weighed(sentence: Sentence, central: float) -> float:
    text = sentence.text
    if PLEASANTRY.match(text):
        return 0.0
    score = central + CUE * sum(1 for cue in CUES if cue.search(text))
    score *= min(1.0, len(set(stems(text))) / 4)
    if DEPENDENT.match(text):
        score *= 0.8
    return score * 0.5 if sentence.asks else score


def centrality(texts: Sequence[str]) -> list[float]:
    """Return for each sentence how much it shares with all others, rare words counting more."""
    bags = _bags(texts)
    whole: Counter[str] = Counter()
    for bag in bags:
        for word, weight in bag.items():
            whole[word] += weight  # type: ignore[assignment]
    return [sum(weight * whole[word] for word, weight in bag.items()) for bag in bags]


def rarity(texts: Sequence[str]) -> dict[str, float]:
    """Return for each stem how much it tells: a word that few sentences have tells more."""
    spread = Counter(word for text in texts for word in set(stems(text)))
    return {word: math.log(1 + len(texts) / count) for word, count in spread.items()}


def _bags(texts: Sequence[str]) -> list[dict[str, float]]:
    """Return each text as weights of its stems, of length 1."""
    rare = rarity(texts)
    bags = [{word: count * rare[word] for word, count in Counter(stems(text)).items()} for text in texts]
    norms = [math.sqrt(sum(weight * weight for weight in bag.values())) or 1.0 for bag in bags]
    return [{word: weight / norm for word, weight in bag.items()} for bag, norm in zip(bags, norms, strict=True)]


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    return sum(weight * other.get(word, 0.0) for word, weight in one.items())
