import json
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from tui.config.schema import Config
from tui.engine.routing import chat_root, endpoint, resolve_route
from tui.errors import EndpointError, MissingExtraError, UsageError
from tui.model.prompts import PromptLibrary
from tui.paths import PACKAGE

CONFIG = Config()
SUMMARY = PromptLibrary.load(PACKAGE / "prompts")["summary"]


def test_auto_is_the_cloud_with_a_key_and_local_without() -> None:
    assert resolve_route(CONFIG, key="k", llm_key="", local_installed=True).engine == "cloud"
    assert resolve_route(CONFIG, key="", llm_key="", local_installed=True).engine == "local"


def test_without_key_and_local_engine_both_ways_out_are_said() -> None:
    with pytest.raises(EndpointError, match="the local engine is not installed") as raised:
        resolve_route(CONFIG, key="", llm_key="", local_installed=False)
    assert "ASSEMBLYAI_API_KEY" in raised.value.hint
    assert "livegist[local]" in raised.value.hint


def test_the_local_engine_asked_for_and_not_installed_says_how_to_install_it() -> None:
    with pytest.raises(MissingExtraError, match="needs packages that are not installed") as raised:
        resolve_route(replace(CONFIG, engine="local"), key="k", llm_key="", local_installed=False)
    assert "livegist[local]" in raised.value.hint


def test_the_cloud_without_a_key_names_the_variable() -> None:
    with pytest.raises(EndpointError, match="no API key for the cloud engine") as raised:
        resolve_route(replace(CONFIG, engine="cloud"), key="", llm_key="", local_installed=True)
    assert "ASSEMBLYAI_API_KEY" in raised.value.hint


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (replace(CONFIG, url="wss://host", engine="local"), "--engine local exclude each other"),
        (replace(CONFIG, url="https://host"), "https://host"),
        (replace(CONFIG, url="x"), "(?i)x .*websocket|websocket.* x"),
    ],
)
def test_settings_that_contradict_are_a_usage_error(config: Config, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        resolve_route(config, key="k", llm_key="", local_installed=True)


def test_an_address_of_ones_own_needs_no_key() -> None:
    plan = resolve_route(replace(CONFIG, url="ws://127.0.0.1:9"), key="", llm_key="", local_installed=False)
    assert (plan.engine, plan.url, plan.llm_url) == ("cloud", "ws://127.0.0.1:9", "http://127.0.0.1:9")


def test_a_key_never_travels_in_the_open() -> None:
    plan = resolve_route(replace(CONFIG, url="ws://example.net"), key="secret", llm_key="own", local_installed=False)
    assert plan.key == ""
    assert plan.llm_key == ""
    assert any("example.net" in warning for warning in plan.warnings)


def test_the_vendors_key_goes_to_nobody_elses_llm() -> None:
    config = replace(CONFIG, llm_url="https://llm.example.net")
    plan = resolve_route(config, key="vendor", llm_key="", local_installed=False)
    assert (plan.key, plan.llm_key) == ("vendor", "")
    assert resolve_route(config, key="vendor", llm_key="own", local_installed=False).llm_key == "own"


@pytest.mark.parametrize("name", ["assemblyai.com.example.net", "notassemblyai.com", "example.net/assemblyai.com"])
def test_a_host_that_only_looks_like_the_vendors_is_not_it(name: str) -> None:
    plan = resolve_route(replace(CONFIG, url=f"wss://{name}"), key="k", llm_key="", local_installed=False)
    assert plan.llm_url == f"https://{name.partition('/')[0]}"


def test_the_llm_of_the_eu_endpoint_is_in_the_eu() -> None:
    plan = resolve_route(
        replace(CONFIG, url="wss://streaming.eu.assemblyai.com"), key="k", llm_key="", local_installed=False
    )
    assert plan.llm_url == "https://llm-gateway.eu.assemblyai.com"


def test_the_query_is_the_tutorials() -> None:
    query = parse_qs(urlsplit(endpoint("wss://streaming.assemblyai.com", SUMMARY, CONFIG, 16_000)).query)
    assert {name: value for name, (value,) in query.items() if name != "llm_gateway"} == {
        "sample_rate": "16000",
        "format_turns": "True",
        "speech_model": "u3-rt-pro",
    }
    assert json.loads(query["llm_gateway"][0]) == {
        "model": "claude-sonnet-4-20250514",
        "messages": [{"role": "user", "content": "Provide a brief summary of the transcript.\n\nTranscript: {{turn}}"}],
        "max_tokens": 4000,
    }


def test_a_prompt_may_bring_its_own_model() -> None:
    own = replace(SUMMARY, model="small", max_tokens=50)
    asked = json.loads(parse_qs(urlsplit(endpoint("wss://host", own, CONFIG, 16_000)).query)["llm_gateway"][0])
    assert (asked["model"], asked["max_tokens"]) == ("small", 50)


def test_chat_completions_are_beside_the_endpoint() -> None:
    assert chat_root("wss://host:1/v3/ws") == "https://host:1"
    assert chat_root("ws://[::1]:2") == "http://[::1]:2"
    assert chat_root("wss://host/speech/v3/ws?token=1") == "https://host/speech"
    assert chat_root("wss://host/another/path") == "https://host"
