"""Facts of the protocol, one row or one test each."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.compressed_speech import ENCODINGS, messages
from tests.gateway_harness import CLIPS, RATE, TUTORIAL, Caller, calling, chunks, read, serving, silence
from tui.stream.query import WS_PATH

SENTENCE = "He might even have been made amiable himself."
QUIET = bytes(2 * RATE // 10)
"""A frame of 100 ms."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(max_sessions=4) as address:
        yield address


@pytest.fixture
async def caller(url: str) -> AsyncIterator[Caller]:
    async with calling(url) as one:
        yield one


class Row(msgspec.Struct, frozen=True):
    """A protocol fact: what is sent and how it ends."""

    fact: str
    query: dict[str, Any] = {}
    sends: tuple[Any, ...] = ()
    """Bytes are a frame, a dict a message, text is sent as it is."""
    code: int = 1000
    reason: str = ""
    warns: bool = False
    """Whether a `Warning` comes, which is an error to some clients."""


TERMINATE = {"type": "Terminate"}
TABLE = (
    Row("Terminate is answered with Termination and 1000", sends=(QUIET, TERMINATE)),
    Row("the tutorial's query is understood", query=TUTORIAL, sends=(QUIET, TERMINATE)),
    Row("booleans come in Python's spelling too", query={"session_heartbeat": "True"}, sends=(TERMINATE,)),
    Row("an unknown parameter is ignored", query={"colour": "blue"}, sends=(TERMINATE,)),
    Row("KeepAlive is taken", sends=({"type": "KeepAlive"}, TERMINATE)),
    Row("ForceEndpoint in silence does nothing", sends=(QUIET, {"type": "ForceEndpoint"}, TERMINATE)),
    Row(
        "UpdateConfiguration is taken with fields of later versions",
        sends=({"type": "UpdateConfiguration", "min_turn_silence": 500, "novel": 1}, TERMINATE),
    ),
    Row("fifty frames under 50 ms are forgiven", sends=(*[QUIET[:640]] * 50, TERMINATE)),
    Row("the fifty-first is not", sends=(*[QUIET[:640]] * 51,), code=3007, reason="Duration"),
    Row("a frame of exactly a second is taken", sends=(QUIET * 10, TERMINATE)),
    Row("a longer one is not", sends=(QUIET * 11,), code=3007, reason="Duration"),
    Row("an empty frame counts as short", sends=(*[b""] * 51,), code=3007, reason="Duration"),
    Row("a message over 128 KB closes with 1009", query={"sample_rate": 96_000}, sends=(bytes(131_073),), code=1009),
    Row("310 s ahead of the clock is too far", sends=(*[QUIET * 10] * 350,), code=3007, reason="Rate"),
    Row("text that is not JSON closes with 3006", sends=("hello",), code=3006, reason="Invalid Message"),
    Row("JSON that is no object closes with 3006", sends=("[1]",), code=3006, reason="Invalid Message"),
    Row("an unknown type closes with 3006", sends=({"type": "Sing"},), code=3006, reason="Invalid Message"),
    Row(
        "a value of a wrong type closes with 3006",
        sends=({"type": "UpdateConfiguration", "vad_threshold": "loud"},),
        code=3006,
        reason="Invalid Message",
    ),
    *(
        Row(
            f"so does a {name} of {value!r} in UpdateConfiguration",
            sends=({"type": "UpdateConfiguration", name: value},),
            code=3006,
            reason=name,
        )
        for name, value in (("vad_threshold", 2), ("min_turn_silence", -1), ("prompt", "a" * 1751))
    ),
    Row("a sample rate below 8000 closes with 3006", query={"sample_rate": 7999}, code=3006, reason="sample_rate"),
    Row("one above 96000 too", query={"sample_rate": 96_001}, code=3006, reason="sample_rate"),
    Row("one that is no number too", query={"sample_rate": "high"}, code=3006, reason="sample_rate"),
    Row("an unknown encoding closes with 3006", query={"encoding": "flac"}, code=3006, reason="encoding"),
    *(
        Row(
            f"{encoding} needs no rate",
            query={"encoding": encoding, "sample_rate": []},
            sends=(TERMINATE,),
        )
        for encoding in ("opus", "ogg_opus", "aac")
    ),
    Row(
        "compressed audio that is something else closes with 3006, which no client retries",
        query={"encoding": "ogg_opus"},
        sends=(QUIET,),
        code=3006,
        reason="ogg_opus",
    ),
    *(
        Row(f"languages come as {written}", query={"language_codes": written}, sends=(TERMINATE,), warns=warns)
        for written, warns in (
            ("en", False),
            ('"en"', False),
            ('["en"]', False),
            ("", False),
            ('["en", "fr"]', True),
            (["en", "fr"], True),
            ("multi", True),
        )
    ),
    *(
        Row(f"key terms come as {written}", query={"keyterms_prompt": written}, sends=(TERMINATE,))
        for written in ("Dashwood", '"Dashwood"', '["Dashwood"]', ["Dashwood", "Norland"])
    ),
    *(
        Row(f"a boolean comes as {written}", query={"format_turns": written}, sends=(TERMINATE,))
        for written in ("yes", "1", "True", "off", "No")
    ),
    Row("a list that is an object closes with 3006", query={"language_codes": "{}"}, code=3006, reason="language"),
    Row("a list that does not end closes with 3006", query={"keyterms_prompt": "[1"}, code=3006, reason="keyterms"),
    Row(
        "a long reason is cut to what a close frame holds", query={"encoding": "é" * 300}, code=3006, reason="encoding"
    ),
    Row("a VAD threshold above 1 closes with 3006", query={"vad_threshold": 1.1}, code=3006, reason="vad_threshold"),
    Row("idleness under 5 s cannot be asked", query={"inactivity_timeout": 4}, code=3006, reason="inactivity"),
    Row("llm_gateway has to be JSON", query={"llm_gateway": "{"}, code=3006, reason="llm_gateway"),
    Row("with messages in it", query={"llm_gateway": '{"model": "x"}'}, code=3006, reason="messages"),
    Row("with one at least", query={"llm_gateway": '{"model": "x", "messages": []}'}, code=3006, reason="messages"),
    Row(
        "and room for an answer",
        query={"llm_gateway": '{"model": "x", "messages": [{"role": "user", "content": "a"}], "max_tokens": 0}'},
        code=3006,
        reason="max_tokens",
    ),
    Row(
        "a hundred key terms are the most", query={"keyterms_prompt": json.dumps(["a"] * 101)}, code=3006, reason="key"
    ),
    Row(
        "a parameter without effect here takes no wrong value either",
        query={"max_speakers": 11},
        code=3006,
        reason="max_speakers",
    ),
    Row("one that is no truth value neither", query={"speaker_labels": "maybe"}, code=3006, reason="speaker_labels"),
    Row("a mode that came after us is taken", query={"mode": "novel"}, sends=(TERMINATE,)),
    *(
        Row(f"{name} is taken", query={name: value}, sends=(TERMINATE,))
        for name, value in (
            ("continuous_partials", "false"),
            ("formatted_finals", "true"),
            ("language_detection", "true"),
            ("interruption_delay", 0),
            ("previous_context_n_turns", 3),
            ("voice_focus", "near-field"),
        )
    ),
    Row("a prompt has at most 1750 characters", query={"prompt": "a" * 1751}, code=3006, reason="prompt"),
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.fact)
async def test_conformance(url: str, row: Row) -> None:
    async with calling(url, **row.query) as caller:
        with contextlib.suppress(ConnectionClosed):
            for sent in row.sends:
                await caller.websocket.send(json.dumps(sent) if isinstance(sent, dict) else sent)
        code, reason = await caller.ended()
    assert (code, row.reason.lower() in reason.lower()) == (row.code, True), reason
    types = [message["type"] for message in caller.received]
    if row.code == 1000:
        assert types == (["Begin", "Warning", "Termination"] if row.warns else ["Begin", "Termination"])
    elif row.code != 1009:
        assert caller.received[-1] == {"type": "Error", "error_code": row.code, "error": caller.received[-1]["error"]}
        assert "Termination" not in types


