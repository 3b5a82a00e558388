import json
import urllib.parse
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.structs import TEXT, instances
from tui.stream import messages
from tui.stream.close_codes import Retry, classify_close
from tui.stream.messages import (
    Begin,
    Error,
    LLMGatewayResponse,
    Unknown,
    WireTurn,
    WireWord,
    encode,
    parse_client,
    parse_server,
)
from tui.stream.query import LLMGateway, connection_url

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(
    ["Begin", "Turn", "LLMGatewayResponse", "Error", "Heartbeat", "SpeakerRevision", "Termination", "Warning", "New"]
)
FIELDS = st.sampled_from(
    ["id", "expires_at", "turn_order", "transcript", "end_of_turn", "words", "data", "error", "error_code", "revisions"]
)
TURN = {"type": "Turn", "turn_order": 3, "transcript": "So it is", "end_of_turn": True, "turn_is_formatted": True}
HEARD = st.just("heard")
"""A transcript: an empty one is filled with the words."""


@given(st.binary() | st.text())
def test_no_bytes_break_the_parser(raw: bytes | str) -> None:
    assert isinstance(parse_server(raw), get_args(messages.ServerMessage))


@given(JSON | st.builds(lambda kind, rest: rest | {"type": kind}, TYPES, st.dictionaries(FIELDS, JSON)))
def test_no_json_breaks_the_parser(message: Any) -> None:
    assert isinstance(parse_server(json.dumps(message)), get_args(messages.ServerMessage))


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"half \\ud83d of a pair"', "half \ufffd of a pair"),
        ('"a whole \\ud83d\\ude00 pair"', "a whole \U0001f600 pair"),
        ('"\\ude00\\ud83d"', "\ufffd\ufffd"),
    ],
)
def test_half_a_surrogate_pair_costs_no_turn(written: str, text: str) -> None:
    turn = parse_server(f'{{"type":"Turn","turn_order":1,"end_of_turn":true,"transcript":{written},"words":[]}}')
    assert isinstance(turn, WireTurn)
    assert turn.transcript == text
    assert encode(turn)


def test_a_number_that_is_none_costs_no_turn() -> None:
    words = '[{"text":"a","start":1,"end":2,"confidence":NaN}]'
    turn = parse_server(
        f'{{"type":"Turn","turn_order":1,"end_of_turn":true,"transcript":"a","end_of_turn_confidence":Infinity,"words":{words}}}'
    )
    assert isinstance(turn, WireTurn)
    assert (turn.transcript, turn.words[0].confidence, turn.end_of_turn_confidence) == ("a", 1.0, 0.0)


@pytest.mark.parametrize("raw", ["[" * 100_000, '{"a":' * 100_000], ids=["list", "object"])
def test_depth_does_not_break_the_parser(raw: str) -> None:
    assert parse_server(raw) == Unknown("not JSON")
    with pytest.raises(msgspec.MsgspecError, match=r"nested too deeply|Expected `object`"):
        parse_client(raw)


@pytest.mark.parametrize("kind", [kind for kind in get_args(messages.ServerMessage) if kind is not Unknown])
@given(given=st.data())
def test_the_client_reads_every_message_of_the_gateway(
    kind: type[messages.ServerMessage], given: st.DataObject
) -> None:
    own: dict[str, st.SearchStrategy[Any]] = {"transcript": HEARD} if kind is WireTurn else {}
    message = given.draw(instances(kind, **own))
    assert parse_server(encode(message)) == message


@pytest.mark.parametrize("kind", get_args(messages.ClientMessage))
@given(given=st.data())
def test_the_gateway_reads_every_message_of_the_client(
    kind: type[messages.ClientMessage], given: st.DataObject
) -> None:
    message = given.draw(instances(kind))
    assert parse_client(encode(message)) == message


def test_a_message_of_a_future_type_is_reported_by_its_name() -> None:
    assert parse_server('{"type":"Telepathy","thought":1}') == Unknown("Telepathy")


def test_an_error_may_come_without_a_type_and_its_code_as_text() -> None:
    assert parse_server('{"error":"Not authorized"}') == Error("Not authorized")
    assert parse_server('{"type":"Error","error":"bad","error_code":"3006"}') == Error("bad", 3006)
    assert parse_server('{"type":"Error","error":"bad","error_code":true}') == Error("bad")


def test_the_gateways_answer_may_be_spelled_otherwise() -> None:
    raw = '{"type":"LlmGatewayResponse","turn_order":1,"transcript":"a","data":{"choices":[]}}'
    assert parse_server(raw) == LLMGatewayResponse(1, "a", {"choices": []})


def test_a_begin_that_does_not_say_when_it_ends_still_begins() -> None:
    assert parse_server('{"type":"Begin","id":"x"}') == Begin("x")


def test_a_turn_needs_its_order_alone() -> None:
    assert parse_server('{"type":"Turn","turn_order":0}') == WireTurn(0, "", False, False, 0.0, ())


def test_numbers_may_be_floats_or_text_and_a_null_is_a_field_left_out() -> None:
    word = {"text": "So", "start": 12.6, "end": "80", "confidence": None, "word_is_final": None}
    message = parse_server(json.dumps(TURN | {"turn_order": "3", "utterance": None, "words": [word]}))
    assert message == WireTurn(3, "So it is", True, True, 0.0, (WireWord("So", 13, 80),))


