"""Measure the local gateway's speaker labels: diarisation errors, the number of speakers, and the share of a core.

    python -m tests.bench.speakers [--only TEXT]

Conversations of a LibriVox reader and flite's voices, in alternation, with and without pauses, are sent to
`livegist serve` over a socket. Needs flite, and a speaker model: `pip install --no-deps resemblyzer`.
"""

import argparse
import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec
import numpy as np

from tests.bench.gateway import gateway
from tests.bench.table import columns
from tests.gateway_harness import RATE
from tests.scoring import live
from tests.voices import READER, Conversation, conversation, diarisation_error, labelled
from tui.gateway import vad
from tui.gateway.metrics import Metrics
from tui.gateway.recogniser import RecognisedWord, Recogniser, Transcription
from tui.gateway.scheduler import Scheduler
from tui.gateway.speaker_labels import SpeakerLabels
from tui.gateway.speaker_model import SpeakerModel, find_speaker_model, load_speaker_model
from tui.gateway.speaker_profiles import SpeakerProfiles
from tui.gateway.turn_recognition import TurnRecogniser
from tui.gateway.turn_settings import TurnSettings
from tui.stream.messages import WireTurn

PAUSES = {"no pause": (0.0, 0.0), "0.1 to 0.4 s": (0.1, 0.4), "0.8 to 1.2 s": (0.8, 1.2)}
VOICES = ((READER, "slt"), (READER, "rms"), ("rms", "awb"), (READER, "rms", "slt"), ("awb", "rms", "slt"))
TURNS = 9
ALONE_S = 600.0
"""How long one speaker alone has to stay one."""
MAX_ERROR = 0.10
MAX_SHARE = 0.05
SPEED = 4.0
"""Seconds of audio sent a second, if the gateway takes them."""
COST_RUNS = 3


class Result(msgspec.Struct, frozen=True):
    """What the labels of one conversation are like."""

    error: float
    speakers: int
    expected: int
    revised: int

    @property
    def good(self) -> bool:
        """Whether the bars are met."""
        return self.error <= MAX_ERROR and self.speakers == self.expected


def measured(url: str, talk: Conversation, voices: int) -> Result:
    """Send a conversation and score its labels, after the revisions that the session sends."""
    # An endpoint closes a connection whose audio is far ahead of the clock.
    speed = SPEED if talk.duration_s < ALONE_S / 2 else 1.0
    caller = asyncio.run(live(url, talk.samples, speed=speed, speaker_labels="true")).caller
    revisions = caller.all("SpeakerRevision")
    found = labelled(caller.finals, revisions)
    error = diarisation_error(talk.spans, found).total
    return Result(error, len({span.speaker for span in found}), voices, sum(len(one["revisions"]) for one in revisions))


def conversations(only: str) -> Iterator[tuple[str, str, Conversation, int]]:
    """Yield the voices, the pauses and the conversation."""
    for seed, voices in enumerate(VOICES, 1):
        for name, pause_s in PAUSES.items():
            who = ", ".join(voices)
            if only in f"{who}; {name}":
                yield who, name, conversation(voices, TURNS, pause_s, seed), len(voices)
    if only in "alone":
        yield READER, "alone, 10 min", alone_for(READER, ALONE_S), 1


def alone_for(voice: str, seconds: float) -> Conversation:
    """Return a voice that speaks alone, with pauses, for about that long."""
    sentences = round(seconds / conversation((voice,), 5).duration_s * 5)
    return conversation((voice,), sentences, (0.1, 1.2))


