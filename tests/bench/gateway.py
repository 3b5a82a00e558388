"""Measure the local gateway's recognition: errors, missing words, delays, turn ends and sessions at once.

    python -m tests.bench.gateway [--only TEXT] [--sessions 1,2,4,8]

Everything runs on this machine, in one run of about 40 minutes: difficult recordings in real time for the delays, then
with a little silence before them at full speed for the words, beside a batch decode by the same model; the words of
seven people; then continuous speech in several sessions at once. Needs sox. PocketSphinx, a package of its own, is left
out if it is not installed: `pip install pocketsphinx`.
"""

import argparse
import asyncio
import itertools
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import httpx2
import msgspec
import numpy as np

from tests.bench.table import at, columns
from tests.gateway_harness import RATE, silence
from tests.hard_speech import Recording, recordings, several_readers
from tests.scoring import Errors, LiveRun, batch, cut_turns, errors, final_delays, live, settled
from tui.gateway.turn_model import find_turn_model

WITH_PAUSES = ("sentences with pauses", "hesitations of 0.9 s inside sentences")
CONTINUOUS = "continuous: no pause over 100 ms"
STARTS_MS = (0, 17, 51, 66)
"""Silence before a recording, for each run of it. Such a shift changes single words, live and in batch: with one run, a
row of the table could be off by some points."""
SEVERAL_STARTS_MS = (0, 51)
"""The same for the recordings of several people, which are longer."""
WITHIN = 0.01
"""By how much a word error rate may be above that of a batch decode."""
STAGGER_S = 0.7
"""Seconds between the starts of sessions at once."""
ALLOWED_MISSING = 3
"""Words in a row that may be missing; more are printed."""
HELD_S = 2.0
"""A session counts as held if its finals come no later after the decision, on average."""


@contextmanager
def gateway(*flags: str) -> Iterator[str]:
    """Run `livegist serve`; give its address once the model is loaded."""
    command = [sys.executable, "-m", "tui", "serve", "--port", "0", "--max-sessions", "64", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["listening"]
        while httpx2.get(f"{url.replace('ws', 'http', 1)}/healthz").status_code != 200:
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def counted(url: str) -> dict[str, float]:
    """Return the gateway's own counts."""
    text = httpx2.get(f"{url.replace('ws', 'http', 1)}/metrics").text
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name.removeprefix("livegist_gateway_"): float(value) for name, value in lines}


def since(before: dict[str, float], url: str, name: str) -> float:
    """Return by how much a count has grown."""
    return counted(url).get(name, 0.0) - before.get(name, 0.0)


def first_partials(run: LiveRun) -> list[float]:
    """Return for each turn the seconds from the beginning of speech to its first partial."""
    found, speech_s = [], None
    for came, message in zip(run.at_s, run.caller.received, strict=True):
        if message["type"] == "SpeechStarted":
            speech_s = message["timestamp"] / 1000
        elif message["type"] == "Turn" and speech_s is not None and not message["end_of_turn"]:
            found.append(came - speech_s)
            speech_s = None
    return found


def partial_gaps(run: LiveRun) -> list[float]:
    """Return the seconds between two partials of one turn."""
    return [
        after[0] - before[0]
        for before, after in itertools.pairwise(run.turns(final=False))
        if before[1]["turn_order"] == after[1]["turn_order"]
    ]


def seconds_a_partial(runs: Iterable[LiveRun]) -> float:
    """Return the seconds of speech for each partial: more, the rarer they are."""
    count = sum(len(run.turns(final=False)) for run in runs)
    turns = [turn["words"] for run in runs for _, turn in run.turns(final=True) if turn["words"]]
    return float(sum(words[-1]["end"] - words[0]["start"] for words in turns)) / 1000 / max(1, count)


class Compared(msgspec.Struct, frozen=True):
    """The words of a recording, one entry for each start."""

    texts: list[str]
    """Live."""
    live: list[Errors]
    batch: list[Errors]

    @property
    def is_within(self) -> bool:
        """Whether live has at most one point more errors than batch."""
        return mean_rate(self.live) <= mean_rate(self.batch) + WITHIN


