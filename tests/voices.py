"""Conversations of several voices, with who speaks when, and the error of a diarisation."""

import itertools
import random
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile

from tests.gateway_harness import CLIPS, RATE, Message, Samples, read

READER = "reader"
"""The LibriVox reader; the other voices are those of flite."""
SENTENCES = (
    "The quick report on the budget is ready, and I will send it to everyone before noon.",
    "Could you tell me when the next release of the software is going to be finished?",
    "We found a problem in the login page yesterday, and two customers complained about it.",
    "I have spoken with the team in Berlin, and they would like to move the meeting to Thursday.",
    "The weather has been terrible all week, so the train was late again this morning.",
)
LOUDNESS = 10 ** (-22 / 20)
ROOM = 10 ** (-72 / 20)
EDGE_S = 0.5
QUIET_DB = 30.0
"""A stretch at the ends of a clip so far below its loud parts is cut off."""
COLLAR_S = 0.25
"""Time on each side of a change that is not scored: nobody can say to the millisecond where a word ends."""
STEP_S = 0.01

Floats = npt.NDArray[np.float64]


class Span(msgspec.Struct, frozen=True):
    """A stretch of speech by one speaker."""

    speaker: str
    start_s: float
    end_s: float


class Conversation(msgspec.Struct, frozen=True):
    """Speech by several voices."""

    samples: Samples
    """16 kHz mono."""
    spans: tuple[Span, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / RATE


class DiarisationError(msgspec.Struct, frozen=True):
    """Shares of the scored speech."""

    missed: float
    """Speech without a speaker."""
    false_alarm: float
    """Speakers where nobody speaks."""
    confusion: float
    """Speech of another speaker."""

    @property
    def total(self) -> float:
        return self.missed + self.false_alarm + self.confusion


def utterance(voice: str, number: int) -> Floats:
    """Return a sentence by a voice, without silence around it, at the loudness of all."""
    clip = read(CLIPS[number % len(CLIPS)]) / 32768 if voice == READER else _flite(voice, SENTENCES[number % 5])
    frames = clip[: len(clip) // 160 * 160].reshape(-1, 160)
    levels = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)
    loud = np.flatnonzero(levels > np.percentile(levels, 95) - QUIET_DB)
    clip = clip[loud[0] * 160 : (loud[-1] + 1) * 160]
    return np.asarray(clip * LOUDNESS / np.sqrt(np.mean(np.square(clip))))


def conversation(
    voices: Sequence[str], turns: int, pause_s: tuple[float, float] = (0.0, 0.0), seed: int = 1
) -> Conversation:
    """Return voices in alternation, each with another sentence than the voice before: nobody repeats another's words.

    Args:
        voices: their names.
        turns: of all voices.
        pause_s: shortest and longest pause between two turns.
        seed: of the pauses and of the room's noise.
    """
    said = [(voices[at % len(voices)], utterance(voices[at % len(voices)], at)) for at in range(turns)]
    return joined(said, pause_s, seed)


def joined(said: Iterable[tuple[str, Floats]], pause_s: tuple[float, float], seed: int = 1) -> Conversation:
    """Return utterances one after the other, with pauses between them and a room's faint noise under them."""
    chance, parts, spans = random.Random(seed), [np.zeros(int(EDGE_S * RATE))], []
    position = len(parts[0])
    for speaker, clip in said:
        spans.append(Span(speaker, position / RATE, (position + len(clip)) / RATE))
        parts += [clip, np.zeros(int(chance.uniform(*pause_s) * RATE))]
        position += len(clip) + len(parts[-1])
    parts.append(np.zeros(int(EDGE_S * RATE)))
    audio = np.concatenate(parts)
    audio = audio + np.random.default_rng(seed).normal(0, ROOM, len(audio))
    return Conversation((np.clip(audio, -1, 1) * 32767).astype(np.int16), tuple(spans))


def labelled(finals: Iterable[Message], revisions: Iterable[Message] = ()) -> list[Span]:
    """Return who speaks when by the turns of a session, after its revisions; turns without a label are left out."""
    revised = {item["turn_order"]: item["speaker_label"] for message in revisions for item in message["revisions"]}
    found = ((turn, revised.get(turn["turn_order"], turn.get("speaker_label"))) for turn in finals if turn["words"])
    return [
        Span(label, turn["words"][0]["start"] / 1000, turn["words"][-1]["end"] / 1000) for turn, label in found if label
    ]


def diarisation_error(reference: Sequence[Span], found: Sequence[Span]) -> DiarisationError:
    """Return the diarisation error rate, with the collar of the NIST evaluations; nobody speaks at once here.

    The labels of both are matched such that the error is smallest.
    """
    steps = int(max(span.end_s for span in (*reference, *found)) / STEP_S) + 1
    scored = np.ones(steps, bool)
    for span in reference:
        for edge_s in (span.start_s, span.end_s):
            scored[max(0, _step(edge_s - COLLAR_S)) : _step(edge_s + COLLAR_S)] = False
    names, labels = sorted({span.speaker for span in reference}), sorted({span.speaker for span in found})
    said, labelled = _line(reference, names, steps)[scored], _line(found, labels, steps)[scored]
    table = np.array([[np.sum((said == i) & (labelled == j)) for j in range(len(labels))] for i in range(len(names))])
    speech = int(np.sum(said >= 0))
    correct = _best_match(table.reshape(len(names), len(labels)))
    missed, false_alarm = int(np.sum((said >= 0) & (labelled < 0))), int(np.sum((said < 0) & (labelled >= 0)))
    return DiarisationError(missed / speech, false_alarm / speech, (speech - missed - correct) / speech)


def _best_match(table: npt.NDArray[np.int64]) -> int:
    """Return the largest sum of cells of which no two are in one row or column."""
    if table.shape[0] > table.shape[1]:
        table = table.T
    rows = range(table.shape[0])
    return max(
        (sum(int(table[row, column]) for row, column in zip(rows, columns, strict=True)))
        for columns in itertools.permutations(range(table.shape[1]), table.shape[0])
    )


def _line(spans: Sequence[Span], names: Sequence[str], steps: int) -> npt.NDArray[np.int64]:
    """Return the index of who speaks at each step; -1 for nobody."""
    line = np.full(steps, -1)
    for span in spans:
        line[_step(span.start_s) : _step(span.end_s)] = names.index(span.speaker)
    return line


def _step(at_s: float) -> int:
    return round(at_s / STEP_S)


def _flite(voice: str, text: str) -> Floats:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        samples, rate = soundfile.read(path)
    assert rate == RATE
    return np.asarray(samples, np.float64)