class OneWordScheduler:
    """Answers every final with one word, at once and without a recogniser: what is left is the cost of the rest."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()

    def submit_final(self, session: object, job: Any) -> None:
        work = job.prepare()
        self._jobs.append(lambda: job.on_result(work(cast(Recogniser, self))))

    def submit_partial(self, session: object, job: Any) -> None:
        pass

    def cancel(self, session: object) -> None:
        pass

    def transcribe(self, clips: list[Any]) -> list[Transcription]:
        return [Transcription((RecognisedWord("Word.", 0.1, len(clip.samples) / RATE, 0.9),)) for clip in clips]

    def submit(self, work: Callable[[], Any], on_done: Callable[[Any, BaseException | None], None]) -> None:
        """Run the speaker model, as `ModelThread` does."""
        self._jobs.append(lambda: on_done(work(), None))

    def run(self) -> None:
        """Run what is queued."""
        while self._jobs:
            self._jobs.popleft()()


def turns_of(detector: Any, model: SpeakerModel | None, talk: Conversation) -> list[WireTurn]:
    """Return the final turns of a session without a recogniser, with speaker labels if there is a model."""
    scheduler = OneWordScheduler()
    turns: list[WireTurn] = []
    recogniser = TurnRecogniser(
        cast(Scheduler, scheduler),
        vad.VoiceDetector(detector),
        TurnSettings(),
        lambda message: turns.append(message) if isinstance(message, WireTurn) and message.end_of_turn else None,
        Metrics(),
        labels=SpeakerLabels(model, scheduler, SpeakerProfiles(model.unrelated)) if model else None,
    )
    for chunk in np.split(talk.samples, range(RATE // 20, len(talk.samples), RATE // 20)):
        recogniser.feed(chunk)
        scheduler.run()
    recogniser.force_endpoint()
    scheduler.run()
    return turns


def cpu_s(detector: Any, model: SpeakerModel | None, talk: Conversation) -> float:
    """Return the processor time of such a session."""
    began = time.process_time()
    turns_of(detector, model, talk)
    return time.process_time() - began


def alone(model: SpeakerModel) -> Iterator[str]:
    """Yield a line for each voice that speaks alone for a long time: how many turns and labels it gets."""
    for voice in (READER, "slt", "rms", "awb"):
        talk = alone_for(voice, ALONE_S)
        turns = turns_of(vad.load(), model, talk)
        labels = {turn.speaker_label for turn in turns if turn.speaker_label}
        yield f"{voice} alone, {talk.duration_s / 60:.0f} min: {len(turns)} turns, {len(labels)} speaker"


def share_of_a_core(model: SpeakerModel) -> tuple[float, float]:
    """Return the shares of a core that labels take, the least of some runs: without pauses, and with pauses."""
    detector = vad.load()
    shares = []
    for pause_s in (PAUSES["no pause"], PAUSES["0.8 to 1.2 s"]):
        talk = conversation((READER, "rms", "slt"), 12, pause_s)
        runs = [cpu_s(detector, model, talk) - cpu_s(detector, None, talk) for _ in range(COST_RUNS)]
        shares.append(min(runs) / talk.duration_s)
    return shares[0], shares[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the voices' names or of the pause's; or alone, or cost")
    only: str = parser.parse_args().only
    path = find_speaker_model()
    if path is None:
        parser.error("no speaker model is installed: pip install --no-deps resemblyzer")
    table = [("voices", "pauses", "diarisation error", "speakers", "revised turns", "")]
    with gateway() as url:
        for who, pauses, talk, count in conversations(only):
            found = measured(url, talk, count)
            speakers = f"{found.speakers} of {count}"
            passed = "" if found.good else "over the limit"
            table.append((who, pauses, f"{100 * found.error:.1f} %", speakers, str(found.revised), passed))
            print("  ".join(table[-1]), flush=True)
    print(f"\nDiarisation error with a collar of 0.25 s; limit {100 * MAX_ERROR:.0f} %\n\n{columns(table)}\n")
    logging.disable(logging.WARNING)
    if only in "alone":
        print("\n".join(alone(load_speaker_model(path))), flush=True)
    if only in "cost":
        continuous, pauses_too = share_of_a_core(load_speaker_model(path))
        print(
            f"Share of a core: {100 * continuous:.1f} % without pauses, {100 * pauses_too:.1f} % with pauses; "
            f"limit {100 * MAX_SHARE:.0f} %"
        )


if __name__ == "__main__":
    main()