def compare(url: str, recording: Recording, starts_ms: Iterable[int]) -> Compared:
    """Transcribe a recording live and in batch. Live, all starts run at once, at full speed: the words are the same."""
    delayed = [np.concatenate([silence(ms / 1000), recording.samples]) for ms in starts_ms]

    async def run() -> list[LiveRun]:
        return await asyncio.gather(*(live(url, samples, speed=math.inf) for samples in delayed))

    texts = [run.text for run in asyncio.run(run())]
    return Compared(
        texts,
        [errors(recording.reference, text) for text in texts],
        [errors(recording.reference, batch(samples)) for samples in delayed],
    )


def mean_rate(found: Sequence[Errors]) -> float:
    """Return the mean word error rate."""
    return statistics.mean(entry.rate for entry in found)


def percent(found: Sequence[Errors]) -> str:
    """Return the mean word error rate and the longest run of missing words."""
    return f"{100 * mean_rate(found):.1f} % ({max(entry.longest_missing for entry in found)})"


def within(compared: Iterable[Compared]) -> str:
    """Return how many recordings have at most one point more errors live than in batch."""
    found = [entry.is_within for entry in compared]
    return f"{sum(found)} of {len(found)} are at most {100 * WITHIN:.0f} point above batch"


def percentiles(delays: Sequence[float]) -> str:
    """Return the median and the 95th percentile, in seconds."""
    return f"{at(0.5, delays):.2f} / {at(0.95, delays):.2f}" if delays else "-"


def recognition(url: str, made: Sequence[Recording]) -> dict[str, LiveRun]:
    """Print the errors of each recording, live and in batch; return the runs in real time by name."""
    print(f"\nMean word error rate of {len(STARTS_MS)} starts (longest run of missing words)")
    print("Speech end to final in real time, p50 / p95 in seconds\n")
    table = [("recording", "live", "batch", "final", "turns", "settled words changed")]
    runs: dict[str, LiveRun] = {}
    words: list[Compared] = []
    notes = []
    for recording in made:
        run = runs[recording.name] = asyncio.run(live(url, recording.samples))
        found = compare(url, recording, STARTS_MS)
        changes = settled(run)
        notes += [
            f"Missing live, {recording.name}: {entry.missing}"
            for entry in found.live
            if entry.longest_missing > ALLOWED_MISSING
        ]
        if run.text != found.texts[0]:
            notes.append(f"Other words at full speed than in real time, {recording.name}: {found.texts[0]}")
        words.append(found)
        table.append(
            (
                recording.name,
                percent(found.live),
                percent(found.batch),
                percentiles(final_delays(run, recording)),
                str(len(run.caller.finals)),
                f"{changes.changed} of {changes.words}, in {changes.turns_changed} of {changes.turns} turns",
            )
        )
    print("\n".join((columns(table), "", within(words), *notes)), flush=True)
    return runs


def several_people(url: str, made: Sequence[Recording]) -> None:
    """Print the errors of each recording, live and in batch."""
    if not made:
        return
    print(f"\nSeven people: mean word error rate of {len(SEVERAL_STARTS_MS)} starts (longest run of missing words)\n")
    words = {recording.name: compare(url, recording, SEVERAL_STARTS_MS) for recording in made}
    table = [(name, percent(found.live), percent(found.batch)) for name, found in words.items()]
    ours = [entry for found in words.values() for entry in found.live]
    theirs = [entry for found in words.values() for entry in found.batch]
    print(columns([("recording", "live", "batch"), *table, ("mean", percent(ours), percent(theirs))]))
    print(f"\n{within(words.values())}", flush=True)


