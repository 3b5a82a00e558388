"""How well a recording is recognised: live by a gateway, or in one batch decode; errors, missing words and delays."""

import asyncio
import json
import time
from functools import cache
from typing import Any

import jiwer
import msgspec
import numpy as np

from tests.gateway_harness import Caller, Message, Samples, calling, chunks, words
from tests.hard_speech import Recording

CHUNK_MS = 50
NEAR_S = 0.5
"""A word's time from the decoder and the end of a sentence in the recording are the same when they are so close."""


class Errors(msgspec.Struct, frozen=True):
    """What is wrong with a text."""

    rate: float
    """Word error rate: changed, missing and added words for each word of the reference."""
    longest_missing: int
    """Words of the reference in a row that are missing."""
    missing: str
    """These words."""


class LiveRun(msgspec.Struct):
    """What a gateway sent in one session, and when."""

    caller: Caller
    at_s: list[float] = []
    """For each message of `caller.received`, the seconds from the first sample to its arrival."""

    @property
    def text(self) -> str:
        """The finals as one text."""
        return " ".join(str(turn["transcript"]) for turn in self.caller.finals)

    def turns(self, *, final: bool) -> list[tuple[float, Message]]:
        """Return the turns with the seconds at which each came."""
        pairs = zip(self.at_s, self.caller.received, strict=True)
        return [(at, turn) for at, turn in pairs if turn["type"] == "Turn" and turn["end_of_turn"] is final]


class Settled(msgspec.Struct, frozen=True):
    """Words that partials sent as final, and what became of them."""

    words: int
    changed: int
    """Words that the final does not have there, by more than case and punctuation."""
    turns: int
    turns_changed: int


async def live(url: str, samples: Samples, *, speed: float = 1.0, delay_s: float = 0.0, **query: Any) -> LiveRun:
    """Send samples to a gateway and return what it sends until it has terminated.

    Args:
        url: the gateway's `ws://` address.
        samples: 16 kHz mono.
        speed: seconds of audio sent a second; infinite sends as fast as it is taken.
        delay_s: seconds to wait first.
        query: parameters of the session.
    """
    await asyncio.sleep(delay_s)
    async with calling(url, **query) as caller:
        run = LiveRun(caller)
        began = time.monotonic()

        async def send() -> None:
            for count, chunk in enumerate(chunks(samples, CHUNK_MS), 1):
                await asyncio.sleep(began + count * CHUNK_MS / 1000 / speed - time.monotonic())
                await caller.websocket.send(chunk)
            await caller.send("Terminate")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            async for raw in caller.websocket:
                caller.received.append(json.loads(raw))
                run.at_s.append(time.monotonic() - began)
    return run


def batch(samples: Samples, model: str = "tiny.en") -> str:
    """Return the text of a plain batch decode of the whole, with the model that a gateway would take."""
    segments, _ = _whisper(model).transcribe(
        samples.astype(np.float32) / np.float32(32_768), language="en", beam_size=5
    )
    return " ".join(segment.text.strip() for segment in segments)


def errors(reference: str, text: str) -> Errors:
    """Compare a text with the reference by jiwer; case, punctuation and the spelling of `Mr.` do not count."""
    spoken, found = words(reference), words(text)
    compared = jiwer.process_words(" ".join(spoken), " ".join(found))
    deleted = [chunk for chunk in compared.alignments[0] if chunk.type == "delete"]
    longest = max(deleted, key=lambda chunk: chunk.ref_end_idx - chunk.ref_start_idx, default=None)
    missing = spoken[longest.ref_start_idx : longest.ref_end_idx] if longest else []
    return Errors(float(compared.wer), len(missing), " ".join(missing))


def final_delays(run: LiveRun, recording: Recording) -> list[float]:
    """Return for each final the seconds from the end of its speech to its arrival, at the speed of 1.

    Where a sentence of the recording ends near the last word, that is the end of speech, else the decoder's own time.
    """
    return [at - speech_end(turn, recording) for at, turn in run.turns(final=True) if turn["words"]]


def speech_end(turn: Message, recording: Recording) -> float:
    """Return the second of the recording at which a turn's speech ends."""
    decoded = float(turn["words"][-1]["end"]) / 1000
    nearest = min(recording.ends_s, key=lambda end: abs(end - decoded))
    return nearest if abs(nearest - decoded) <= NEAR_S else decoded


def cut_turns(run: LiveRun, recording: Recording) -> list[str]:
    """Return the text of each turn that ends in the middle of a sentence."""
    turns = [turn for _, turn in run.turns(final=True) if turn["words"]]
    return [turn["transcript"] for turn in turns if speech_end(turn, recording) not in recording.ends_s]


def settled(run: LiveRun) -> Settled:
    """Compare the words that partials sent as final with the finals' words."""
    finals = {turn["turn_order"]: words(turn["transcript"]) for _, turn in run.turns(final=True)}
    latest = {
        turn["turn_order"]: words(" ".join(word["text"] for word in turn["words"] if word["word_is_final"]))
        for _, turn in run.turns(final=False)
    }
    changed = {order: _changed(said, finals.get(order, [])) for order, said in latest.items() if said}
    return Settled(
        words=sum(len(said) for said in latest.values()),
        changed=sum(changed.values()),
        turns=len(changed),
        turns_changed=sum(1 for count in changed.values() if count),
    )


def _changed(said: list[str], final: list[str]) -> int:
    """Return how many words are not in the final in this order."""
    compared = jiwer.process_words(" ".join(said), " ".join(final))
    return int(compared.substitutions + compared.deletions)


@cache
def _whisper(model: str) -> Any:
    from faster_whisper import WhisperModel

    from tui.gateway.speech_models import find_model

    return WhisperModel(str(find_model(model).folder), device="cpu", compute_type="int8")
