"""What the gateway's ears are worth: latency, errors, sessions held; beside a batch decode and PocketSphinx.

    python -m tests.bench.gateway [--sessions 1,2,4,6]

Everything runs in real time on this machine, in one run. PocketSphinx, a package of its own, is left out if it is not
installed: `pip install pocketsphinx`.
"""

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import httpx2
import msgspec
import numpy as np

from tests.gateways import CLIPS, RATE, Caller, Samples, calling, chunks, read, silence, spoken, word_errors, words

PAUSE_S = 1.5
CHUNK_MS = 50
HELD_S = 2.0
"""Finals later than this after the decision, and a session does not count as held."""


class Run(msgspec.Struct):
    """What one session was told, and when; seconds from its first sample."""

    caller: Caller
    at_s: list[float] = []
    """When each message of `caller.told` came."""

    def when(self, wanted: Callable[[dict[str, object]], bool]) -> list[tuple[float, dict[str, object]]]:
        return [(at, told) for at, told in zip(self.at_s, self.caller.told, strict=True) if wanted(told)]


@contextmanager
def gateway() -> Iterator[str]:
    """Run `livegist serve`; give its address once the model is loaded."""
    command = [sys.executable, "-m", "tui", "serve", "--port", "0", "--max-sessions", "64"]
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


async def speak(url: str, samples: Samples, delay_s: float = 0.0) -> Run:
    """Say samples in real time."""
    await asyncio.sleep(delay_s)
    async with calling(url) as caller:
        run = Run(caller)
        began = time.monotonic()

        async def send() -> None:
            for count, chunk in enumerate(chunks(samples, CHUNK_MS), 1):
                await asyncio.sleep(began + count * CHUNK_MS / 1000 - time.monotonic())
                await caller.websocket.send(chunk)
            await caller.send("Terminate")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            async for raw in caller.websocket:
                caller.told.append(json.loads(raw))
                run.at_s.append(time.monotonic() - began)
    return run


def first_partials(run: Run) -> list[float]:
    """Return for each turn the seconds from the beginning of speech to its first partial."""
    found, speech_s = [], None
    for at, told in run.when(lambda told: told["type"] in ("SpeechStarted", "Turn")):
        if told["type"] == "SpeechStarted":
            speech_s = told["timestamp"] / 1000  # type: ignore[operator]
        elif speech_s is not None and not told["end_of_turn"]:
            found.append(at - speech_s)
            speech_s = None
    return found


def partial_gaps(run: Run) -> list[float]:
    """Return the seconds between two partials of one turn."""
    partials = run.when(lambda told: told["type"] == "Turn" and not told["end_of_turn"])
    return [
        after[0] - before[0]
        for before, after in itertools.pairwise(partials)
        if before[1]["turn_order"] == after[1]["turn_order"]
    ]


def seconds_a_partial(runs: list[Run]) -> float:
    """Return the seconds of speech for each partial: more, the rarer they are."""
    told = sum(len(run.caller.all("Turn", end_of_turn=False)) for run in runs)
    words = [turn["words"] for run in runs for turn in run.caller.finals]
    return float(sum(said[-1]["end"] - said[0]["start"] for said in words)) / 1000 / max(1, told)


def final_delays(run: Run) -> list[float]:
    """Return for each turn the seconds from the end of its speech to its final."""
    finals = run.when(lambda told: told["type"] == "Turn" and bool(told["end_of_turn"]))
    return [at - told["words"][-1]["end"] / 1000 for at, told in finals]  # type: ignore[index]


def errors(heard: str) -> float:
    """Return the word error rate over the five sentences, in per cent."""
    reference = words(spoken(*CLIPS))
    return 100 * word_errors(reference, words(heard)) / len(reference)


def report(label: str, values: list[float], goal: str) -> None:
    ordered = sorted(values)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    print(f"{label:<44} {median(ordered):6.2f} s median  {p95:6.2f} s p95   (goal: {goal})")