def compare_turn_ends(made: Sequence[Recording]) -> None:
    """Print how turns with pauses end by punctuation alone and with the end-of-turn model, one after the other."""
    model = find_turn_model()
    rules = {"punctuation": "off"} | ({model.stem: str(model)} if model else {})
    table = [("recording", "rule", "speech end to final p50 / p95", "turns", "cut in mid-sentence")]
    for rule, option in rules.items():
        with gateway("--turn-model", option) as url:
            for recording in made:
                run = asyncio.run(live(url, recording.samples))
                delays = percentiles(final_delays(run, recording))
                cut = len(cut_turns(run, recording))
                table.append((recording.name, rule, f"{delays} s", str(len(run.caller.finals)), str(cut)))
    if made:
        print(columns(table), flush=True)
    if not model:
        print("No end-of-turn model is installed (pip install --no-deps pipecat-ai)")


def partials(run: LiveRun) -> None:
    """Print how soon partials come."""
    print(
        f"First partial after speech begins {percentiles(first_partials(run))} s; "
        f"between two partials {percentiles(partial_gaps(run))} s (p50 / p95)"
    )


def pocketsphinx(recording: Recording) -> None:
    """Print what PocketSphinx makes of a recording."""
    try:
        from pocketsphinx import Decoder
    except ModuleNotFoundError:
        print("PocketSphinx is not installed (pip install pocketsphinx)")
        return
    decoder = Decoder(loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(recording.samples.tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    rate = errors(recording.reference, found.hypstr if found else "").rate
    print(f"PocketSphinx 5 with its own English model, {recording.name}: {100 * rate:.1f} %")


async def crowd(url: str, recording: Recording, size: int) -> list[LiveRun]:
    """Run sessions at once, each begun a little after the one before."""
    delays = [STAGGER_S * index for index in range(size)]
    return await asyncio.gather(*(live(url, recording.samples, delay_s=delay) for delay in delays))


def load(url: str, recording: Recording, sizes: Sequence[int]) -> None:
    """Print what several sessions of continuous speech at once get."""
    if not sizes:
        return
    print(f"\nSessions at once: {recording.name}, {recording.duration_s:.0f} s\n")
    head = (
        "sessions",
        "final p50 / p95",
        "worst",
        "after the decision",
        "speech a partial",
        "busy",
        "worst errors",
        "",
    )
    table = [head]
    for size in sizes:
        before = counted(url)
        runs = asyncio.run(crowd(url, recording, size))
        mean_s = since(before, url, "final_seconds_sum") / max(1.0, since(before, url, "turns_total"))
        busy = since(before, url, "recogniser_busy_seconds_total") / recording.duration_s
        delays = [delay for run in runs for delay in final_delays(run, recording)]
        worst = max((errors(recording.reference, run.text) for run in runs), key=lambda found: found.rate)
        table.append(
            (
                str(size),
                f"{percentiles(delays)} s",
                f"{max(delays, default=0.0):.2f} s",
                f"{mean_s:.2f} s",
                f"{seconds_a_partial(runs):.2f} s",
                f"{100 * busy:.0f} %",
                percent([worst]),
                "held" if mean_s <= HELD_S else "not held",
            )
        )
    print(columns(table), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="recordings whose name contains this")
    parser.add_argument("--sessions", default="1,2,4,8", help="how many at once, separated by commas; empty for none")
    options = parser.parse_args()
    made = {recording.name: recording for recording in recordings()}
    chosen = [recording for name, recording in made.items() if options.only in name]
    sizes = [int(size) for size in options.sessions.split(",") if size]
    seconds = sum(len(recording.samples) for recording in chosen) / RATE
    print(f"{len(chosen)} recordings, {seconds:.0f} s of read speech, tiny.en int8")
    with gateway() as url:
        runs = recognition(url, chosen)
        print()
        compare_turn_ends([recording for recording in chosen if recording.name in WITH_PAUSES])
        if WITH_PAUSES[0] in runs:
            partials(runs[WITH_PAUSES[0]])
            pocketsphinx(made[WITH_PAUSES[0]])
        several_people(url, [recording for recording in several_readers() if options.only in recording.name])
        load(url, made[CONTINUOUS], sizes)


if __name__ == "__main__":
    main()
