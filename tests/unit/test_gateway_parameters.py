"""Parameters of a gateway session: the query and its updates."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.endpointing import BY_SOUND, Endpointing
from tui.gateway.parameters import InvalidParameterError, Parameters, apply_update, parse
from tui.stream.messages import UpdateConfiguration
from tui.stream.query import LLMGateway


def test_parameters_without_effect_are_named_once() -> None:
    parameters, ignored = parse([("sample_rate", "8000"), ("domain", "x"), ("domain", "y"), ("token", "secret")])
    assert parameters.sample_rate == 8000
    assert ignored == ["domain"]


def test_lists_and_objects_come_as_json() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "{{turn}}"}], "max_tokens": 5}
    parameters, _ = parse([("keyterms_prompt", '["Livegist"]'), ("llm_gateway", json.dumps(asked))])
    assert parameters.keyterms_prompt == ("Livegist",)
    assert parameters.llm_gateway == LLMGateway("m", ({"role": "user", "content": "{{turn}}"},), 5)
    assert parameters.recogniser_prompt == "Words that may occur: Livegist."


@given(st.sampled_from(["sample_rate", "vad_threshold", "llm_gateway", "language_codes"]), st.text(max_size=40))
def test_any_value_is_accepted_or_refused_with_the_name_of_its_parameter(name: str, value: str) -> None:
    refusal = ""
    parameters, ignored = Parameters(), list[str]()
    try:
        parameters, ignored = parse([(name, value)])
    except InvalidParameterError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith(name)
    assert ignored == []
    assert 8000 <= parameters.sample_rate <= 96_000
    assert 0.05 <= parameters.endpointing(Endpointing()).vad_threshold <= 0.99
    assert [code for code in parameters.languages if not isinstance(code, str)] == []


def test_the_silence_that_ends_a_turn_is_at_least_400_ms() -> None:
    now = parse([("min_turn_silence", "100"), ("max_turn_silence", "900")])[0].endpointing(Endpointing())
    assert (now.min_turn_silence_ms, now.max_turn_silence_ms) == (400, 900)
    assert now.vad_threshold == Endpointing().vad_threshold


def test_a_parameter_that_a_client_does_not_send_has_the_default_of_the_gateway() -> None:
    assert Parameters().endpointing(BY_SOUND) == BY_SOUND
    asked = parse([("max_turn_silence", "900")])[0].endpointing(BY_SOUND)
    assert (asked.min_turn_silence_ms, asked.max_turn_silence_ms) == (BY_SOUND.min_turn_silence_ms, 900)


def test_an_update_changes_what_it_names_and_leaves_the_rest() -> None:
    before, _ = parse([("keyterms_prompt", '["Livegist"]'), ("vad_threshold", "0.3"), ("format_turns", "false")])
    after = apply_update(
        before,
        UpdateConfiguration(
            prompt="A stand-up.",
            max_turn_silence=900,
            format_turns=True,
            language_codes=("de",),
            session_heartbeat=True,
            acknowledge_silence=True,
        ),
    )
    assert after.recogniser_prompt == "Words that may occur: Livegist. A stand-up."
    now = after.endpointing(Endpointing())
    assert (now.max_turn_silence_ms, now.vad_threshold) == (900, 0.3)
    assert (before.unformatted, after.unformatted) == (True, False)
    assert (after.languages, after.session_heartbeat, after.acknowledge_silence) == (("de",), True, True)


def test_the_former_name_of_the_shortest_silence_holds_too() -> None:
    now, _ = parse([("min_end_of_turn_silence_when_confident", "700")])
    assert now.endpointing(Endpointing()).min_turn_silence_ms == 700
    after = apply_update(now, UpdateConfiguration(min_end_of_turn_silence_when_confident=900))
    assert after.endpointing(Endpointing()).min_turn_silence_ms == 900


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (UpdateConfiguration(vad_threshold=1.5), "vad_threshold"),
        (UpdateConfiguration(min_turn_silence=-1), "min_turn_silence"),
        (UpdateConfiguration(prompt="a" * 1751), "prompt"),
        (UpdateConfiguration(keyterms_prompt=("a",) * 101), "keyterms_prompt"),
        (UpdateConfiguration(end_of_turn_confidence_threshold=2), "end_of_turn_confidence_threshold"),
    ],
)
def test_an_update_takes_no_value_that_the_query_would_not(asked: UpdateConfiguration, name: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"^{name}: "):
        apply_update(Parameters(), asked)


@pytest.mark.parametrize(
    ("query", "languages"),
    [
        ([], ("en",)),
        ([("language_codes", '["pt-BR", "EN_us", "en"]')], ("pt", "en")),
        ([("language_code", "yue")], ("yue",)),
        ([("language_detection", "true")], ()),
        ([("language_detection", "true"), ("language_codes", '["de", "en"]')], ("de", "en")),
        ([("speech_model", "universal-streaming-multilingual")], ()),
        ([("speech_model", "whisper-rt")], ()),
        ([("speech_model", "whisper-rt"), ("language_codes", '["de"]')], ("de",)),
        ([("language_codes", "de")], ("de",)),
        ([("language_codes", '"pt-BR"')], ("pt",)),
        ([("language_codes", "de"), ("language_codes", "en")], ("de", "en")),
        ([("language_codes", "multi")], ()),
        ([("language_codes", '["multi"]')], ()),
        ([("language_code", "multi")], ()),
    ],
)
def test_the_languages_are_those_the_client_names(query: list[tuple[str, str]], languages: tuple[str, ...]) -> None:
    assert parse(query)[0].languages == languages


@pytest.mark.parametrize("written", ["yes", "Yes", "on", "1", "True", "true", "t"])
def test_yes_on_1_and_true_are_the_same(written: str) -> None:
    assert parse([("session_heartbeat", written)])[0].session_heartbeat is True


@pytest.mark.parametrize("written", ["no", "off", "0", "False", "F", "n"])
def test_no_off_0_and_false_are_the_same(written: str) -> None:
    assert parse([("include_partial_turns", written)])[0].include_partial_turns is False


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ([("keyterms_prompt", "Dashwood")], ("Dashwood",)),
        ([("keyterms_prompt", '"Dashwood"')], ("Dashwood",)),
        ([("keyterms_prompt", "Dashwood"), ("keyterms_prompt", "Norland Park")], ("Dashwood", "Norland Park")),
        ([("keyterms_prompt", '["a", "b"]'), ("keyterms_prompt", "c")], ("a", "b", "c")),
        ([("keyterms_prompt", "")], ()),
    ],
)
def test_key_terms_come_as_a_list_or_one_by_one(query: list[tuple[str, str]], terms: tuple[str, ...]) -> None:
    assert parse(query)[0].keyterms_prompt == terms


@pytest.mark.parametrize(
    ("asked", "languages"), [("de", ("de",)), ("", ()), (("en", "de"), ("en", "de")), ("multi", ())]
)
def test_an_update_takes_one_language_as_it_takes_several(
    asked: str | tuple[str, ...], languages: tuple[str, ...]
) -> None:
    before = parse([("language_detection", "true")])[0]
    assert apply_update(before, UpdateConfiguration(language_codes=asked)).languages == languages


def test_a_silence_that_is_raised_is_named() -> None:
    assert parse([("min_turn_silence", "100")])[0].raised == "min_turn_silence is 400 ms instead of 100 ms."
    assert parse([("min_turn_silence", "400")])[0].raised == parse([])[0].raised == ""


@pytest.mark.parametrize(
    ("query", "unformatted"),
    [
        ([("formatted_finals", "false")], True),
        ([("formatted_finals", "true")], False),
        ([("formatted_finals", "false"), ("speech_model", "u3-rt-pro")], False),
    ],
)
def test_formatted_finals_is_another_name_of_format_turns(query: list[tuple[str, str]], unformatted: bool) -> None:
    assert parse(query)[0].unformatted is unformatted