def alone(url: str, samples: Samples) -> None:
    """Print what one session gets."""
    before = counted(url)
    run = asyncio.run(speak(url, samples))
    after = counted(url)
    decided = (after["final_seconds_sum"] - before["final_seconds_sum"]) / len(run.caller.finals)
    busy = after["recogniser_busy_seconds_total"] - before["recogniser_busy_seconds_total"]
    report("first partial after speech begins", first_partials(run), "1.0 median")
    report("between two partials", partial_gaps(run), "0.7 median")
    report("final after the end of speech", final_delays(run), "-")
    print(f"{'final after the decision that the turn is over':<44} {decided:6.2f} s mean              (goal: 0.8)")
    heard = " ".join(str(turn["transcript"]) for turn in run.caller.finals)
    factor = busy / (len(samples) / RATE)
    print(
        f"{'word error rate of the finals':<44} {errors(heard):6.1f} %    {factor:.2f} of real time, partials and all"
    )


def batch(samples: Samples) -> None:
    """Print what a batch decode of the whole makes of it."""
    from faster_whisper import WhisperModel

    from tui.gateway.models import find_model

    model = WhisperModel(str(find_model("tiny.en")), device="cpu", compute_type="int8")
    began = time.monotonic()
    segments, _ = model.transcribe(samples.astype(np.float32) / np.float32(32_768), language="en", beam_size=5)
    heard = " ".join(segment.text for segment in segments)
    factor = (time.monotonic() - began) / (len(samples) / RATE)
    print(f"{'batch decode of the whole, same model':<44} {errors(heard):6.1f} %    {factor:.2f} of real time")


def pocketsphinx(samples: Samples) -> None:
    """Print what PocketSphinx makes of it."""
    try:
        from pocketsphinx import Decoder
    except ModuleNotFoundError:
        print("PocketSphinx is not installed (pip install pocketsphinx)")
        return
    decoder = Decoder(loglevel="FATAL")
    began = time.monotonic()
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    factor = (time.monotonic() - began) / (len(samples) / RATE)
    heard = found.hypstr if found else ""
    print(f"{'PocketSphinx 5, its own English model':<44} {errors(heard):6.1f} %    {factor:.2f} of real time")


async def crowd(url: str, samples: Samples, size: int) -> list[Run]:
    """Run sessions at once, each begun a little after the one before."""
    return await asyncio.gather(*(speak(url, samples, at * 0.7) for at in range(size)))


def together(url: str, samples: Samples, size: int) -> None:
    """Print what so many sessions at once get."""
    before = counted(url)
    runs = asyncio.run(crowd(url, samples, size))
    after = counted(url)
    turns = after["turns_total"] - before["turns_total"]
    mean = (after["final_seconds_sum"] - before["final_seconds_sum"]) / turns
    busy = after["recogniser_busy_seconds_total"] - before["recogniser_busy_seconds_total"]
    delays = sorted(delay for run in runs for delay in final_delays(run))
    rate = max(errors(" ".join(str(turn["transcript"]) for turn in run.caller.finals)) for run in runs)
    print(
        f"{size:3d} sessions: finals {mean:.2f} s after the decision (mean), {delays[-1]:.2f} s after speech (worst); "
        f"a partial for {seconds_a_partial(runs):.2f} s of speech; "
        f"recogniser busy {100 * busy / (len(samples) / RATE):.0f} %; "
        f"worst word error rate {rate:.1f} %; {'held' if mean <= HELD_S else 'not held'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", default="2,4,6,8", help="how many at once, separated by commas")
    sizes = [int(size) for size in parser.parse_args().sessions.split(",") if size]
    samples = np.concatenate([part for clip in CLIPS for part in (read(clip), silence(PAUSE_S))])
    print(f"{len(samples) / RATE:.0f} s of read speech, five sentences, tiny.en int8")
    batch(samples)
    pocketsphinx(samples)
    with gateway() as url:
        alone(url, samples)
        for size in sizes:
            together(url, samples, size)


if __name__ == "__main__":
    main()
