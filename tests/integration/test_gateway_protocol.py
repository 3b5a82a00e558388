"""Facts of the gateway's protocol: parameters, messages, close codes and warnings."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateway_harness import RATE, TUTORIAL, Caller, calling, serving
from tui.stream.query import WS_PATH

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
async def test_the_session_ends_with_the_code_and_reason_of_the_protocol(url: str, row: Row) -> None:
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


async def test_another_path_is_not_found(url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{url}/v2/realtime/ws")
    assert refused.value.response.status_code == 404
    assert WS_PATH in json.loads(refused.value.response.body)["error"]


async def test_begin_comes_first_and_says_when_the_session_expires(caller: Caller) -> None:
    begin = await caller.until("Begin")
    assert caller.received == [begin]
    assert begin["expires_at"] > 1_700_000_000
    assert begin["configuration"]["model"] == "tiny.en"


async def test_parameters_without_an_effect_are_logged_and_counted_and_the_client_gets_no_warning(
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
