"""When a session may remember voices, and how the engine names one that is recognised."""

from pathlib import Path
from typing import Any

import pytest

from tui.config.schema import Config
from tui.engine.endpoints import Endpoints
from tui.engine.gateway_process import GatewayProcess
from tui.engine.routing import Route
from tui.model.prompts import PromptLibrary
from tui.paths import prompt_folders
from tui.stream.speaker_sets import SpeakerSets

LOCAL = Route(engine="local", url="", key="", llm_url="", llm_key="")
CLOUD = Route(engine="cloud", url="wss://streaming.assemblyai.com", key="k", llm_url="", llm_key="")
OTHER = Route(engine="cloud", url="wss://gateway.example", key="k", llm_url="", llm_key="")


@pytest.mark.parametrize(
    ("route", "settings", "allowed"),
    [
        (LOCAL, {"known_voices": True, "speaker_labels": True}, True),
        (LOCAL, {"speaker_labels": True}, False),
        (LOCAL, {"known_voices": True}, False),
        (LOCAL, {"known_voices": True, "speaker_labels": True, "private": True}, False),
        (CLOUD, {"known_voices": True, "speaker_labels": True}, False),
        (OTHER, {"known_voices": True, "speaker_labels": True}, False),
    ],
    ids=["opted in", "off", "no labels", "private", "the service", "another machine"],
)
async def test_voices_are_remembered_only_here_on_request_and_never_in_private(
    tmp_path: Path, route: Route, settings: dict[str, Any], allowed: bool
) -> None:
    gateway = GatewayProcess(tmp_path / "log")

    async def url(config: Config, llm_key: str) -> str:
        return "ws://127.0.0.1:1"

    gateway.url = url  # type: ignore[method-assign]
    prompts = PromptLibrary.load(*prompt_folders())
    endpoints = Endpoints(Config(**settings), route, prompts, gateway, 16_000)
    assert (endpoints.voice_memory is not None) == allowed
    target = await endpoints.target("summary")
    assert ("known_voices" in target.url) == allowed
    assert ("speaker_session" in target.url) == ("speaker_labels" in settings and route is not CLOUD)


async def test_the_voice_of_a_speaker_from_before_a_restart_of_the_gateway_is_not_remembered(tmp_path: Path) -> None:
    config = Config(known_voices=True, speaker_labels=True)
    endpoints = Endpoints(config, LOCAL, PromptLibrary(()), GatewayProcess(tmp_path / "log"), 16_000)
    endpoints.speakers = SpeakerSets(["A", "A-2"])
    assert endpoints.voice_memory is not None
    refused = await endpoints.voice_memory("A", "Ann")
    assert refused == "The gateway was restarted since and no longer knows the voice of A."