@pytest.mark.parametrize("words", [None, 7, [{}], [{"text": "So", "start": "soon", "end": 1}]])
def test_words_that_make_no_sense_do_not_cost_the_turn(words: Any) -> None:
    assert parse_server(json.dumps(TURN | {"words": words})) == WireTurn(3, "So it is", True, True, 0.0, ())


def test_a_turn_without_a_transcript_is_its_words() -> None:
    words = [{"text": "So", "start": 0, "end": 1}, {"text": "it", "start": 1, "end": 2}]
    message = parse_server(json.dumps(TURN | {"transcript": "", "words": words}))
    assert isinstance(message, WireTurn)
    assert message.transcript == "So it"


TUTORIAL = {
    "sample_rate": 16000,
    "format_turns": True,
    "speech_model": "u3-rt-pro",
    "llm_gateway": json.dumps(
        {
            "model": "claude-sonnet-4-20250514",
            "messages": [
                {
                    "role": "user",
                    "content": "Provide a brief summary of the transcript.\n\nTranscript: {{turn}}",
                }
            ],
            "max_tokens": 4000,
        }
    ),
}
"""The parameters that the vendor's tutorial sends."""


def url(base: str = "wss://streaming.assemblyai.com", **other: Any) -> str:
    asked = "Provide a brief summary of the transcript.\n\nTranscript: {{turn}}"
    gateway = LLMGateway("claude-sonnet-4-20250514", ({"role": "user", "content": asked},), 4000)
    usual: dict[str, Any] = {
        "sample_rate": 16000,
        "speech_model": "u3-rt-pro",
        "format_turns": True,
        "llm_gateway": gateway,
    }
    return connection_url(base, **(usual | other))


def query(address: str) -> dict[str, list[str]]:
    return urllib.parse.parse_qs(urllib.parse.urlsplit(address).query, keep_blank_values=True)


def test_the_address_is_the_tutorials_letter_by_letter() -> None:
    assert url() == f"wss://streaming.assemblyai.com/v3/ws?{urllib.parse.urlencode(TUTORIAL)}"


def test_without_a_prompt_no_answers_are_asked_for() -> None:
    assert "llm_gateway" not in query(url(llm_gateway=None))


@pytest.mark.parametrize(
    ("base", "start"),
    [
        ("ws://127.0.0.1:8000", "ws://127.0.0.1:8000/v3/ws?sample_rate="),
        ("ws://127.0.0.1:8000/", "ws://127.0.0.1:8000/v3/ws?sample_rate="),
        ("wss://example.com/speech/v3/ws", "wss://example.com/speech/v3/ws?sample_rate="),
        ("wss://example.com/?token=a%26b", "wss://example.com/v3/ws?sample_rate="),
    ],
)
def test_the_path_is_added_where_there_is_none(base: str, start: str) -> None:
    assert url(base).startswith(start)


def test_what_stands_in_the_address_or_the_options_is_sent_once_and_comes_first() -> None:
    asked = query(
        url("wss://example.com/?token=a%26b&speech_model=theirs", options={"sample_rate": 8000, "domain": None})
    )
    assert asked["token"] == ["a&b"]
    assert asked["speech_model"] == ["theirs"]
    assert asked["sample_rate"] == ["8000"]
    assert "domain" not in asked


def test_options_are_written_as_the_vendors_sdk_writes_them() -> None:
    asked = query(url(options={"keyterms_prompt": ["gist", "tür"], "speaker_labels": True, "vad_threshold": 0.5}))
    assert json.loads(asked["keyterms_prompt"][0]) == ["gist", "tür"]
    assert asked["speaker_labels"] == ["True"]
    assert asked["vad_threshold"] == ["0.5"]


@pytest.mark.parametrize(
    ("code", "reason", "retry"),
    [
        (1000, "", Retry.NO),
        (1006, "", Retry.YES),
        (1011, "", Retry.YES),
        (1012, "The session goes on after connecting again.", Retry.YES),
        (3005, "Session cancelled", Retry.YES),
        (1008, "Missing Authorization header", Retry.NO),
        (1008, "Not authorized", Retry.NO),
        (1008, "Too many concurrent sessions", Retry.LATER),
        (1009, "", Retry.NO),
        (3006, "Invalid JSON", Retry.NO),
        (3006, "Session terminated due to inactivity", Retry.YES),
        (3007, "Audio Transmission Rate Exceeded", Retry.NO),
        (3008, "Session expired", Retry.YES),
        (3009, "", Retry.LATER),
        (410, "Gone", Retry.NO),
        (404, "", Retry.NO),
        (401, "", Retry.NO),
        (429, "", Retry.LATER),
        (400, "", Retry.NO),
        (500, "", Retry.YES),
        (503, "", Retry.YES),
        (1001, "going away", Retry.YES),
    ],
)
def test_a_close_code_says_whether_to_try_again(code: int, reason: str, retry: Retry) -> None:
    assert classify_close(code, reason).retry is retry


@given(st.integers(), st.text())
def test_every_ending_has_a_meaning_and_a_hint(code: int, reason: str) -> None:
    end = classify_close(code, reason)
    assert end.meaning.endswith(".")
    assert end.hint.endswith(".")
    assert (end.code, end.reason) == (code, reason)


def test_a_refused_key_and_a_crowded_account_are_distinguished() -> None:
    assert "key" in classify_close(1008, "Not authorized").meaning
    assert "sessions" in classify_close(1008, "Too many concurrent sessions").meaning
