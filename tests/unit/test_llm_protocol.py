import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.errors import ChatError
from tui.llm.protocol import (
    MAX_REASON_CHARACTERS,
    Completion,
    append_delta,
    parse_completion,
    parse_delta,
    parse_error,
    parse_models,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["choices", "model", "usage", "error", "message", "code", "detail", "content", "delta", "data"])
ANSWERS = st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON) | st.lists(st.dictionaries(NAMES, JSON)))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "model not in plan", "status": 400, "request_id": "r1"}, "model not in plan (request r1)"),
        ({"code": 400, "message": "no such model", "request_id": "r2", "metadata": {}}, "no such model (request r2)"),
        ({"error": {"message": "no such model", "code": "model_not_found", "type": "x"}}, "no such model"),
        ({"error": {"code": "model_not_found"}}, "model_not_found"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"error": "Bad Request", "message": "max_tokens is too large"}, "max_tokens is too large"),
        ("<html><h1>502 Bad Gateway</h1></html>", "<html><h1>502 Bad Gateway</h1></html>"),
        ("", "no reason given"),
        ({"detail": [{"msg": "field required"}]}, "{'detail': [{'msg': 'field required'}]}"),
    ],
)
def test_every_known_shape_of_error_is_read(body: Any, said: str) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    error = parse_error(400, raw)
    assert error.message == f"The LLM server refused (400): {said}"
    assert error.hint
    assert not error.retry


@pytest.mark.parametrize(
    ("status", "again"), [(400, False), (404, False), (429, True), (499, False), (500, True), (503, True)]
)
def test_only_429_and_5xx_are_retried(status: int, again: bool) -> None:
    assert parse_error(status, b"{}").retry is again


@given(st.integers(400, 599), st.binary() | JSON.map(lambda body: json.dumps(body).encode()))
def test_an_error_is_one_short_printable_line_whatever_the_server_says(status: int, body: bytes) -> None:
    error = parse_error(status, body)
    assert error.message.isprintable()
    assert len(error.message) < MAX_REASON_CHARACTERS + 50


@given(ANSWERS | JSON)
def test_any_body_is_an_answer_or_a_chat_error(fields: Any) -> None:
    for parse in (parse_completion, parse_delta):
        found: object
        try:
            found = parse(fields)
        except ChatError as error:
            found = error
        assert isinstance(found, Completion) or (isinstance(found, ChatError) and found.message.isprintable())


@given(st.text(), st.text(), st.integers(0), st.integers(0))
def test_an_answer_keeps_its_text_model_and_tokens(text: str, model: str, asked: int, written: int) -> None:
    usage = {"prompt_tokens": asked, "completion_tokens": written}
    fields = {"model": model, "choices": [{"message": {"content": text}}], "usage": usage}
    assert parse_completion(fields) == Completion(text, model, asked, written)


def test_a_text_in_parts_is_one_text_and_no_text_is_an_empty_one() -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}, {"type": "image"}]
    assert parse_completion({"choices": [{"message": {"content": parts}}]}).text == "one two"
    assert parse_completion({"choices": [{"message": {"content": None}}], "usage": None}).text == ""


def test_an_error_inside_an_answer_says_whether_to_try_again() -> None:
    with pytest.raises(ChatError, match="slow down") as crowded:
        parse_completion({"error": "slow down", "status": 429})
    assert crowded.value.retry
    with pytest.raises(ChatError, match="no such model") as unknown:
        parse_completion({"code": 400, "message": "no such model"})
    assert not unknown.value.retry


@given(st.lists(st.builds(Completion, st.text(), st.text(), st.integers(0, 9), st.integers(0, 9), st.text())))
def test_joined_pieces_have_all_their_text_and_the_last_model(pieces: list[Completion]) -> None:
    whole = Completion("")
    for piece in pieces:
        whole = append_delta(whole, piece)
    assert whole.text == "".join(piece.text for piece in pieces)
    assert whole.model == next((piece.model for piece in reversed(pieces) if piece.model), "")


@given(st.binary())
def test_a_list_of_models_is_one_or_none(body: bytes) -> None:
    assert parse_models(body) is None
    assert parse_models(b'{"data": [{"id": "a", "owned_by": 3}]}') == ["a"]


@pytest.mark.parametrize("parse", [parse_completion, parse_delta])
@pytest.mark.parametrize(
    ("fields", "status", "again", "message"),
    [
        ({"error": {"message": "slow down", "code": 429}}, 429, True, "The LLM server refused (429): slow down"),
        ({"error": "bad model", "status": 400}, 400, False, "The LLM server refused (400): bad model"),
        ({"error": "out of memory", "code": 599}, 599, True, "The LLM server refused (599): out of memory"),
        ({"error": "odd", "code": 600}, 0, False, "The LLM server failed: odd"),
        ({"error": "odd", "code": "model_not_found"}, 0, False, "The LLM server failed: odd"),
    ],
)
def test_an_error_inside_a_good_answer_is_reported(
    parse: Callable[[Any], Completion], fields: dict[str, Any], status: int, again: bool, message: str
) -> None:
    with pytest.raises(ChatError) as failed:
        parse(fields | {"choices": [{"message": {"content": "half an answer"}}]})
    assert (failed.value.message, failed.value.status, failed.value.retry) == (message, status, again)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "Check the key"),
        (404, "Check llm_url"),
        (413, "exceeds the model's context"),
        (500, "The server has a problem"),
        (418, "Try again"),
    ],
)
def test_each_refusal_says_what_to_do(status: int, hint: str) -> None:
    assert hint in parse_error(status, b"{}").hint
