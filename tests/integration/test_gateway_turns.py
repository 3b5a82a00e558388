"""What a client receives about speech: turns, partials, answers, silences and heartbeats."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from tests.gateway_harness import CLIPS, RATE, TUTORIAL, Caller, calling, chunks, read, serving, silence

SENTENCE = "He might even have been made amiable himself."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(max_sessions=4) as address:
        yield address


@pytest.fixture
async def caller(url: str) -> AsyncIterator[Caller]:
    async with calling(url) as one:
        yield one


async def test_speech_without_words_has_neither_start_nor_end(url: str) -> None:
    async with calling(url) as caller:
        await caller.say(read(CLIPS[4])[8000:10_400])
        await caller.say(silence(2))
        await caller.send("Terminate")
        await caller.ended()
    assert len(caller.all("SpeechStarted")) == len(caller.finals)


async def test_a_turn_has_its_language_and_utterance(url: str) -> None:
    async with calling(url) as caller:
        await caller.say(read(CLIPS[4]))
        partial = await caller.until("Turn", end_of_turn=False)
        await caller.send("Terminate")
        await caller.ended()
    assert (partial["utterance"], caller.finals[0]["utterance"]) == ("", SENTENCE)
    assert {(turn["language_code"], turn["language_confidence"]) for turn in caller.all("Turn")} == {("en", 1.0)}


async def test_a_pause_of_less_than_a_second_is_reported(url: str) -> None:
    async with calling(url, acknowledge_silence="true") as caller:
        for samples in (read(CLIPS[4]), silence(0.7), read(CLIPS[4])):
            await caller.say(samples)
        await caller.send("Terminate")
        await caller.ended()
    pauses = [(found["start_ms"], found["end_ms"]) for found in caller.all("Silence")]
    assert any(2500 < start < end < 4600 for start, end in pauses), pauses


@pytest.mark.parametrize(
    ("model", "said"), [("u3-rt-pro", SENTENCE), ("universal-streaming-english", SENTENCE.lower().strip("."))]
)
async def test_format_turns_holds_for_the_models_it_is_made_for(url: str, model: str, said: str) -> None:
    async with calling(url, speech_model=model, format_turns="False") as caller:
        await caller.say(read(CLIPS[4]))
        await caller.send("Terminate")
        await caller.ended()
    assert (caller.finals[0]["transcript"], caller.finals[0]["turn_is_formatted"]) == (said, said == SENTENCE)


async def test_a_turn_has_words_in_order_inside_it_and_the_answer_follows(url: str) -> None:
    async with calling(url, **TUTORIAL) as caller:
        await caller.say(silence(1))
        await caller.say(read(CLIPS[4]))
        await caller.say(silence(1.5))
        turn = await caller.until("Turn", end_of_turn=True)
        answer = await caller.until("LLMGatewayResponse")
        await caller.send("Terminate")
        await caller.ended()
    assert turn["transcript"] == SENTENCE == " ".join(word["text"] for word in turn["words"])
    assert turn["turn_order"] == 0
    assert turn["turn_is_formatted"]
    times = [time for word in turn["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert times[0] >= 1000
    assert 3500 <= times[-1] <= 4400
    assert all(0 <= word["confidence"] <= 1 and word["word_is_final"] for word in turn["words"])
    assert answer["transcript"] == SENTENCE
    assert answer["data"]["model"] == "extractive"
    assert answer["data"]["choices"][0]["message"] == {"role": "assistant", "content": SENTENCE}
    assert caller.all("SpeechStarted")[0]["timestamp"] >= 1000


async def test_turns_are_counted_from_zero_and_answers_come_before_termination(url: str) -> None:
    async with calling(url, **TUTORIAL) as caller:
        for clip in CLIPS[3:]:
            await caller.say(read(clip))
            await caller.say(silence(1.5))
        await caller.send("Terminate")
        assert (await caller.ended())[0] == 1000
    assert [turn["turn_order"] for turn in caller.finals] == [0, 1]
    assert sorted(answer["turn_order"] for answer in caller.all("LLMGatewayResponse")) == [0, 1]
    assert caller.received[-1]["type"] == "Termination"


async def test_partials_grow_and_what_is_stable_stays(url: str) -> None:
    async with calling(url, min_turn_silence=60_000, max_turn_silence=60_000) as caller:
        for samples in np.split(read(CLIPS[3]), range(2 * RATE, 7 * RATE, RATE))[:-1]:
            await caller.say(samples)
            await caller.until("Turn", end_of_turn=False)
        await caller.send("Terminate")
        await caller.ended()
    partials = caller.all("Turn", end_of_turn=False)
    assert len(partials) >= 5
    before: list[str] = []
    for partial in partials:
        stable = [word["text"] for word in partial["words"] if word["word_is_final"]]
        assert [word["text"] for word in partial["words"]][: len(before)] == before
        assert stable[: len(before)] == before
        before = stable
    assert before


async def test_no_partials_come_when_none_are_wanted(url: str) -> None:
    async with calling(url, include_partial_turns="false") as caller:
        for chunk in chunks(read(CLIPS[4]), 400):
            await caller.websocket.send(chunk)
            await asyncio.sleep(0.1)
        await caller.send("Terminate")
        await caller.ended()
    assert [turn["end_of_turn"] for turn in caller.all("Turn")] == [True]


async def test_force_endpoint_ends_a_turn_in_its_middle(caller: Caller) -> None:
    samples = read(CLIPS[0])
    await caller.say(samples[: 4 * RATE])
    await caller.send("ForceEndpoint")
    first = await caller.until("Turn", end_of_turn=True)
    await caller.say(samples[4 * RATE :])
    await caller.send("Terminate")
    await caller.ended()
    assert "Dashwood" in first["transcript"]
    assert "power" not in first["transcript"]
    assert "power" in caller.finals[1]["transcript"]
    assert caller.finals[1]["words"][0]["start"] >= first["words"][-1]["end"]


async def test_a_longer_turn_silence_joins_sentences(url: str) -> None:
    samples = np.concatenate([read(CLIPS[4]), silence(1.5), read(CLIPS[4])])
    async with calling(url, min_turn_silence=4000, max_turn_silence=4000) as caller:
        await caller.say(samples)
        await caller.send("Terminate")
        await caller.ended()
    assert len(caller.finals) == 1
    async with calling(url) as caller:
        await caller.send("UpdateConfiguration", min_turn_silence=4000, max_turn_silence=4000)
        await caller.say(samples)
        await caller.send("Terminate")
        await caller.ended()
    assert len(caller.finals) == 1


async def test_a_heartbeat_reports_the_audio_and_the_probability_of_speech(url: str) -> None:
    async with calling(url, session_heartbeat="true") as caller:
        await caller.say(read(CLIPS[4])[: 3 * RATE])
        beat = await caller.until("Heartbeat", total_audio_received_ms=3000)
    assert beat["total_duration_ms"] >= 5000
    assert beat["realtime_factor"] == 1.0
    assert max(beat["max_speech_probability"] for beat in caller.all("Heartbeat")) > 0.9


async def test_silence_is_reported_each_second_on_request(url: str) -> None:
    async with calling(url, acknowledge_silence="true") as caller:
        await caller.say(silence(3.5))
        await caller.send("Terminate")
        await caller.ended()
    silences = caller.all("Silence")
    assert len(silences) == 3
    assert [one["start_ms"] for one in silences[1:]] == [one["end_ms"] for one in silences[:-1]]