async def test_another_path_is_not_there(url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{url}/v2/realtime/ws")
    assert refused.value.response.status_code == 404
    assert WS_PATH in json.loads(refused.value.response.body)["error"]


async def test_begin_comes_first_and_says_when_the_session_expires(caller: Caller) -> None:
    begin = await caller.until("Begin")
    assert caller.received == [begin]
    assert begin["expires_at"] > 1_700_000_000
    assert begin["configuration"]["model"] == "tiny.en"


async def test_what_has_no_effect_is_logged_and_counted_and_the_client_gets_no_warning(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    query: dict[str, Any] = {"redact_pii": "true", "colour\x1b": 1, "min_turn_silence": 100}
    async with calling(url, format_turns="true", **query) as caller:
        await caller.send("Terminate")
        await caller.ended()
    assert caller.all("Warning") == []
    assert caller.received[0]["configuration"]["ignored_parameters"] == ["colour\\x1b", "redact_pii"]
    assert "Parameters without an effect: colour\\x1b, redact_pii." in caplog.messages
    assert "min_turn_silence is 400 ms instead of 100 ms." in caplog.messages
    metrics = httpx2.get(f"{url.replace('ws', 'http', 1)}/metrics").text
    assert 'livegist_gateway_ignored_parameters_total{name="redact_pii"}' in metrics
    assert 'livegist_gateway_ignored_parameters_total{name="unknown"}' in metrics
    assert "colour" not in metrics


@pytest.mark.parametrize(("name", "value"), [("language_codes", '["fr"]'), ("language_code", "fr")])
async def test_a_language_that_the_model_lacks_is_named_in_a_warning(url: str, name: str, value: str) -> None:
    async with calling(url, **{name: value}) as caller:
        warning = (await caller.until("Warning"))["warning"]
    assert warning == f"The model tiny.en does not know the language in {name}."


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_compressed_audio_is_transcribed_and_its_duration_is_rounded(url: str, encoding: str) -> None:
    async with calling(url, encoding=encoding, sample_rate=[]) as caller:
        for message in messages(encoding, np.concatenate([read(CLIPS[4]), silence(0.4)])):
            await caller.websocket.send(message)
        await caller.send("Terminate")
        await caller.ended()
    assert [turn["transcript"] for turn in caller.finals] == [SENTENCE]
    # The clip has 3.29 s; with 3.69 s of sound, cut off were wrong.
    assert caller.received[-1]["audio_duration_seconds"] == 4


async def test_speech_without_words_has_neither_start_nor_end(url: str) -> None:
    async with calling(url) as caller:
        await caller.say(read(CLIPS[4])[8000:10_400])
        await caller.say(silence(2))
        await caller.send("Terminate")
        await caller.ended()
    assert len(caller.all("SpeechStarted")) == len(caller.finals)


async def test_a_turn_tells_its_language_and_utterance(url: str) -> None:
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


async def test_each_route_but_the_health_asks_for_the_token() -> None:
    with serving(token="right") as url:
        http = url.replace("ws", "http", 1)
        asked = {
            path: httpx2.get(f"{http}{path}").status_code
            for path in ("/v1/models", "/v1/models/extractive", "/metrics")
        }
        allowed = httpx2.get(f"{http}/v1/models", headers={"Authorization": "Bearer right"})
    assert set(asked.values()) == {401}
    assert [model["id"] for model in allowed.json()["data"]] == ["extractive"]


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


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 96_000])
async def test_any_sample_rate_is_transcribed(url: str, rate: int) -> None:
    import soxr

    resampled = soxr.resample(read(CLIPS[4]), RATE, rate)
    size = rate // 10
    async with calling(url, sample_rate=rate) as caller:
        for at in range(0, len(resampled) - size, size):
            await caller.websocket.send(resampled[at : at + size].astype("<i2").tobytes())
        await caller.send("Terminate")
        await caller.ended()
    assert "amiable himself" in caller.finals[0]["transcript"]
    assert 2800 <= caller.finals[0]["words"][-1]["end"] <= 3300


async def test_mulaw_is_transcribed(url: str) -> None:
    samples = read(CLIPS[4]).astype(np.int32)
    size = np.minimum(np.abs(samples), 32_635) + 132
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    code = ~(np.where(samples < 0, 128, 0) | (exponent << 4) | ((size >> (exponent + 3)) & 15)) & 255
    async with calling(url, encoding="pcm_mulaw") as caller:
        for at in range(0, len(code) - 1600, 1600):
            await caller.websocket.send(code[at : at + 1600].astype(np.uint8).tobytes())
        await caller.send("Terminate")
        await caller.ended()
    assert caller.finals[0]["transcript"] == SENTENCE


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


async def test_an_idle_client_is_disconnected(url: str) -> None:
    async with calling(url, inactivity_timeout=5) as caller:
        code, reason = await caller.ended()
    assert code == 3006
    assert "inactivity" in reason


async def test_one_session_too_many_is_refused() -> None:
    with serving(max_sessions=1) as url:
        async with calling(url) as first:
            await first.until("Begin")
            async with calling(url) as second:
                assert await second.ended() == (3009, "Too many concurrent sessions")
            await first.send("Terminate")
            assert (await first.ended())[0] == 1000
        async with calling(url) as third:
            await third.until("Begin")


async def test_a_session_ends_when_its_time_is_over() -> None:
    with serving(max_session_s=1.0) as url:
        async with calling(url) as caller:
            code, reason = await caller.ended()
    assert code == 3008
    assert "expired" in reason


async def test_a_gateway_that_stops_finishes_the_open_turn() -> None:
    with ExitStack() as stack:
        url = stack.enter_context(serving())
        async with calling(url, **TUTORIAL) as caller:
            await caller.say(read(CLIPS[4]))
            await caller.until("SpeechStarted")
            ended = asyncio.create_task(caller.ended())
            await asyncio.to_thread(stack.close)
            assert (await ended)[0] == 1000
    assert caller.finals[0]["transcript"] == SENTENCE
    assert caller.all("LLMGatewayResponse")


async def test_a_token_opens_one_session_and_expires() -> None:
    with serving(token="right") as url:
        http = url.replace("ws", "http", 1)

        def token(**query: Any) -> httpx2.Response:
            return httpx2.get(f"{http}/v3/token", params=query, headers={"Authorization": "right"})

        asked_at = time.time()
        granted = token(expires_in_seconds=60, max_session_duration_seconds=60).json()
        assert granted["expires_in_seconds"] == 60
        async with calling(url, token=granted["token"], key="") as caller:
            begin = await caller.until("Begin")
        assert asked_at - 1 <= begin["expires_at"] - 60 <= time.time()
        async with calling(url, token=granted["token"], key="") as caller:
            assert await caller.ended() == (1008, "Unauthorized connection: Token already used")
        async with calling(url, key="lgt-forged.0") as caller:
            assert (await caller.ended())[0] == 1008
        short = token(expires_in_seconds=1).json()["token"]
        error = ""
        while error != "Unauthorized connection: Token expired":
            await asyncio.sleep(0.1)
            async with calling(url, token=short, key="") as caller:
                error = json.loads(await caller.websocket.recv()).get("error", "")
        assert [token(expires_in_seconds=asked).status_code for asked in (0, 601, "soon")] == [400, 400, 400]
        assert httpx2.get(f"{http}/v3/token", params={"expires_in_seconds": 60}).status_code == 401


async def test_a_web_page_of_another_origin_is_refused(url: str) -> None:
    http = url.replace("ws", "http", 1)
    headers = {"host": url.removeprefix("ws://")}
    assert httpx2.get(f"{http}/v1/models", headers=headers | {"origin": "https://evil.example"}).status_code == 403
    assert httpx2.get(f"{http}/v1/models", headers={"host": "evil.example"}).status_code == 403
    assert httpx2.get(f"{http}/v1/models", headers=headers | {"origin": "http://127.0.0.1:3000"}).status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{url}/v3/ws", origin=Origin("https://evil.example"))
    assert refused.value.response.status_code == 403
